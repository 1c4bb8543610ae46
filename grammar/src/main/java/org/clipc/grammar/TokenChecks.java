package org.clipc.grammar;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.antlr.v4.runtime.Token;
import org.clipc.grammar.antlr.ClipLexer;
import org.clipc.grammar.diagnostic.Diagnostic;
import org.clipc.grammar.diagnostic.SourceFile;
import org.clipc.grammar.diagnostic.SourceSpan;

/** What can be said of the tokens alone: characters outside the language, open strings and comments, lost brackets. */
final class TokenChecks {
    private static final Map<String, String> HINTS = Map.of(
            ";", "statements need no separators: remove it",
            "'", "strings stand in double quotes",
            "&", "logical and is written `and`",
            "!", "logical not is written `not`",
            "#", "comments start with `//`",
            "?", "a choice is written `if c then a else b`",
            "^", "powers are written `pow(x, y)`");

    private final SourceFile file;
    private final CodePoints offsets;
    private final List<Diagnostic> found = new ArrayList<>();
    private final Map<Integer, Integer> openOfType = new HashMap<>();
    private boolean unclosed;

    TokenChecks(SourceFile file, CodePoints offsets) {
        this.file = file;
        this.offsets = offsets;
    }

    /** Whether a bracket is never closed, which makes any complaint about the end of the file redundant. */
    boolean unclosed() {
        return unclosed;
    }

    List<Diagnostic> check(List<Token> tokens) {
        Deque<Token> open = new ArrayDeque<>();
        Token stray = null;
        for (Token token : tokens) {
            if (token.getType() == ClipLexer.STRAY) {
                // A run of strange characters is one complaint.
                if (stray == null || token.getStartIndex() != stray.getStopIndex() + 1) {
                    found.add(strayCharacter(token));
                }
                stray = token;
            }
            switch (token.getType()) {
                case ClipLexer.UNTERMINATED_STRING ->
                    found.add(Diagnostic.error(span(token), "this string has no closing `\"` on its line"));
                case ClipLexer.UNTERMINATED_COMMENT -> {
                    SourceSpan start = span(token);
                    found.add(Diagnostic.error(
                            file.span(start.start(), start.start() + 2), "this comment is never closed by `*/`"));
                }
                case ClipLexer.LBRACE, ClipLexer.LPAREN, ClipLexer.LBRACKET -> {
                    open.push(token);
                    openOfType.merge(token.getType(), 1, Integer::sum);
                }
                case ClipLexer.RBRACE, ClipLexer.RPAREN, ClipLexer.RBRACKET -> close(open, token);
                default -> {}
            }
        }
        if (!open.isEmpty()) {
            unclosed = true;
            found.add(Diagnostic.error(span(open.peek()), "this `" + open.peek().getText() + "` is never closed"));
        }
        return found;
    }

    private void close(Deque<Token> open, Token closer) {
        if (open.isEmpty()) {
            found.add(Diagnostic.error(span(closer), "this `" + closer.getText() + "` closes nothing"));
            return;
        }
        if (closes(open.peek(), closer)) {
            pop(open);
            return;
        }
        // `( … }`: when an outer bracket fits, the inner ones were forgotten; otherwise the closer is the odd one.
        if (openOfType.getOrDefault(opening(closer), 0) > 0) {
            Token inner = pop(open);
            found.add(Diagnostic.error(
                            span(closer),
                            "`" + inner.getText() + "` is still open here: found `" + closer.getText() + "`")
                    .label(span(inner), "opened here"));
            while (!closes(open.peek(), closer)) {
                pop(open);
            }
            pop(open);
        } else {
            found.add(Diagnostic.error(span(closer), "this `" + closer.getText() + "` closes nothing")
                    .label(
                            span(open.peek()),
                            "the bracket open here is `" + open.peek().getText() + "`"));
        }
    }

    private Token pop(Deque<Token> open) {
        Token inner = open.pop();
        openOfType.merge(inner.getType(), -1, Integer::sum);
        return inner;
    }

    private static boolean closes(Token opener, Token closer) {
        return opener.getType() == opening(closer);
    }

    private static int opening(Token closer) {
        return switch (closer.getType()) {
            case ClipLexer.RBRACE -> ClipLexer.LBRACE;
            case ClipLexer.RPAREN -> ClipLexer.LPAREN;
            default -> ClipLexer.LBRACKET;
        };
    }

    private Diagnostic strayCharacter(Token token) {
        String text = token.getText();
        int c = text.codePointAt(0);
        String shown = Character.isISOControl(c) || Character.getType(c) == Character.FORMAT || Character.isSpaceChar(c)
                ? String.format("U+%04X", c)
                : "`" + text + "`";
        Diagnostic diagnostic = Diagnostic.error(span(token), "the character " + shown + " means nothing here");
        String hint = HINTS.get(text);
        return hint == null ? diagnostic : diagnostic.note(hint);
    }

    private SourceSpan span(Token token) {
        return offsets.span(file, token, token);
    }
}
