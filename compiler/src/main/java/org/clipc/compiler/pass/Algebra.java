package org.clipc.compiler.pass;

import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.Comparison;
import org.clipc.ir.DType;
import org.clipc.ir.Op;
import org.clipc.ir.TensorType;
import org.clipc.ir.UnaryFn;
import org.clipc.ir.Value;
import org.clipc.ir.interp.Scalars;

/** Laws of numbers and truth values, element by element. See {@link Simplify} for what they may change. */
final class Algebra {

    private static final Comparator<Value> DEFINITION =
            Comparator.comparingInt(Value::node).thenComparingInt(Value::result);

    private Algebra() {}

    static Optional<Value> apply(Op op, List<Value> in, Rewriter r) {
        return switch (op) {
            case Op.Unary(var fn) -> unary(fn, in.get(0), r);
            case Op.Binary(var fn) -> binary(fn, in.get(0), in.get(1), r);
            case Op.Compare(var comparison) -> compare(comparison, in.get(0), in.get(1), r);
            case Op.Select _ -> select(in.get(0), in.get(1), in.get(2), r);
            case Op.Convert(var dtype) -> convert(dtype, in.get(0), r);
            default -> Optional.empty();
        };
    }

    private static Optional<Value> unary(UnaryFn fn, Value x, Rewriter r) {
        var inner = r.op(x);
        if (fn == UnaryFn.NEG && inner instanceof Op.Binary(var binary)) {
            return negated(binary, r.operand(x, 0), r.operand(x, 1), r);
        }
        if (!(inner instanceof Op.Unary(var innerFn))) {
            return Optional.empty();
        }
        var y = r.operand(x, 0);
        return switch (fn) {
            case NEG, NOT -> innerFn == fn ? Optional.of(y) : Optional.empty();
            case ABS ->
                switch (innerFn) {
                    case ABS -> Optional.of(x);
                    case NEG -> Optional.of(r.add(new Op.Unary(UnaryFn.ABS), y));
                    default -> Optional.empty();
                };
            case SIGN, FLOOR -> innerFn == fn ? Optional.of(x) : Optional.empty();
            default -> Optional.empty();
        };
    }

    /** -(a - b) = b - a and -(a · c) = a · (-c). */
    private static Optional<Value> negated(BinaryFn fn, Value a, Value b, Rewriter r) {
        return switch (fn) {
            case SUB -> Optional.of(binary(BinaryFn.SUB, r, b, a));
            case MUL -> r.constant(b).isPresent() ? Optional.of(binary(fn, r, a, negative(b, r))) : Optional.empty();
            default -> Optional.empty();
        };
    }

    private static Optional<Value> binary(BinaryFn fn, Value a, Value b, Rewriter r) {
        if (isCommutative(fn) && outOfOrder(a, b, r)) {
            return Optional.of(binary(fn, r, b, a));
        }
        return switch (fn) {
            case ADD -> sum(a, b, r);
            case SUB -> difference(a, b, r);
            case MUL -> product(a, b, r);
            case DIV -> quotient(a, b, r);
            case MAX, MIN -> extreme(fn, a, b, r);
            case POW -> power(a, b, r);
            case AND -> logical(a, b, r, 1);
            case OR -> logical(a, b, r, 0);
        };
    }

    private static boolean isCommutative(BinaryFn fn) {
        return switch (fn) {
            case ADD, MUL, MAX, MIN, AND, OR -> true;
            case SUB, DIV, POW -> false;
        };
    }

    private static boolean outOfOrder(Value a, Value b, Rewriter r) {
        var firstConstant = r.constant(a).isPresent();
        var secondConstant = r.constant(b).isPresent();
        return firstConstant == secondConstant ? DEFINITION.compare(a, b) > 0 : firstConstant;
    }

    private static Optional<Value> sum(Value a, Value b, Rewriter r) {
        if (r.isConstant(b, 0)) {
            return Optional.of(a);
        }
        if (isUnary(UnaryFn.NEG, b, r)) {
            return Optional.of(binary(BinaryFn.SUB, r, a, r.operand(b, 0)));
        }
        if (isUnary(UnaryFn.NEG, a, r)) {
            return Optional.of(binary(BinaryFn.SUB, r, b, r.operand(a, 0)));
        }
        return isInteger(a, r) ? regrouped(BinaryFn.ADD, a, b, r) : Optional.empty();
    }

    private static Optional<Value> difference(Value a, Value b, Rewriter r) {
        if (r.constant(b).isPresent()) {
            return Optional.of(binary(BinaryFn.ADD, r, a, negative(b, r)));
        }
        if (r.isConstant(a, 0)) {
            return Optional.of(r.add(new Op.Unary(UnaryFn.NEG), b));
        }
        if (isUnary(UnaryFn.NEG, b, r)) {
            return Optional.of(binary(BinaryFn.ADD, r, a, r.operand(b, 0)));
        }
        return a.equals(b) && isInteger(a, r) ? Optional.of(like(a, 0, r)) : Optional.empty();
    }

    private static Optional<Value> product(Value a, Value b, Rewriter r) {
        if (r.isConstant(b, 1)) {
            return Optional.of(a);
        }
        if (r.isConstant(b, -1)) {
            return Optional.of(r.add(new Op.Unary(UnaryFn.NEG), a));
        }
        if (r.isConstant(b, 0) && isInteger(a, r)) {
            return Optional.of(b);
        }
        if (isUnary(UnaryFn.NEG, a, r)) {
            if (r.constant(b).isPresent()) {
                return Optional.of(binary(BinaryFn.MUL, r, r.operand(a, 0), negative(b, r)));
            }
            if (isUnary(UnaryFn.NEG, b, r)) {
                return Optional.of(binary(BinaryFn.MUL, r, r.operand(a, 0), r.operand(b, 0)));
            }
        }
        return isNarrow(r.type(a)) ? Optional.empty() : regrouped(BinaryFn.MUL, a, b, r);
    }

    /** (x ∘ c) ∘ d = x ∘ (c ∘ d) for constants c and d. */
    private static Optional<Value> regrouped(BinaryFn fn, Value a, Value b, Rewriter r) {
        if (r.constant(b).isPresent()
                && isBinary(fn, a, r)
                && r.constant(r.operand(a, 1)).isPresent()) {
            return Optional.of(binary(fn, r, r.operand(a, 0), binary(fn, r, r.operand(a, 1), b)));
        }
        return Optional.empty();
    }

    private static Optional<Value> quotient(Value a, Value b, Rewriter r) {
        if (r.isConstant(b, 1)) {
            return Optional.of(a);
        }
        if (isInteger(a, r)) {
            return Optional.empty();
        }
        if (r.isConstant(a, 1)) {
            return Optional.of(r.add(new Op.Unary(UnaryFn.RECIPROCAL), b));
        }
        var divisor = r.constant(b);
        return divisor.isPresent()
                        && hasExactReciprocal(divisor.getAsDouble(), r.type(b).dtype())
                ? Optional.of(binary(BinaryFn.MUL, r, a, like(b, 1 / divisor.getAsDouble(), r)))
                : Optional.empty();
    }

    /** Powers of two of which neither the number nor its reciprocal is subnormal in f16. */
    private static boolean hasExactReciprocal(double x, DType dtype) {
        var limit = dtype == DType.F16 ? 14 : 126;
        return Double.isFinite(x)
                && Math.abs(Math.getExponent(x)) <= limit
                && Math.abs(x) == Math.scalb(1.0, Math.getExponent(x));
    }

    private static Optional<Value> extreme(BinaryFn fn, Value a, Value b, Rewriter r) {
        var worst = fn == BinaryFn.MAX ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
        return a.equals(b) || r.isConstant(b, worst) ? Optional.of(a) : Optional.empty();
    }

    private static Optional<Value> power(Value x, Value exponent, Rewriter r) {
        if (r.isConstant(exponent, 1)) {
            return Optional.of(x);
        }
        if (isInteger(x, r) || r.constant(exponent).isEmpty()) {
            return Optional.empty();
        }
        var e = r.constant(exponent).getAsDouble();
        if (e == 0) {
            return Optional.of(like(x, 1, r));
        } else if (e == 2) {
            return Optional.of(binary(BinaryFn.MUL, r, x, x));
        } else if (e == 0.5) {
            return Optional.of(r.add(new Op.Unary(UnaryFn.SQRT), x));
        } else if (e == -1) {
            return Optional.of(r.add(new Op.Unary(UnaryFn.RECIPROCAL), x));
        }
        return Optional.empty();
    }

    /** AND and OR; {@code neutral} is the truth value that changes nothing, the other one decides. */
    private static Optional<Value> logical(Value a, Value b, Rewriter r, int neutral) {
        if (a.equals(b) || r.isConstant(b, neutral)) {
            return Optional.of(a);
        }
        return r.constant(b).isPresent() ? Optional.of(b) : Optional.empty();
    }

    private static Optional<Value> compare(Comparison comparison, Value a, Value b, Rewriter r) {
        if (!outOfOrder(a, b, r)) {
            return Optional.empty();
        }
        var flipped = switch (comparison) {
            case EQ, NE -> comparison;
            case LT -> Comparison.GT;
            case LE -> Comparison.GE;
            case GT -> Comparison.LT;
            case GE -> Comparison.LE;
        };
        return Optional.of(r.add(new Op.Compare(flipped), b, a));
    }

    private static Optional<Value> select(Value condition, Value a, Value b, Rewriter r) {
        if (a.equals(b) || r.isConstant(condition, 1)) {
            return Optional.of(a);
        }
        if (r.isConstant(condition, 0)) {
            return Optional.of(b);
        }
        if (isUnary(UnaryFn.NOT, condition, r)) {
            return Optional.of(r.add(new Op.Select(), r.operand(condition, 0), b, a));
        }
        if (isSelectBy(condition, a, r)) {
            return Optional.of(r.add(new Op.Select(), condition, r.operand(a, 1), b));
        }
        return isSelectBy(condition, b, r)
                ? Optional.of(r.add(new Op.Select(), condition, a, r.operand(b, 2)))
                : Optional.empty();
    }

    private static boolean isSelectBy(Value condition, Value x, Rewriter r) {
        return r.op(x) instanceof Op.Select && r.operand(x, 0).equals(condition);
    }

    private static Optional<Value> convert(DType to, Value x, Rewriter r) {
        if (r.type(x).dtype() == to) {
            return Optional.of(x);
        }
        return r.op(x) instanceof Op.Convert
                        && keepsAll(r.type(r.operand(x, 0)).dtype(), r.type(x).dtype())
                ? Optional.of(r.add(new Op.Convert(to), r.operand(x, 0)))
                : Optional.empty();
    }

    /** Whether every value of {@code from} has its own in {@code to}. */
    private static boolean keepsAll(DType from, DType to) {
        return from == DType.BOOL || (to == DType.F32 && from.isFloat());
    }

    private static Value binary(BinaryFn fn, Rewriter r, Value a, Value b) {
        return r.add(new Op.Binary(fn), a, b);
    }

    private static Value negative(Value constant, Rewriter r) {
        var number = r.constant(constant).orElseThrow();
        return like(constant, Scalars.unary(UnaryFn.NEG, r.type(constant).dtype(), number), r);
    }

    private static Value like(Value x, double number, Rewriter r) {
        return r.constant(r.type(x), number);
    }

    private static boolean isUnary(UnaryFn fn, Value x, Rewriter r) {
        return r.op(x) instanceof Op.Unary(var f) && f == fn;
    }

    private static boolean isBinary(BinaryFn fn, Value x, Rewriter r) {
        return r.op(x) instanceof Op.Binary(var f) && f == fn;
    }

    private static boolean isInteger(Value x, Rewriter r) {
        return r.type(x).dtype() == DType.I32;
    }

    /** Whether every result is rounded so coarsely that regrouping would show. */
    private static boolean isNarrow(TensorType type) {
        return type.dtype() == DType.BF16 || type.dtype() == DType.F16;
    }
}
