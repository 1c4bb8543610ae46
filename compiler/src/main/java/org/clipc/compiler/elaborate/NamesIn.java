package org.clipc.compiler.elaborate;

import java.util.stream.Stream;
import org.clipc.grammar.ast.Expr;
import org.clipc.grammar.ast.Expr.Subscript;
import org.jspecify.annotations.Nullable;

/** The names that an expression mentions. */
final class NamesIn {
    private NamesIn() {}

    static Stream<String> expr(@Nullable Expr expr) {
        return switch (expr) {
            case null -> Stream.of();
            case Expr.IntLiteral _, Expr.FloatLiteral _, Expr.BoolLiteral _, Expr.StringLiteral _ -> Stream.of();
            case Expr.Name n -> Stream.of(n.text());
            case Expr.Field f -> expr(f.target());
            case Expr.Call c ->
                Stream.concat(expr(c.callee()), c.arguments().stream().flatMap(a -> expr(a.value())));
            case Expr.Index i ->
                Stream.concat(expr(i.target()), i.subscripts().stream().flatMap(NamesIn::subscript));
            case Expr.Unary u -> expr(u.operand());
            case Expr.Binary b -> Stream.concat(expr(b.left()), expr(b.right()));
            case Expr.Conditional c ->
                Stream.of(c.condition(), c.then(), c.otherwise()).flatMap(NamesIn::expr);
            case Expr.Stack s -> Stream.concat(expr(s.count()), expr(s.element()));
            case Expr.TupleLiteral t -> t.elements().stream().flatMap(NamesIn::expr);
            case Expr.ListLiteral l -> l.elements().stream().flatMap(NamesIn::expr);
        };
    }

    private static Stream<String> subscript(Subscript subscript) {
        return switch (subscript) {
            case Subscript.At a -> expr(a.index());
            case Subscript.Slice s -> Stream.concat(expr(s.from()), expr(s.to()));
            case Subscript.Rest _ -> Stream.of();
        };
    }
}
