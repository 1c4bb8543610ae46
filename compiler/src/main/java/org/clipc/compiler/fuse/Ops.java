package org.clipc.compiler.fuse;

import org.clipc.ir.Op;

/** What fusion needs to know of ops. */
final class Ops {

    private Ops() {}

    /** Computes each element of its result from the same element of its operands. */
    static boolean isPointwise(Op op) {
        return switch (op) {
            case Op.Unary _, Op.Binary _, Op.Compare _, Op.Select _, Op.Convert _ -> true;
            default -> false;
        };
    }

    /** Results are elements of the operand. */
    static boolean isMove(Op op) {
        return switch (op) {
            case Op.Reshape _, Op.Transpose _, Op.Broadcast _, Op.Slice _, Op.StopGradient _ -> true;
            default -> false;
        };
    }

    /** Needs its operands as tensors in memory. */
    static boolean readsTensors(Op op) {
        return !isPointwise(op) && !isMove(op) && !(op instanceof Op.Reduce) && !(op instanceof Op.Uniform);
    }
}
