package org.clipc.grammar.antlr;

import java.util.ArrayDeque;
import java.util.Deque;
import org.antlr.v4.runtime.Parser;
import org.antlr.v4.runtime.ParserRuleContext;
import org.antlr.v4.runtime.Token;
import org.antlr.v4.runtime.TokenStream;
import org.antlr.v4.runtime.misc.ParseCancellationException;

/**
 * Base of the generated parser. Counts how deep the syntax tree grows and gives up at {@link #MAX_DEPTH}, so that
 * nothing that walks the tree recursively (this parser first of all) can overflow the stack on hostile input.
 */
public abstract class DepthLimitedParser extends Parser {
    /** Levels of the syntax tree; one level of parentheses takes two or three, one operator of a chain takes one. */
    public static final int MAX_DEPTH = 600;

    /** Thrown at the token where the tree got too deep. */
    public static final class TooDeep extends ParseCancellationException {
        private static final long serialVersionUID = 1L;
        private final transient Token token;

        TooDeep(Token token) {
            super("syntax tree deeper than " + MAX_DEPTH);
            this.token = token;
        }

        /** Where the limit was reached. */
        public Token token() {
            return token;
        }
    }

    private int depth;
    private final Deque<Integer> recursiveRules = new ArrayDeque<>();

    protected DepthLimitedParser(TokenStream input) {
        super(input);
    }

    @Override
    public void enterRule(ParserRuleContext localctx, int state, int ruleIndex) {
        super.enterRule(localctx, state, ruleIndex);
        descend();
    }

    @Override
    public void exitRule() {
        super.exitRule();
        depth--;
    }

    @Override
    public void enterRecursionRule(ParserRuleContext localctx, int state, int ruleIndex, int precedence) {
        super.enterRecursionRule(localctx, state, ruleIndex, precedence);
        recursiveRules.push(depth);
        descend();
    }

    // A chain such as a + b + c … grows the tree to the left without recursion in the parser.
    @Override
    public void pushNewRecursionContext(ParserRuleContext localctx, int state, int ruleIndex) {
        super.pushNewRecursionContext(localctx, state, ruleIndex);
        descend();
    }

    @Override
    public void unrollRecursionContexts(ParserRuleContext parentctx) {
        super.unrollRecursionContexts(parentctx);
        depth = recursiveRules.pop();
    }

    @Override
    public void reset() {
        super.reset();
        depth = 0;
        if (recursiveRules != null) { // the super constructor calls this before fields exist
            recursiveRules.clear();
        }
    }

    private void descend() {
        if (++depth > MAX_DEPTH) {
            throw new TooDeep(getCurrentToken());
        }
    }
}
