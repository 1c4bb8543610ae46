package org.clipc.compiler.jvm;

import com.palantir.javapoet.TypeName;
import org.clipc.compiler.kernel.Access;
import org.clipc.compiler.kernel.KernelSpec.Operand;
import org.clipc.ir.DType;

/**
 * A tensor that the rows of a {@link RowWalk} step through, or a counter that steps like one.
 *
 * @param name of the variable that holds its address (or count), and the stem of its arguments' names
 * @param bytes that a stride of 1 is worth
 * @param staged whether it passes through scratch
 */
record Stepper(String name, int bytes, DType dtype, Access access, boolean staged, boolean written) {

    static Stepper read(int operand, Operand type) {
        return of("x" + operand, type, false);
    }

    static Stepper written(int result, Operand type) {
        return of("y" + result, type, true);
    }

    private static Stepper of(String name, Operand operand, boolean written) {
        var dtype = operand.dtype();
        var direct = switch (operand.access()) {
            case CONTIGUOUS -> Memory.hasVectors(dtype);
            case SPLAT -> !written;
            case STRIDED -> false;
        };
        return new Stepper(name, dtype.bytes(), dtype, operand.access(), !direct, written);
    }

    static Stepper counter(String name) {
        return new Stepper(name, 1, DType.I32, Access.STRIDED, false, false);
    }

    /** Name of the argument that holds the stride along an outer axis. */
    String axis(int axis) {
        return name + "Axis" + axis;
    }

    /** Name of the argument that holds the stride along the row, if it is not known. */
    String step() {
        return name + "Step";
    }

    boolean isStrided() {
        return access == Access.STRIDED;
    }

    boolean isSingle() {
        return access == Access.SPLAT && !staged;
    }

    /** The Java type of one element. */
    static TypeName single(DType dtype) {
        return switch (dtype) {
            case F32, BF16, F16 -> TypeName.FLOAT;
            case I32 -> TypeName.INT;
            case BOOL -> TypeName.BOOLEAN;
        };
    }
}
