package org.clipc.grammar.format;

import org.clipc.grammar.antlr.ClipLexer;

/** Facts about kinds of tokens. */
final class Spacing {
    private Spacing() {}

    static boolean isOpener(int type) {
        return type == ClipLexer.LBRACE || type == ClipLexer.LPAREN || type == ClipLexer.LBRACKET;
    }

    static boolean isCloser(int type) {
        return type == ClipLexer.RBRACE || type == ClipLexer.RPAREN || type == ClipLexer.RBRACKET;
    }

    static boolean isComment(int type) {
        return type == ClipLexer.LINE_COMMENT || type == ClipLexer.DOC_COMMENT || type == ClipLexer.BLOCK_COMMENT;
    }

    /** Whether nothing stands between two neighbours wherever they meet. */
    static boolean tight(int left, int right) {
        return left == ClipLexer.LPAREN
                || left == ClipLexer.LBRACKET
                || right == ClipLexer.RPAREN
                || right == ClipLexer.RBRACKET
                || right == ClipLexer.COMMA
                || (right == ClipLexer.COLON && left != ClipLexer.COMMA)
                || (right == ClipLexer.SPREAD && left != ClipLexer.COMMA)
                || left == ClipLexer.DOT
                || right == ClipLexer.DOT
                || (left == ClipLexer.LBRACE && right == ClipLexer.RBRACE);
    }
}
