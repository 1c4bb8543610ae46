package org.clipc.grammar.format;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import org.antlr.v4.runtime.CharStreams;
import org.antlr.v4.runtime.CommonTokenStream;
import org.antlr.v4.runtime.Token;
import org.clipc.grammar.ClipSyntax;
import org.clipc.grammar.Parsed;
import org.clipc.grammar.antlr.ClipLexer;
import org.clipc.grammar.antlr.ClipParser;
import org.clipc.grammar.diagnostic.Diagnostic;
import org.clipc.grammar.diagnostic.SourceFile;

/**
 * The canonical layout of {@code .clip} sources: two spaces per level, one item per line, single spaces around
 * operators, at most one blank line in a row and exactly one between declarations. Inside expressions the author's line
 * breaks stay. Only white space changes, so a formatted source means what it meant; formatting twice changes nothing.
 */
public final class Formatter {
    /**
     * @param text the formatted source, or the source as it was if it has syntax errors
     * @param diagnostics its syntax errors
     */
    public record Formatted(String text, List<Diagnostic> diagnostics) {
        public Formatted {
            diagnostics = List.copyOf(diagnostics);
        }
    }

    private static final int INDENT = 2;

    private final List<Token> tokens;
    private final NewLines newLines;
    private final Layout layout;
    private final StringBuilder out = new StringBuilder();

    private final Deque<Bracket> brackets = new ArrayDeque<>();
    private final Deque<Item> items = new ArrayDeque<>();
    private int lineIndent;

    /** For every token the first one from it on that is no comment. */
    private final int[] significant;

    /** An open bracket and the indentation of the line it stands in. */
    private record Bracket(int type, int indent) {}

    /** How many brackets were open where an item starts, and the indentation of that line. */
    private record Item(int depth, int indent) {}

    private Formatter(List<Token> tokens, NewLines newLines, Layout layout) {
        this.tokens = tokens;
        this.newLines = newLines;
        this.layout = layout;
        this.significant = new int[tokens.size()];
        for (int i = tokens.size() - 1; i >= 0; i--) {
            significant[i] = Spacing.isComment(tokens.get(i).getType()) ? significant[i + 1] : i;
        }
    }

    public static Formatted format(SourceFile file) {
        Parsed parsed = ClipSyntax.parse(file);
        if (!parsed.ok()) {
            return new Formatted(file.text(), parsed.diagnostics());
        }
        var lexer = new ClipLexer(
                CharStreams.fromString(file.text().replace("\r\n", "\n").replace('\r', '\n')));
        var stream = new CommonTokenStream(lexer);
        ClipParser.UnitContext tree = new ClipParser(stream).unit();
        List<Token> tokens = stream.getTokens();
        var newLines = new NewLines(tokens);
        return new Formatted(
                new Formatter(tokens, newLines, new Layout(tree, tokens, newLines)).run(), parsed.diagnostics());
    }

    private String run() {
        items.push(new Item(0, -INDENT)); // continuation of nothing, at column 0
        for (int i = 0; i < tokens.size(); i++) {
            Token token = tokens.get(i);
            if (token.getType() == Token.EOF) {
                break;
            }
            boolean closes = Spacing.isCloser(token.getType());
            if (closes) {
                closeItems();
            }
            if (out.isEmpty()) {
                lineIndent = 0;
            } else if (beginsLine(i)) {
                out.append('\n').append(blankBefore(i) ? "\n" : "");
                lineIndent = indent(i);
                out.append(" ".repeat(lineIndent));
            } else {
                out.append(space(i));
            }
            if (layout.itemStarts.get(i)) {
                startItem();
            }
            if (closes) {
                brackets.pop();
            } else if (Spacing.isOpener(token.getType())) {
                brackets.push(new Bracket(token.getType(), lineIndent));
            }
            out.append(text(token));
        }
        return out.isEmpty() ? "" : out.append('\n').toString();
    }

    private void startItem() {
        closeItems();
        items.push(new Item(brackets.size(), lineIndent));
    }

    private void closeItems() {
        while (items.size() > 1 && items.element().depth >= brackets.size()) {
            items.pop();
        }
    }

    private boolean beginsLine(int i) {
        Token previous = tokens.get(i - 1);
        if (previous.getType() == ClipLexer.LINE_COMMENT || previous.getType() == ClipLexer.DOC_COMMENT) {
            return true;
        }
        if (layout.joined.get(i)) {
            return false;
        }
        return layout.breaks.get(i) ? !followsOwnLineComment(i) || newLines.before(i) > 0 : newLines.before(i) > 0;
    }

    /** A block comment at the start of a line may share it with the item that it precedes. */
    private boolean followsOwnLineComment(int i) {
        return tokens.get(i - 1).getType() == ClipLexer.BLOCK_COMMENT
                && !Spacing.isCloser(tokens.get(i).getType())
                && (i == 1 || beginsLine(i - 1));
    }

    private boolean blankBefore(int i) {
        int previous = i - 1;
        boolean afterDeclaration = false;
        while (previous >= 0
                && Spacing.isComment(tokens.get(previous).getType())
                && !(previous > 0 && beginsLine(previous))) {
            previous--; // trailing comments belong to the line before
        }
        if (previous >= 0) {
            afterDeclaration = layout.declarationEnds.get(previous);
        }
        if (brackets.isEmpty() && afterDeclaration) {
            return true;
        }
        if (layout.declarationStarts.get(i)
                && !Spacing.isComment(tokens.get(i - 1).getType())) {
            return true;
        }
        boolean betweenItems = layout.itemStarts.get(i)
                || Spacing.isComment(tokens.get(i).getType())
                || Spacing.isComment(tokens.get(i - 1).getType());
        return newLines.before(i) > 1
                && betweenItems
                && tokens.get(i - 1).getType() != ClipLexer.LBRACE
                && tokens.get(i).getType() != ClipLexer.RBRACE;
    }

    private int indent(int i) {
        if (Spacing.isCloser(tokens.get(i).getType())) {
            return brackets.element().indent;
        }
        // A comment stands where the thing after it will.
        int at = significant[i];
        int type = tokens.get(at).getType();
        boolean inBlock = brackets.isEmpty() || brackets.element().type == ClipLexer.LBRACE;
        boolean startsItem = layout.itemStarts.get(at) || type == Token.EOF;
        if (startsItem || (inBlock && Spacing.isCloser(type))) {
            return brackets.isEmpty() ? 0 : brackets.element().indent + INDENT;
        }
        Item item = items.element();
        return (brackets.size() > item.depth ? brackets.element().indent : item.indent) + INDENT;
    }

    private String space(int i) {
        Token token = tokens.get(i);
        if (token.getType() == ClipLexer.LINE_COMMENT || token.getType() == ClipLexer.DOC_COMMENT) {
            return "  ";
        }
        boolean tight = layout.tightBefore.get(i)
                || layout.tightAfter.get(i - 1)
                || Spacing.tight(tokens.get(i - 1).getType(), token.getType());
        return tight ? "" : " ";
    }

    private static String text(Token token) {
        return switch (token.getType()) {
            case ClipLexer.LINE_COMMENT, ClipLexer.DOC_COMMENT ->
                token.getText().stripTrailing();
            default -> token.getText();
        };
    }
}
