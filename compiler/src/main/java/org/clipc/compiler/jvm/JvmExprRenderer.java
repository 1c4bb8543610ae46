package org.clipc.compiler.jvm;

import com.palantir.javapoet.CodeBlock;
import java.util.HashMap;
import java.util.Map;
import org.clipc.compiler.kernel.Expr;
import org.clipc.compiler.kernel.ExprDag;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.Comparison;
import org.clipc.ir.DType;
import org.clipc.ir.UnaryFn;

/**
 * Renders expression trees as straight-line Java: over vectors or single elements, whichever the {@link LaneCode} it
 * writes to spells, with the same bits in both. Equal subtrees are computed once. Values of float dtypes are floats, of
 * i32 ints, of bool masks; arithmetic on bf16 and f16 is f32, only a {@code Convert} to them rounds.
 */
final class JvmExprRenderer {

    /** What stands for the leaves at the position being rendered: variables or expressions of the lanes' types. */
    interface Leaves {
        CodeBlock operand(Expr.Arg arg);

        CodeBlock attribute(Expr.Attribute attribute);

        CodeBlock uniform(Expr.Uniform uniform);

        CodeBlock index(Expr.Index index);
    }

    private final LaneCode code;
    private final Lanes lanes;
    private final JvmLibrary library;
    private final Leaves leaves;
    private final ExprDag dag = new ExprDag();
    private final Map<Integer, CodeBlock> rendered = new HashMap<>();

    /** @param library gathers the functions that the rendered code calls */
    JvmExprRenderer(LaneCode code, JvmLibrary library, Leaves leaves) {
        this.code = code;
        this.lanes = code.lanes();
        this.library = library;
        this.leaves = leaves;
    }

    /** Adds the statements that compute {@code expr} here; returns the variable or literal that holds it. */
    CodeBlock render(Expr expr) {
        var number = dag.number(expr);
        var known = rendered.get(number);
        if (known != null) {
            return known;
        }
        var value = value(expr);
        rendered.put(number, value);
        return value;
    }

    /** Like {@link #render}, converted to how {@code dtype} is held: as a float, an int or a mask. Storing rounds. */
    CodeBlock renderAs(DType dtype, Expr expr) {
        var held = dtype.isFloat() ? DType.F32 : dtype;
        return convert(expr.dtype().isFloat() ? DType.F32 : expr.dtype(), held, render(expr));
    }

    private CodeBlock value(Expr expr) {
        return switch (expr) {
            case Expr.Arg arg -> let(arg.dtype(), leaves.operand(arg));
            case Expr.Const(var value, var dtype) -> constant(value, dtype);
            case Expr.Attribute attribute -> let(attribute.dtype(), leaves.attribute(attribute));
            case Expr.Unary(var fn, var x) -> {
                var operand = render(x);
                yield x.dtype() == DType.I32 ? unaryInt(fn, operand) : unary(fn, operand);
            }
            case Expr.Binary(var fn, var a, var b) -> binary(fn, a.dtype(), render(a), render(b));
            case Expr.Compare(var comparison, var a, var b) -> compare(comparison, a.dtype(), render(a), render(b));
            case Expr.Select(var condition, var a, var b) -> select(a.dtype(), render(condition), render(a), render(b));
            case Expr.Convert(var dtype, var x) -> convert(x.dtype(), dtype, render(x));
            case Expr.Uniform uniform -> code.let(leaves.uniform(uniform));
            case Expr.Index index -> code.letInts(leaves.index(index));
        };
    }

    private CodeBlock let(DType dtype, CodeBlock value) {
        return switch (dtype) {
            case F32, BF16, F16 -> code.let(value);
            case I32 -> code.letInts(value);
            case BOOL -> code.letMask(value);
        };
    }

    private CodeBlock constant(double value, DType dtype) {
        return switch (dtype) {
            case F32, BF16, F16 -> lanes.constant((float) value);
            case I32 -> lanes.intConstant((int) value);
            case BOOL -> lanes.splatMask(CodeBlock.of("$L", value != 0));
        };
    }

    private CodeBlock unary(UnaryFn fn, CodeBlock x) {
        return switch (fn) {
            case NEG -> code.neg(x);
            case ABS -> code.abs(x);
            case SIGN -> sign(x);
            case EXP -> call(JvmVectorMath.EXP, x);
            case LOG -> call(JvmVectorMath.LOG, x);
            case SQRT -> code.let(lanes.sqrt(x));
            case RSQRT -> code.div(lanes.constant(1), code.let(lanes.sqrt(x)));
            case RECIPROCAL -> code.div(lanes.constant(1), x);
            case TANH -> call(JvmVectorMath.TANH, x);
            case ERF -> call(JvmVectorMath.ERF, x);
            case SIGMOID -> call(JvmVectorMath.SIGMOID, x);
            case SOFTPLUS -> call(JvmVectorMath.SOFTPLUS, x);
            case SIN -> call(JvmVectorMath.SIN, x);
            case COS -> call(JvmVectorMath.COS, x);
            case FLOOR -> floor(x);
            case NOT -> code.letMask(lanes.not(x));
        };
    }

    private CodeBlock call(JvmVectorMath function, CodeBlock x) {
        return library.apply(code, function, x);
    }

    /** Zeros and NaN are their own signs. */
    private CodeBlock sign(CodeBlock x) {
        var negative = code.compare(Comparison.LT, x, lanes.constant(0));
        var positive = code.compare(Comparison.GT, x, lanes.constant(0));
        return code.select(positive, lanes.constant(1), code.select(negative, lanes.constant(-1), x));
    }

    /** Truncates, and steps down where that went up. From 2²³ on all floats are whole; whole ones keep a zero's sign. */
    private CodeBlock floor(CodeBlock x) {
        var truncated = code.let(lanes.toFloat(lanes.toInt(x)));
        var below = code.sub(truncated, lanes.constant(1));
        var wentUp = code.compare(Comparison.GT, truncated, x);
        var whole = code.select(wentUp, below, truncated);
        var hasFraction = lanes.and(
                code.compare(Comparison.LT, code.abs(x), lanes.constant(0x1p23f)),
                code.compare(Comparison.NE, truncated, x));
        return code.select(hasFraction, whole, x);
    }

    private CodeBlock unaryInt(UnaryFn fn, CodeBlock x) {
        return switch (fn) {
            case NEG -> code.letInts(lanes.intNeg(x));
            case ABS -> code.letInts(lanes.intAbs(x));
            case SIGN -> {
                var sign = lanes.shiftRight(x, 31);
                var nonZero = lanes.shiftRightLogical(lanes.intNeg(x), 31);
                yield code.letInts(lanes.intOr(sign, nonZero));
            }
            default -> throw new IllegalArgumentException(fn + " does not take i32");
        };
    }

    private CodeBlock binary(BinaryFn fn, DType dtype, CodeBlock a, CodeBlock b) {
        return switch (dtype) {
            case F32, BF16, F16 ->
                switch (fn) {
                    case ADD -> code.add(a, b);
                    case SUB -> code.sub(a, b);
                    case MUL -> code.mul(a, b);
                    case DIV -> code.div(a, b);
                    case MAX -> code.let(lanes.max(a, b));
                    case MIN -> code.let(lanes.min(a, b));
                    case POW -> code.let(library.call(JvmHelper.POW, a, b));
                    case AND, OR -> throw new IllegalArgumentException(fn + " does not take floats");
                };
            case I32 ->
                code.letInts(
                        switch (fn) {
                            case ADD -> lanes.intAdd(a, b);
                            case SUB -> lanes.intSub(a, b);
                            case MUL -> lanes.intMul(a, b);
                            case DIV -> library.call(JvmHelper.INT_DIVIDE, a, b);
                            case MAX -> lanes.intMax(a, b);
                            case MIN -> lanes.intMin(a, b);
                            case POW -> library.call(JvmHelper.INT_POW, a, b);
                            case AND, OR -> throw new IllegalArgumentException(fn + " does not take i32");
                        });
            case BOOL ->
                code.letMask(
                        switch (fn) {
                            case AND -> lanes.and(a, b);
                            case OR -> lanes.or(a, b);
                            default -> throw new IllegalArgumentException(fn + " does not take bool");
                        });
        };
    }

    private CodeBlock compare(Comparison comparison, DType dtype, CodeBlock a, CodeBlock b) {
        return switch (dtype) {
            case F32, BF16, F16 -> code.compare(comparison, a, b);
            case I32 -> code.letMask(lanes.compareInts(comparison, a, b));
            case BOOL -> code.letMask(compareMasks(comparison, a, b));
        };
    }

    private CodeBlock compareMasks(Comparison comparison, CodeBlock a, CodeBlock b) {
        return switch (comparison) {
            case EQ -> lanes.or(lanes.and(a, b), lanes.not(lanes.or(a, b)));
            case NE -> lanes.and(lanes.or(a, b), lanes.not(lanes.and(a, b)));
            case LT -> lanes.and(lanes.not(a), b);
            case LE -> lanes.or(lanes.not(a), b);
            case GT -> lanes.and(a, lanes.not(b));
            case GE -> lanes.or(a, lanes.not(b));
        };
    }

    private CodeBlock select(DType dtype, CodeBlock condition, CodeBlock a, CodeBlock b) {
        return switch (dtype) {
            case F32, BF16, F16 -> code.select(condition, a, b);
            case I32 -> code.letInts(lanes.selectInts(condition, a, b));
            case BOOL -> code.letMask(lanes.or(lanes.and(condition, a), lanes.and(lanes.not(condition), b)));
        };
    }

    private CodeBlock convert(DType from, DType to, CodeBlock x) {
        if (from == to) {
            return x;
        }
        return switch (to) {
            case F32 -> toFloat(from, x);
            case BF16 -> code.let(lanes.fromBits(Bfloat16.round(code, toFloat(from, x))));
            case F16 -> code.let(library.call(JvmHelper.ROUND_F16, toFloat(from, x)));
            case I32 ->
                code.letInts(
                        from == DType.BOOL
                                ? lanes.selectInts(x, lanes.intConstant(1), lanes.intConstant(0))
                                : lanes.toInt(x));
            case BOOL ->
                from == DType.I32
                        ? code.letMask(lanes.compareInts(Comparison.NE, x, lanes.intConstant(0)))
                        : code.compare(Comparison.NE, x, lanes.constant(0));
        };
    }

    private CodeBlock toFloat(DType from, CodeBlock x) {
        return switch (from) {
            case F32, BF16, F16 -> x;
            case I32 -> code.let(lanes.toFloat(x));
            case BOOL -> code.select(x, lanes.constant(1), lanes.constant(0));
        };
    }
}
