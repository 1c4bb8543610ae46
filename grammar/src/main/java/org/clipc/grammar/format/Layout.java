package org.clipc.grammar.format;

import java.util.BitSet;
import java.util.List;
import org.antlr.v4.runtime.ParserRuleContext;
import org.antlr.v4.runtime.Token;
import org.antlr.v4.runtime.tree.ParseTree;
import org.antlr.v4.runtime.tree.TerminalNode;
import org.clipc.grammar.antlr.ClipParser;

/**
 * What the grammar says about the tokens' layout. Bits are token indices.
 *
 * <p>A block written on one line stays there if it holds at most one item (a configuration's settings: any number);
 * every other block has each of its items on a line of its own.
 */
final class Layout {
    /** First tokens of declarations, members, statements, keys and settings. */
    final BitSet itemStarts = new BitSet();

    /** Tokens that must begin a line: the items and the closing brace of blocks that are broken over lines. */
    final BitSet breaks = new BitSet();

    /** Tokens that never begin a line: a block's opening brace and the {@code else} before it. */
    final BitSet joined = new BitSet();

    /** First tokens of top-level declarations, and last ones. */
    final BitSet declarationStarts = new BitSet();

    final BitSet declarationEnds = new BitSet();

    /** Tokens without a space before, or after, beyond what {@link Spacing} says of every such token. */
    final BitSet tightBefore = new BitSet();

    final BitSet tightAfter = new BitSet();

    private final List<Token> tokens;
    private final NewLines newLines;

    Layout(ClipParser.UnitContext unit, List<Token> tokens, NewLines newLines) {
        this.tokens = tokens;
        this.newLines = newLines;
        unit.importDecl().forEach(c -> startItem(c.start, true));
        for (ClipParser.DeclarationContext c : unit.declaration()) {
            startItem(c.start, true);
            declarationStarts.set(c.start.getTokenIndex());
            declarationEnds.set(c.stop.getTokenIndex());
        }
        visit(unit);
    }

    private void startItem(Token token, boolean breaks) {
        itemStarts.set(token.getTokenIndex());
        if (breaks) {
            this.breaks.set(token.getTokenIndex());
        }
    }

    /** Marks the tree; answers whether any block in it is broken over lines. */
    private boolean visit(ParseTree tree) {
        if (!(tree instanceof ParserRuleContext ctx)) {
            return false;
        }
        boolean broken = false;
        for (int i = 0; i < ctx.getChildCount(); i++) {
            broken |= visit(ctx.getChild(i));
        }
        switch (ctx) {
            case ClipParser.ConfigTypeContext c -> broken |= block(c, c.configKey(), 0, broken);
            case ClipParser.ModuleContext c -> broken |= block(c, c.member(), 0, broken);
            case ClipParser.ModelContext c -> broken |= block(c, c.member(), 0, broken);
            case ClipParser.MemberBlockContext c -> broken |= block(c, c.member(), 1, broken);
            case ClipParser.BlockContext c -> broken |= block(c, c.statement(), 1, broken);
            case ClipParser.ConfigMemberContext c
            when c.LBRACE() != null -> broken |= block(c, c.override(), Integer.MAX_VALUE, broken);
            case ClipParser.StackExprContext c -> broken |= block(c, List.of(c.expr(1)), 1, broken);
            case ClipParser.CallExprContext c -> tightBefore(c, ClipParser.LPAREN);
            case ClipParser.EntryMemberContext c -> tightBefore(c, ClipParser.LPAREN);
            case ClipParser.ModifierContext c -> tightBefore(c, ClipParser.LPAREN);
            case ClipParser.FrozenContext c -> tightBefore(c, ClipParser.LPAREN);
            case ClipParser.IndexExprContext c -> tightBefore(c, ClipParser.LBRACKET);
            case ClipParser.TensorTypeContext c when c.name() != null -> tightBefore(c, ClipParser.LBRACKET);
            case ClipParser.FunctionContext c when c.name() != null -> tightBefore(c, ClipParser.LPAREN);
            case ClipParser.UnaryExprContext c
            when c.op.getType() == ClipParser.MINUS -> tightAfter.set(c.op.getTokenIndex());
            case ClipParser.SliceSubscriptContext c ->
                tightAfter.set(c.COLON().getSymbol().getTokenIndex());
            case ClipParser.IndexSubscriptContext c when c.colon != null -> tightAfter.set(c.colon.getTokenIndex());
            default -> {}
        }
        if (ctx instanceof ClipParser.ModuleContext c) {
            tightBefore(c, ClipParser.LPAREN);
        }
        for (TerminalNode node : ctx.getTokens(ClipParser.ELSE)) {
            if (!(ctx instanceof ClipParser.ConditionalExprContext)) {
                joined.set(node.getSymbol().getTokenIndex());
            }
        }
        return broken;
    }

    private void tightBefore(ParserRuleContext ctx, int type) {
        TerminalNode node = ctx.getToken(type, 0);
        if (node != null) { // a module or modifier may come without parentheses
            tightBefore.set(node.getSymbol().getTokenIndex());
        }
    }

    private boolean block(
            ParserRuleContext ctx, List<? extends ParserRuleContext> items, int mostOnOneLine, boolean innerBroken) {
        int open = ctx.getToken(ClipParser.LBRACE, 0).getSymbol().getTokenIndex();
        int close = ctx.getToken(ClipParser.RBRACE, 0).getSymbol().getTokenIndex();
        joined.set(open);
        boolean empty = items.isEmpty() && close == open + 1;
        boolean broken =
                !empty && (innerBroken || items.size() > mostOnOneLine || newLines.within(open, close, tokens));
        for (ParserRuleContext item : items) {
            startItem(item.start, broken);
        }
        if (broken) {
            breaks.set(close);
        }
        return broken;
    }
}
