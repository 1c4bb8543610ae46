package org.clipc.ir;

import java.util.List;

/** An op applied to operands. {@code types} holds one type per result. */
public record Node(Op op, List<Value> operands, List<TensorType> types, Location location) {

    public Node {
        operands = List.copyOf(operands);
        types = List.copyOf(types);
    }

    public Value operand(int i) {
        return operands.get(i);
    }

    /** Type of the first (for most ops the only) result. */
    public TensorType type() {
        return types.getFirst();
    }
}
