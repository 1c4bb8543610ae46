package org.clipc.compiler.tornado;

import com.palantir.javapoet.CodeBlock;
import com.palantir.javapoet.TypeName;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.clipc.compiler.kernel.Expr;
import org.clipc.compiler.kernel.ExprDag;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.Comparison;
import org.clipc.ir.DType;
import org.clipc.ir.UnaryFn;

/** Renders expression trees for one work item: a local variable for each distinct subtree. */
final class TornadoExpr {

    /** What stands for the leaves at the position being rendered. */
    interface Leaves {

        CodeBlock operand(Expr.Arg arg);

        CodeBlock attribute(Expr.Attribute attribute);

        CodeBlock uniform(Expr.Uniform uniform);

        CodeBlock index(Expr.Index index);
    }

    /** The argument that is NaN, of kernels that need one. */
    static final String NAN = "notANumber";

    /** What functions are rendered for. */
    enum Precision {
        OF_F32,
        /** Of results that are all rounded to bf16; for CUDA only. */
        OF_BF16
    }

    private final TornadoKernel.Helpers helpers;
    private final Leaves leaves;
    private final Precision precision;
    private final String prefix;
    private final CodeBlock.Builder statements = CodeBlock.builder();
    private final ExprDag dag = new ExprDag();
    private final Map<Integer, CodeBlock> rendered = new HashMap<>();
    private int names;

    /** @param prefix of the variables' names, so that several blocks can share a method */
    TornadoExpr(TornadoKernel.Helpers helpers, String prefix, Leaves leaves) {
        this(helpers, prefix, leaves, Precision.OF_F32);
    }

    TornadoExpr(TornadoKernel.Helpers helpers, String prefix, Leaves leaves, Precision precision) {
        this.helpers = helpers;
        this.prefix = prefix;
        this.leaves = leaves;
        this.precision = precision;
    }

    /** The statements that compute what was rendered so far. */
    CodeBlock statements() {
        return statements.build();
    }

    /** Adds the statements that compute {@code expr}; returns the variable or literal that holds it. */
    CodeBlock render(Expr expr) {
        var number = dag.number(expr);
        var known = rendered.get(number);
        if (known == null) {
            known = value(expr);
            rendered.put(number, known);
        }
        return known;
    }

    /** As {@link #render}, converted to what {@link TornadoKernel#store} takes for an element of {@code dtype}. */
    CodeBlock renderAs(DType dtype, Expr expr) {
        return convert(expr.dtype(), dtype.isFloat() ? DType.F32 : dtype, render(expr));
    }

    private CodeBlock let(DType dtype, CodeBlock value) {
        TypeName type = TornadoKernel.type(dtype);
        var name = CodeBlock.of("$L", prefix + names++);
        statements.addStatement("final $T $L = $L", type, name, value);
        return name;
    }

    private CodeBlock value(Expr expr) {
        return switch (expr) {
            case Expr.Arg arg -> let(arg.dtype(), leaves.operand(arg));
            case Expr.Const(var value, var dtype) -> constant(value, dtype);
            case Expr.Attribute attribute -> leaves.attribute(attribute);
            case Expr.Unary(var fn, var x) ->
                let(expr.dtype(), x.dtype() == DType.I32 ? unaryInt(fn, render(x)) : unary(fn, render(x)));
            case Expr.Binary(var fn, var a, var b) -> let(expr.dtype(), binary(fn, a.dtype(), render(a), render(b)));
            case Expr.Compare(var comparison, var a, var b) ->
                let(DType.BOOL, compare(comparison, a.dtype(), render(a), render(b)));
            case Expr.Select(var condition, var a, var b) ->
                let(expr.dtype(), select(render(condition), render(a), render(b)));
            case Expr.Convert(var dtype, var x) -> convert(x.dtype(), dtype, render(x));
            case Expr.Uniform uniform -> let(DType.F32, leaves.uniform(uniform));
            case Expr.Index index -> leaves.index(index);
        };
    }

    static CodeBlock constant(double value, DType dtype) {
        return switch (dtype) {
            case F32, BF16, F16 -> real((float) value);
            // A sign in front of another would be a decrement.
            case I32 -> CodeBlock.of(value < 0 ? "($L)" : "$L", (int) value);
            case BOOL -> CodeBlock.of("$L", value != 0);
        };
    }

    private static CodeBlock real(float value) {
        if (Float.isNaN(value)) {
            return CodeBlock.of(NAN);
        }
        if (Float.isInfinite(value)) {
            return CodeBlock.of(value > 0 ? "Float.POSITIVE_INFINITY" : "Float.NEGATIVE_INFINITY");
        }
        return CodeBlock.of("$L", (value < 0 || 1 / value < 0 ? "(" + value + "f)" : value + "f"));
    }

    private CodeBlock unary(UnaryFn fn, CodeBlock x) {
        return precision == Precision.OF_BF16 ? fastUnary(fn, x) : exactUnary(fn, x);
    }

    private CodeBlock fastUnary(UnaryFn fn, CodeBlock x) {
        return switch (fn) {
            case EXP -> fast("exp", x);
            case ERF -> fast("erf", x);
            case SIGMOID -> fast("sigmoid", x);
            case RECIPROCAL -> fast("divide", CodeBlock.of("1f"), x);
            case RSQRT -> fast("divide", CodeBlock.of("1f"), exactUnary(UnaryFn.SQRT, x));
            case NEG, ABS, SIGN, LOG, SQRT, TANH, SOFTPLUS, SIN, COS, FLOOR, NOT -> exactUnary(fn, x);
        };
    }

    private static CodeBlock fast(String function, CodeBlock... arguments) {
        return CodeBlock.of("$L.$L($L)", CudaFunctions.FAST, function, CodeBlock.join(List.of(arguments), ", "));
    }

    private CodeBlock exactUnary(UnaryFn fn, CodeBlock x) {
        var math = TornadoApi.MATH;
        return switch (fn) {
            case NEG -> CodeBlock.of("-$L", x);
            case ABS -> CodeBlock.of("$T.abs($L)", math, x);
            case SIGN -> CodeBlock.of("($1L > 0f ? 1f : $1L < 0f ? -1f : $1L)", x);
            case EXP -> CodeBlock.of("$T.exp($L)", math, x);
            case LOG -> CodeBlock.of("$T.log($L)", math, x);
            case SQRT -> CodeBlock.of("$T.sqrt($L)", math, x);
            case RSQRT -> CodeBlock.of("1f / $T.sqrt($L)", math, x);
            case RECIPROCAL -> CodeBlock.of("1f / $L", x);
            case TANH -> CodeBlock.of("$T.tanh($L)", math, x);
            case ERF -> TornadoMathCode.ERF.call(helpers, x);
            case SIGMOID -> TornadoMathCode.SIGMOID.call(helpers, x);
            case SOFTPLUS -> TornadoMathCode.SOFTPLUS.call(helpers, x);
            case SIN -> CodeBlock.of("$T.sin($L)", math, x);
            case COS -> CodeBlock.of("$T.cos($L)", math, x);
            case FLOOR -> CodeBlock.of("$T.floor($L)", math, x);
            case NOT -> CodeBlock.of("!$L", x);
        };
    }

    private static CodeBlock unaryInt(UnaryFn fn, CodeBlock x) {
        return switch (fn) {
            case NEG -> CodeBlock.of("-$L", x);
            case ABS -> CodeBlock.of("($1L < 0 ? -$1L : $1L)", x);
            case SIGN -> CodeBlock.of("($1L > 0 ? 1 : $1L < 0 ? -1 : 0)", x);
            default -> throw new IllegalArgumentException(fn + " does not take i32");
        };
    }

    private CodeBlock binary(BinaryFn fn, DType dtype, CodeBlock a, CodeBlock b) {
        return switch (fn) {
            case ADD -> CodeBlock.of("$L + $L", a, b);
            case SUB -> CodeBlock.of("$L - $L", a, b);
            case MUL -> CodeBlock.of("$L * $L", a, b);
            case DIV -> dtype == DType.I32 ? TornadoMathCode.INT_DIVIDE.call(helpers, a, b) : quotient(a, b);
            case MAX, MIN -> extreme(helpers, fn == BinaryFn.MAX, dtype == DType.I32, a, b);
            case POW ->
                dtype == DType.I32
                        ? TornadoMathCode.INT_POW.call(helpers, a, b)
                        : CodeBlock.of("$T.pow($L, $L)", TornadoApi.MATH, a, b);
            case AND -> CodeBlock.of("$L & $L", a, b);
            case OR -> CodeBlock.of("$L | $L", a, b);
        };
    }

    private CodeBlock quotient(CodeBlock a, CodeBlock b) {
        return precision == Precision.OF_BF16 ? fast("divide", a, b) : CodeBlock.of("$L / $L", a, b);
    }

    /** The larger or the smaller of two variables or elements, ints or floats. */
    static CodeBlock extreme(
            TornadoKernel.Helpers helpers, boolean largest, boolean areInts, CodeBlock a, CodeBlock b) {
        if (areInts) {
            return CodeBlock.of("($1L $3L $2L ? $1L : $2L)", a, b, largest ? ">" : "<");
        }
        return (largest ? TornadoMathCode.MAX : TornadoMathCode.MIN).call(helpers, a, b);
    }

    private static CodeBlock compare(Comparison comparison, DType dtype, CodeBlock a, CodeBlock b) {
        var operator = switch (comparison) {
            case EQ -> "==";
            case NE -> "!=";
            case LT -> "<";
            case LE -> "<=";
            case GT -> ">";
            case GE -> ">=";
        };
        if (dtype.isFloat() && (comparison == Comparison.LE || comparison == Comparison.GE)) {
            // TornadoVM negates the opposite comparison, of which NaN makes a truth.
            return CodeBlock.of("$1L $3L $2L || $1L == $2L", a, b, operator.substring(0, 1));
        }
        return dtype == DType.BOOL
                ? CodeBlock.of("($L ? 1 : 0) $L ($L ? 1 : 0)", a, operator, b)
                : CodeBlock.of("$L $L $L", a, operator, b);
    }

    private static CodeBlock select(CodeBlock condition, CodeBlock a, CodeBlock b) {
        return CodeBlock.of("($L ? $L : $L)", condition, a, b);
    }

    private CodeBlock convert(DType from, DType to, CodeBlock x) {
        if (from == to || (from.isFloat() && to == DType.F32)) {
            return x;
        }
        return switch (to) {
            case F32 -> let(to, from == DType.BOOL ? CodeBlock.of("($L ? 1f : 0f)", x) : CodeBlock.of("(float) $L", x));
            case I32 -> let(to, from == DType.BOOL ? CodeBlock.of("($L ? 1 : 0)", x) : CodeBlock.of("(int) $L", x));
            case BOOL -> let(to, CodeBlock.of("$L != 0", x));
            case BF16 -> let(to, CodeBlock.of("$L.round($L)", TornadoKernel.BFLOAT16, convert(from, DType.F32, x)));
            case F16 ->
                throw new UnsupportedOperationException(
                        "the target tornado has no f16: compile with trainer.precision=32 or bf16");
        };
    }
}
