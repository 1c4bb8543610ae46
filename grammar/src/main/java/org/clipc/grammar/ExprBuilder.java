package org.clipc.grammar;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.antlr.v4.runtime.ParserRuleContext;
import org.antlr.v4.runtime.Token;
import org.antlr.v4.runtime.tree.TerminalNode;
import org.clipc.grammar.antlr.ClipParser;
import org.clipc.grammar.ast.Argument;
import org.clipc.grammar.ast.Expr;
import org.clipc.grammar.ast.Expr.BinaryOperator;
import org.clipc.grammar.ast.Expr.Subscript;
import org.clipc.grammar.ast.Expr.UnaryOperator;
import org.clipc.grammar.ast.Identifier;
import org.clipc.grammar.ast.Parameter;
import org.clipc.grammar.ast.TypeRef;
import org.clipc.grammar.ast.TypeRef.Dim;
import org.clipc.grammar.diagnostic.Diagnostic;
import org.clipc.grammar.diagnostic.SourceFile;
import org.clipc.grammar.diagnostic.SourceSpan;
import org.jspecify.annotations.Nullable;

/** Parse tree to syntax tree: expressions, types and what both are made of. Only called on trees without errors. */
final class ExprBuilder {
    private static final Map<Integer, BinaryOperator> BINARY = Map.ofEntries(
            Map.entry(ClipParser.PLUS, BinaryOperator.ADD),
            Map.entry(ClipParser.MINUS, BinaryOperator.SUBTRACT),
            Map.entry(ClipParser.STAR, BinaryOperator.MULTIPLY),
            Map.entry(ClipParser.SLASH, BinaryOperator.DIVIDE),
            Map.entry(ClipParser.PERCENT, BinaryOperator.REMAINDER),
            Map.entry(ClipParser.AT, BinaryOperator.MATMUL),
            Map.entry(ClipParser.LT, BinaryOperator.LESS),
            Map.entry(ClipParser.LE, BinaryOperator.LESS_EQUAL),
            Map.entry(ClipParser.GT, BinaryOperator.GREATER),
            Map.entry(ClipParser.GE, BinaryOperator.GREATER_EQUAL),
            Map.entry(ClipParser.EQ, BinaryOperator.EQUAL),
            Map.entry(ClipParser.NE, BinaryOperator.NOT_EQUAL),
            Map.entry(ClipParser.AND, BinaryOperator.AND),
            Map.entry(ClipParser.OR, BinaryOperator.OR));

    private final SourceFile file;
    private final CodePoints offsets;
    private final List<Diagnostic> diagnostics;

    ExprBuilder(SourceFile file, CodePoints offsets, List<Diagnostic> diagnostics) {
        this.file = file;
        this.offsets = offsets;
        this.diagnostics = diagnostics;
    }

    SourceSpan span(ParserRuleContext ctx) {
        return offsets.span(file, ctx.start, ctx.stop == null ? ctx.start : ctx.stop);
    }

    SourceSpan span(Token token) {
        return offsets.span(file, token, token);
    }

    Identifier name(ClipParser.NameContext ctx) {
        return new Identifier(ctx.getText(), span(ctx));
    }

    Expr expr(ClipParser.ExprContext ctx) {
        SourceSpan span = span(ctx);
        return switch (ctx) {
            case ClipParser.FieldExprContext c -> new Expr.Field(expr(c.expr()), name(c.name()), span);
            case ClipParser.CallExprContext c -> new Expr.Call(expr(c.expr()), arguments(c.arguments()), span);
            case ClipParser.IndexExprContext c ->
                new Expr.Index(
                        expr(c.expr()),
                        c.subscript().stream().map(this::subscript).toList(),
                        span);
            case ClipParser.UnaryExprContext c ->
                new Expr.Unary(
                        c.op.getType() == ClipParser.NOT ? UnaryOperator.NOT : UnaryOperator.NEGATE,
                        expr(c.expr()),
                        span);
            case ClipParser.BinaryExprContext c ->
                new Expr.Binary(operator(c.op), expr(c.expr(0)), expr(c.expr(1)), span(c.op), span);
            case ClipParser.ConditionalExprContext c ->
                new Expr.Conditional(expr(c.expr(0)), expr(c.expr(1)), expr(c.expr(2)), span);
            case ClipParser.StackExprContext c ->
                new Expr.Stack(name(c.name()), expr(c.expr(0)), expr(c.expr(1)), span);
            case ClipParser.GroupExprContext c
            when c.expr().size() == 1 && c.COMMA().isEmpty() -> expr(c.expr(0));
            case ClipParser.GroupExprContext c -> new Expr.TupleLiteral(exprs(c.expr()), span);
            case ClipParser.ListExprContext c -> new Expr.ListLiteral(exprs(c.expr()), span);
            case ClipParser.IntExprContext c -> new Expr.IntLiteral(integer(c), span);
            case ClipParser.FloatExprContext c -> new Expr.FloatLiteral(floating(c), span);
            case ClipParser.StringExprContext c -> new Expr.StringLiteral(string(c.STRING()), span);
            case ClipParser.BoolExprContext c -> new Expr.BoolLiteral(c.TRUE() != null, span);
            case ClipParser.NameExprContext c -> new Expr.Name(c.getText(), span);
            default -> throw new IllegalStateException("an expression without a form: " + ctx.getClass());
        };
    }

    private List<Expr> exprs(List<ClipParser.ExprContext> all) {
        return all.stream().map(this::expr).toList();
    }

    private static BinaryOperator operator(Token token) {
        BinaryOperator operator = BINARY.get(token.getType());
        if (operator == null) {
            throw new IllegalStateException("no operator " + token);
        }
        return operator;
    }

    @Nullable
    Expr optional(ClipParser.@Nullable ExprContext ctx) {
        return ctx == null ? null : expr(ctx);
    }

    private Subscript subscript(ClipParser.SubscriptContext ctx) {
        SourceSpan span = span(ctx);
        return switch (ctx) {
            case ClipParser.RestSubscriptContext _ -> new Subscript.Rest(span);
            case ClipParser.SliceSubscriptContext c -> new Subscript.Slice(null, optional(c.to), span);
            case ClipParser.IndexSubscriptContext c when c.colon == null -> new Subscript.At(expr(c.from), span);
            case ClipParser.IndexSubscriptContext c -> new Subscript.Slice(expr(c.from), optional(c.to), span);
            default -> throw new IllegalStateException("a subscript without a form: " + ctx.getClass());
        };
    }

    List<Argument> arguments(ClipParser.ArgumentsContext ctx) {
        List<Argument> all = new ArrayList<>();
        for (ClipParser.ArgumentContext c : ctx.argument()) {
            all.add(new Argument(c.name() == null ? null : name(c.name()), expr(c.expr()), span(c)));
        }
        return all;
    }

    List<Parameter> parameters(ClipParser.@Nullable ParametersContext ctx) {
        List<Parameter> all = new ArrayList<>();
        if (ctx != null) {
            for (ClipParser.ParameterContext c : ctx.parameter()) {
                all.add(new Parameter(name(c.name()), type(c.type()), optional(c.expr()), span(c)));
            }
        }
        return all;
    }

    TypeRef type(ClipParser.TypeContext ctx) {
        SourceSpan span = span(ctx);
        return switch (ctx) {
            case ClipParser.EnumeratedTypeContext c ->
                new TypeRef.Enumerated(c.STRING().stream().map(this::string).toList(), span);
            case ClipParser.TensorTypeRefContext c -> tensorType(c.tensorType());
            case ClipParser.TupleTypeContext c ->
                new TypeRef.Tuple(c.element().stream().map(this::element).toList(), span);
            case ClipParser.NamedTypeContext c -> new TypeRef.Named(c.getText(), span);
            default -> throw new IllegalStateException("a type without a form: " + ctx.getClass());
        };
    }

    private TypeRef.Element element(ClipParser.ElementContext ctx) {
        return new TypeRef.Element(ctx.name() == null ? null : name(ctx.name()), type(ctx.type()));
    }

    TypeRef.Tensor tensorType(ClipParser.TensorTypeContext ctx) {
        List<Dim> dims = new ArrayList<>();
        for (ClipParser.DimContext d : ctx.dim()) {
            dims.add(
                    switch (d) {
                        case ClipParser.SpreadDimContext c -> new Dim.Spread(name(c.name()), span(c));
                        case ClipParser.SingleDimContext c -> new Dim.Size(expr(c.expr()), span(c));
                        default -> throw new IllegalStateException("a dimension without a form: " + d.getClass());
                    });
        }
        return new TypeRef.Tensor(ctx.name() == null ? null : name(ctx.name()), dims, span(ctx));
    }

    private long integer(ClipParser.IntExprContext ctx) {
        try {
            return Long.parseLong(ctx.getText());
        } catch (NumberFormatException e) {
            diagnostics.add(Diagnostic.error(span(ctx), "this number is too large")
                    .note("integers go up to " + Long.MAX_VALUE));
            return 0;
        }
    }

    private double floating(ClipParser.FloatExprContext ctx) {
        double value = Double.parseDouble(ctx.getText());
        if (Double.isInfinite(value)) {
            diagnostics.add(
                    Diagnostic.error(span(ctx), "this number is too large").note("the largest is " + Double.MAX_VALUE));
        }
        return value;
    }

    String string(TerminalNode node) {
        String raw = node.getText();
        var value = new StringBuilder();
        for (int i = 1; i < raw.length() - 1; i++) {
            char c = raw.charAt(i);
            if (c != '\\') {
                value.append(c);
                continue;
            }
            char escaped = raw.charAt(++i);
            switch (escaped) {
                case '"', '\\' -> value.append(escaped);
                case 'n' -> value.append('\n');
                case 't' -> value.append('\t');
                default -> {
                    int at = offsets.utf16(node.getSymbol().getStartIndex()) + i - 1;
                    diagnostics.add(Diagnostic.error(file.span(at, at + 2), "unknown escape `\\" + escaped + "`")
                            .note("strings know \\\" \\\\ \\n and \\t"));
                }
            }
        }
        return value.toString();
    }
}
