package org.clipc.grammar;

import org.antlr.v4.runtime.DefaultErrorStrategy;
import org.antlr.v4.runtime.Parser;
import org.antlr.v4.runtime.RecognitionException;
import org.antlr.v4.runtime.Token;
import org.antlr.v4.runtime.TokenStream;
import org.clipc.grammar.antlr.ClipParser;

/**
 * Where parsing goes on after an error: at the next place that looks like the start of something, so that one mistake
 * gives one message and the next mistake is found too.
 */
final class Recovery extends DefaultErrorStrategy {
    @Override
    public void recover(Parser recognizer, RecognitionException e) {
        TokenStream input = recognizer.getInputStream();
        boolean stuck = lastErrorIndex == input.index();
        if (!stuck) {
            skip(recognizer, input);
        }
        super.recover(recognizer, e);
    }

    private static void skip(Parser recognizer, TokenStream input) {
        int depth = 0;
        while (true) {
            Token token = input.LT(1);
            switch (token.getType()) {
                case Token.EOF -> {
                    return;
                }
                case ClipParser.LPAREN, ClipParser.LBRACKET -> depth++;
                case ClipParser.RPAREN, ClipParser.RBRACKET -> depth--;
                case ClipParser.LBRACE,
                        ClipParser.RBRACE,
                        ClipParser.CONFIG,
                        ClipParser.MODULE,
                        ClipParser.MODEL,
                        ClipParser.FN,
                        ClipParser.ENTRY,
                        ClipParser.PARAM,
                        ClipParser.INLINE,
                        ClipParser.FROZEN,
                        ClipParser.LET,
                        ClipParser.VAR,
                        ClipParser.RETURN,
                        ClipParser.RECOMPUTE,
                        ClipParser.ASSERT -> {
                    return;
                }
                default -> {
                    if (depth <= 0 && startsLine(input, token)) {
                        return;
                    }
                }
            }
            recognizer.consume();
        }
    }

    private static boolean startsLine(TokenStream input, Token token) {
        Token before = input.LT(-1);
        return before != null && before.getLine() < token.getLine();
    }
}
