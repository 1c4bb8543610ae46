package org.clipc.grammar.format;

import java.util.List;
import org.antlr.v4.runtime.Token;
import org.clipc.grammar.antlr.ClipLexer;

/** How many line ends the author put before each token (0, 1, or 2 for a blank line and more). */
final class NewLines {
    private final int[] before;

    NewLines(List<Token> tokens) {
        before = new int[tokens.size()];
        for (int i = 1; i < before.length; i++) {
            Token previous = tokens.get(i - 1);
            int lastLine = previous.getLine();
            if (previous.getType() != Token.EOF) {
                lastLine +=
                        (int) previous.getText().chars().filter(c -> c == '\n').count();
            }
            before[i] = Math.min(2, tokens.get(i).getLine() - lastLine);
        }
    }

    int before(int token) {
        return before[token];
    }

    /** Whether a line ends anywhere after token {@code open} and up to token {@code close}. */
    boolean within(int open, int close, List<Token> tokens) {
        for (int i = open + 1; i <= close; i++) {
            boolean multiline = tokens.get(i).getType() == ClipLexer.BLOCK_COMMENT
                    && tokens.get(i).getText().indexOf('\n') >= 0;
            if (before[i] > 0 || multiline) {
                return true;
            }
        }
        return false;
    }
}
