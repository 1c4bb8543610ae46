package org.clipc.compiler.kernel;

import java.util.List;
import java.util.function.UnaryOperator;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.Comparison;
import org.clipc.ir.DType;
import org.clipc.ir.UnaryFn;

/**
 * What is computed for one element: the scalar expression fused into a kernel. Trees, not graphs: a renderer names each
 * distinct subtree once, so sharing costs nothing at run time.
 */
public sealed interface Expr {

    /** The element of operand {@code index} at the current position. */
    record Arg(int index, DType dtype) implements Expr {}

    /** A literal. */
    record Const(double value, DType dtype) implements Expr {}

    /**
     * A number given at run time: entry {@code index} of the launch's attributes. Constants that differ from layer to
     * layer, such as a drop rate, come this way so that they do not multiply kernels.
     */
    record Attribute(int index, DType dtype) implements Expr {}

    record Unary(UnaryFn fn, Expr x) implements Expr {}

    record Binary(BinaryFn fn, Expr a, Expr b) implements Expr {}

    /** A truth value, of dtype BOOL. */
    record Compare(Comparison comparison, Expr a, Expr b) implements Expr {}

    record Select(Expr condition, Expr a, Expr b) implements Expr {}

    record Convert(DType dtype, Expr x) implements Expr {}

    /**
     * A uniform number in [0, 1) as {@link org.clipc.ir.Op.Uniform} defines it, for the element whose row-major index in
     * the kernel's index space is the counter. {@code seed} is the operand (i32[2], read as scalars) holding the key,
     * numbered as {@code Arg} numbers operands, {@code stream} the entry of the launch's attributes holding the stream, so that streams do not multiply kernels.
     * Of a part of a larger tensor the seed is i32[3], and {@code row} the entry of the attributes holding the number of
     * elements in a row, of which as many stand before as the third number says; -1 of a whole tensor.
     */
    record Uniform(int seed, int stream, int row) implements Expr {

        /** Of a whole tensor. */
        public Uniform(int seed, int stream) {
            this(seed, stream, -1);
        }

        public boolean ofPart() {
            return row >= 0;
        }
    }

    /** The element's coordinate along axis {@code axis} of the kernel's index space, as i32. */
    record Index(int axis) implements Expr {}

    /** Element type of the result. */
    default DType dtype() {
        return switch (this) {
            case Arg(var _, var dtype) -> dtype;
            case Const(var _, var dtype) -> dtype;
            case Attribute(var _, var dtype) -> dtype;
            case Unary(var _, var x) -> x.dtype();
            case Binary(var _, var a, var _) -> a.dtype();
            case Compare _ -> DType.BOOL;
            case Select(var _, var a, var _) -> a.dtype();
            case Convert(var dtype, var _) -> dtype;
            case Uniform _ -> DType.F32;
            case Index _ -> DType.I32;
        };
    }

    /** The expressions that it is computed from, which are none of a leaf. */
    default List<Expr> parts() {
        return switch (this) {
            case Unary(var _, var x) -> List.of(x);
            case Binary(var _, var a, var b) -> List.of(a, b);
            case Compare(var _, var a, var b) -> List.of(a, b);
            case Select(var condition, var a, var b) -> List.of(condition, a, b);
            case Convert(var _, var x) -> List.of(x);
            case Arg _, Const _, Attribute _, Uniform _, Index _ -> List.of();
        };
    }

    /** The same of other {@link #parts}; a leaf is itself. */
    default Expr map(UnaryOperator<Expr> part) {
        return switch (this) {
            case Unary(var fn, var x) -> new Unary(fn, part.apply(x));
            case Binary(var fn, var a, var b) -> new Binary(fn, part.apply(a), part.apply(b));
            case Compare(var comparison, var a, var b) -> new Compare(comparison, part.apply(a), part.apply(b));
            case Select(var condition, var a, var b) -> new Select(part.apply(condition), part.apply(a), part.apply(b));
            case Convert(var dtype, var x) -> new Convert(dtype, part.apply(x));
            case Arg _, Const _, Attribute _, Uniform _, Index _ -> this;
        };
    }
}
