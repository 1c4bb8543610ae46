package org.clipc.ir.interp;

import java.util.List;
import org.clipc.ir.Op;
import org.clipc.ir.TensorType;

/** Parameter updates. */
final class Optimizers {

    private Optimizers() {}

    /** As {@code _single_tensor_adam} of torch.optim with decoupled weight decay orders its operations. */
    static List<Tensor64> adamW(Op.AdamW op, List<Tensor64> in, List<TensorType> types) {
        var lr = in.get(4).get(0);
        var step = in.get(5).get(0);
        var gradScale = in.get(6).get(0);
        if (!Double.isFinite(gradScale)) {
            return List.of(in.get(0), in.get(2), in.get(3));
        }
        var stepSize = lr / (1 - Math.pow(op.beta1(), step));
        var correction = Math.sqrt(1 - Math.pow(op.beta2(), step));
        var param = Tensor64.zeros(types.get(0));
        var m = Tensor64.zeros(types.get(1));
        var v = Tensor64.zeros(types.get(2));
        for (var i = 0; i < param.size(); i++) {
            var grad = in.get(1).get(i) * gradScale;
            var decayed = in.get(0).get(i) * (1 - lr * op.weightDecay());
            m.data()[i] = in.get(2).get(i) + (grad - in.get(2).get(i)) * (1 - op.beta1());
            v.data()[i] = in.get(3).get(i) * op.beta2() + (1 - op.beta2()) * grad * grad;
            param.data()[i] = decayed - stepSize * m.get(i) / (Math.sqrt(v.get(i)) / correction + op.epsilon());
        }
        return List.of(param, m, v);
    }
}
