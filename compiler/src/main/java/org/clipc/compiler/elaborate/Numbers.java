package org.clipc.compiler.elaborate;

import java.util.ArrayList;
import java.util.List;
import org.clipc.grammar.ast.Expr;
import org.clipc.grammar.ast.Expr.BinaryOperator;
import org.clipc.grammar.diagnostic.Diagnostic;

/** Arithmetic and comparison of compile-time values. */
final class Numbers {
    private Numbers() {}

    static Val binary(Expr.Binary b, Val left, Val right) {
        if (left instanceof Val.Int(long x) && right instanceof Val.Int(long y)) {
            return integers(b, x, y);
        }
        if (isNumber(left) && isNumber(right)) {
            return reals(b, number(left), number(right));
        }
        if (left instanceof Val.Items(var x)
                && right instanceof Val.Items(var y)
                && b.operator() == BinaryOperator.ADD) {
            List<Val> joined = new ArrayList<>(x);
            joined.addAll(y);
            return new Val.Items(joined);
        }
        boolean comparable = (left instanceof Val.Text && right instanceof Val.Text)
                || (left instanceof Val.Bool && right instanceof Val.Bool)
                || (left instanceof Val.Element && right instanceof Val.Element);
        if (comparable && b.operator() == BinaryOperator.EQUAL) {
            return new Val.Bool(left.equals(right));
        }
        if (comparable && b.operator() == BinaryOperator.NOT_EQUAL) {
            return new Val.Bool(!left.equals(right));
        }
        if (left instanceof Val.Text(String x)
                && right instanceof Val.Text(String y)
                && b.operator() == BinaryOperator.ADD) {
            return new Val.Text(x + y);
        }
        throw unfit(b, left, right);
    }

    private static Val integers(Expr.Binary b, long x, long y) {
        return switch (b.operator()) {
            case ADD -> new Val.Int(Math.addExact(x, y));
            case SUBTRACT -> new Val.Int(Math.subtractExact(x, y));
            case MULTIPLY -> new Val.Int(Math.multiplyExact(x, y));
            case DIVIDE -> new Val.Int(divide(b, x, y));
            case REMAINDER -> {
                nonZero(b, y);
                yield new Val.Int(Math.floorMod(x, y));
            }
            case LESS -> new Val.Bool(x < y);
            case LESS_EQUAL -> new Val.Bool(x <= y);
            case GREATER -> new Val.Bool(x > y);
            case GREATER_EQUAL -> new Val.Bool(x >= y);
            case EQUAL -> new Val.Bool(x == y);
            case NOT_EQUAL -> new Val.Bool(x != y);
            case MATMUL, AND, OR -> throw unfit(b, new Val.Int(x), new Val.Int(y));
        };
    }

    // Sizes that do not divide are mistakes (heads, patches), so a silent floor would hide them.
    private static long divide(Expr.Binary b, long x, long y) {
        nonZero(b, y);
        if (x % y != 0) {
            throw new Fault(
                    Diagnostic.error(b.span(), x + " is not divisible by " + y)
                            .note(
                                    "ints divide without a rest; for a fraction write `float(a) / b`, for a quotient `floor(float(a) / b)`"));
        }
        return x / y;
    }

    private static void nonZero(Expr.Binary b, long y) {
        if (y == 0) {
            throw new Fault(b.span(), "division by zero");
        }
    }

    private static Val reals(Expr.Binary b, double x, double y) {
        return switch (b.operator()) {
            case ADD -> new Val.Real(x + y);
            case SUBTRACT -> new Val.Real(x - y);
            case MULTIPLY -> new Val.Real(x * y);
            case DIVIDE -> {
                if (y == 0) {
                    throw new Fault(b.span(), "division by zero");
                }
                yield new Val.Real(x / y);
            }
            case LESS -> new Val.Bool(x < y);
            case LESS_EQUAL -> new Val.Bool(x <= y);
            case GREATER -> new Val.Bool(x > y);
            case GREATER_EQUAL -> new Val.Bool(x >= y);
            case EQUAL -> new Val.Bool(x == y);
            case NOT_EQUAL -> new Val.Bool(x != y);
            case REMAINDER, MATMUL, AND, OR -> throw unfit(b, new Val.Real(x), new Val.Real(y));
        };
    }

    private static Fault unfit(Expr.Binary b, Val x, Val y) {
        return new Fault(
                b.span(), "`" + b.operator().text() + "` cannot take " + x.describe() + " and " + y.describe());
    }

    static boolean isNumber(Val value) {
        return value instanceof Val.Int || value instanceof Val.Real;
    }

    /** The value of an int or a float. */
    static double number(Val value) {
        return switch (value) {
            case Val.Int i -> i.value();
            case Val.Real r -> r.value();
            default -> throw new IllegalArgumentException("no number: " + value.describe());
        };
    }
}
