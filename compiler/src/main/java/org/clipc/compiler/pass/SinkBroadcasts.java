package org.clipc.compiler.pass;

import java.util.List;
import java.util.Optional;
import org.clipc.ir.Op;
import org.clipc.ir.Shape;
import org.clipc.ir.Value;

/** f(broadcast x, broadcast y) = broadcast f(x, y) for elementwise f: less work, and the broadcast is free in what follows. */
final class SinkBroadcasts {

    private SinkBroadcasts() {}

    static Optional<Value> apply(Op op, List<Value> operands, Rewriter r) {
        if (!(op instanceof Op.Elementwise)) {
            return Optional.empty();
        }
        var broadcast =
                operands.stream().filter(v -> r.op(v) instanceof Op.Broadcast).findFirst();
        if (broadcast.isEmpty()) {
            return Optional.empty();
        }
        var spread = r.op(broadcast.get());
        var source = r.shape(r.operand(broadcast.get(), 0));
        if (!operands.stream().allMatch(v -> isSpread(v, spread, source, r))) {
            return Optional.empty();
        }
        var small = operands.stream().map(v -> source(v, source, r)).toList();
        return Optional.of(r.add(spread, r.add(op, small)));
    }

    private static boolean isSpread(Value v, Op spread, Shape source, Rewriter r) {
        return r.constant(v).isPresent()
                || (r.op(v).equals(spread) && r.shape(r.operand(v, 0)).equals(source));
    }

    private static Value source(Value v, Shape source, Rewriter r) {
        var constant = r.constant(v);
        return constant.isPresent() ? r.constant(r.type(v).withShape(source), constant.getAsDouble()) : r.operand(v, 0);
    }
}
