package org.clipc.compiler.precision;

import java.util.List;
import org.clipc.ir.DType;
import org.clipc.ir.InputKind;
import org.clipc.ir.Op;
import org.clipc.ir.TensorType;
import org.clipc.program.Parameter;

/** In which types a program computes and keeps its parameters. */
public enum Precision {
    /** Everything is f32. */
    F32,

    /** Products and what lies between them are bf16; parameters, their gradients and their state are f32. */
    BF16,

    /**
     * Parameters and their gradients are bf16, too; the optimizer has f32 masters of what it trains, as under Megatron's
     * {@code O2}.
     */
    BF16_O2;

    /** The parameters as programs keep them. */
    public List<Parameter> stored(List<Parameter> parameters) {
        return parameters.stream()
                .map(p -> narrows(p.type()) ? p.withType(p.type().withDtype(DType.BF16)) : p)
                .toList();
    }

    /** Whether the optimizer keeps a parameter in f32 that the model has in bf16. */
    public boolean hasMaster(Parameter p) {
        return p.trainable() && narrows(p.type());
    }

    boolean narrows(Op.Input input) {
        return input.kind() == InputKind.PARAMETER && narrows(input.type());
    }

    /** Whether a parameter of this type is stored in bf16. Single numbers, such as a temperature, are not: they weigh nothing. */
    boolean narrows(TensorType parameter) {
        return this == BF16_O2 && parameter.dtype() == DType.F32 && parameter.rank() > 0;
    }
}
