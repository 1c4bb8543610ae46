package org.clipc.program;

import java.util.List;

/**
 * Something a program can run. Inputs are written to their slots before the calls, outputs read from theirs after them.
 *
 * @param batch the micro-batch size it is compiled for
 */
public record EntryPoint(String name, int batch, List<TensorSlot> inputs, List<TensorSlot> outputs) {

    public EntryPoint {
        inputs = List.copyOf(inputs);
        outputs = List.copyOf(outputs);
    }
}
