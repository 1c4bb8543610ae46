package org.clipc.grammar;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.antlr.v4.runtime.BaseErrorListener;
import org.antlr.v4.runtime.NoViableAltException;
import org.antlr.v4.runtime.Parser;
import org.antlr.v4.runtime.RecognitionException;
import org.antlr.v4.runtime.Recognizer;
import org.antlr.v4.runtime.Token;
import org.antlr.v4.runtime.misc.IntervalSet;
import org.clipc.grammar.antlr.ClipParser;
import org.clipc.grammar.diagnostic.Diagnostic;
import org.clipc.grammar.diagnostic.SourceFile;
import org.clipc.grammar.diagnostic.SourceSpan;
import org.jspecify.annotations.Nullable;

/** ANTLR's complaints in words that someone who has never seen a grammar understands. */
final class SyntaxErrors extends BaseErrorListener {
    private static final int MAX_ALTERNATIVES = 4;

    private final SourceFile file;
    private final CodePoints offsets;
    private final List<Diagnostic> diagnostics;
    private final boolean unclosed;

    SyntaxErrors(SourceFile file, CodePoints offsets, List<Diagnostic> diagnostics, boolean unclosed) {
        this.file = file;
        this.offsets = offsets;
        this.diagnostics = diagnostics;
        this.unclosed = unclosed;
    }

    @Override
    public void syntaxError(
            Recognizer<?, ?> recognizer,
            @Nullable Object offendingSymbol,
            int line,
            int charPositionInLine,
            String message,
            @Nullable RecognitionException e) {
        if (!(recognizer instanceof Parser parser) || !(offendingSymbol instanceof Token token)) {
            return;
        }
        Token found = e instanceof NoViableAltException n ? furthest(n, token) : token;
        if (found.getType() == Token.EOF && unclosed) {
            return;
        }
        SourceSpan span = offsets.span(file, found, found);
        Diagnostic diagnostic =
                Diagnostic.error(span, "expected " + expected(parser, e) + ", found " + describe(found));
        String hint = hint(parser, found);
        diagnostics.add(hint == null ? diagnostic : diagnostic.note(hint));
    }

    private static Token furthest(NoViableAltException e, Token otherwise) {
        return e.getOffendingToken() == null ? otherwise : e.getOffendingToken();
    }

    static String describe(Token token) {
        if (token.getType() == Token.EOF) {
            return "the end of the file";
        }
        String text = token.getText();
        String shown = text.length() > 40 ? text.substring(0, 37) + "…" : text;
        return isKeyword(token) ? "the keyword `" + shown + "`" : "`" + shown + "`";
    }

    private static boolean isKeyword(Token token) {
        return token.getType() >= ClipParser.IMPORT && token.getType() <= ClipParser.FALSE;
    }

    private static String expected(Parser parser, @Nullable RecognitionException e) {
        // In the middle of a rule the set of possible tokens says it best; at the start of one, the rule's meaning.
        IntervalSet set =
                e == null || e.getExpectedTokens() == null ? parser.getExpectedTokens() : e.getExpectedTokens();
        List<String> tokens = new ArrayList<>();
        boolean startsExpression = set.contains(ClipParser.INT) && set.contains(ClipParser.LPAREN);
        if (startsExpression) {
            return "an expression";
        }
        boolean continuesExpression = set.contains(ClipParser.PLUS) && set.contains(ClipParser.STAR);
        for (int type : set.toArray()) {
            boolean fallout = continuesExpression && isOperatorOrPostfix(type);
            if (!fallout && type != ClipParser.IN) {
                tokens.add(tokenName(type));
            }
        }
        if (set.contains(ClipParser.PARAM) && set.contains(ClipParser.FN)) {
            return "a member (`param`, `name = Module(…)`, `let`, `fn`, `entry`, …) or `}`";
        }
        if (set.contains(ClipParser.MODULE) && set.contains(ClipParser.MODEL)) {
            return "a declaration (`config`, `module`, `fn` or `model`)";
        }
        if (set.contains(ClipParser.RETURN) && set.contains(ClipParser.LET)) {
            return "a statement (`let`, `var`, `return`, `if`, …) or `}`";
        }
        if (continuesExpression) {
            tokens.addFirst("an operator");
        }
        if (tokens.isEmpty() || tokens.size() > MAX_ALTERNATIVES) {
            return "something else";
        }
        int last = tokens.size() - 1;
        return tokens.size() == 1
                ? tokens.getFirst()
                : String.join(", ", tokens.subList(0, last)) + " or " + tokens.get(last);
    }

    private static boolean isOperatorOrPostfix(int type) {
        return switch (type) {
            case ClipParser.PLUS,
                    ClipParser.MINUS,
                    ClipParser.STAR,
                    ClipParser.SLASH,
                    ClipParser.PERCENT,
                    ClipParser.AT,
                    ClipParser.LT,
                    ClipParser.LE,
                    ClipParser.GT,
                    ClipParser.GE,
                    ClipParser.EQ,
                    ClipParser.NE,
                    ClipParser.AND,
                    ClipParser.OR,
                    ClipParser.DOT,
                    ClipParser.LPAREN,
                    ClipParser.LBRACKET -> true;
            default -> false;
        };
    }

    private static String tokenName(int type) {
        return switch (type) {
            case Token.EOF -> "the end of the file";
            case ClipParser.IDENT -> "a name";
            case ClipParser.STRING -> "a string";
            case ClipParser.INT, ClipParser.FLOAT -> "a number";
            default -> {
                String literal = ClipParser.VOCABULARY.getLiteralName(type);
                yield literal == null
                        ? ClipParser.VOCABULARY.getDisplayName(type).toLowerCase(Locale.ROOT)
                        : "`" + literal.substring(1, literal.length() - 1) + "`";
            }
        };
    }

    private static @Nullable String hint(Parser parser, Token found) {
        Token before = parser.getInputStream().LT(-1);
        if (found.getType() == ClipParser.FROZEN || (before != null && before.getType() == ClipParser.FROZEN)) {
            return "`frozen` stands before what it freezes: `frozen param …`, `frozen visual = …`";
        }
        if (isKeyword(found) && parser.getExpectedTokens().contains(ClipParser.IDENT)) {
            return "`" + found.getText() + "` is reserved and cannot be used as a name";
        }
        if (found.getType() == ClipParser.ASSIGN && parser.getExpectedTokens().contains(ClipParser.EQ)) {
            return "comparison is written `==`";
        }
        return null;
    }
}
