package org.clipc.compiler.lower;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.clipc.compiler.kernel.Expr;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.Graph;
import org.clipc.ir.Op;
import org.clipc.ir.ReduceFn;
import org.clipc.ir.TensorType;
import org.clipc.ir.Value;

/** Elementwise and reducing fusions. */
final class FusionLowering {

    private final Emitter emitter;
    private final Values values;

    FusionLowering(Emitter emitter, Values values) {
        this.emitter = emitter;
        this.values = values;
    }

    /** @param results the values of the graph that the body's outputs are */
    void elementwise(Graph body, List<View> bound, List<Value> results) {
        var reader = new BodyReader(emitter, body, bound, 0);
        var expressions =
                body.outputs().stream().map(o -> reader.read(o.value())).toList();
        var operands = reader.operands();
        var outputs = new ArrayList<View>();
        for (var result : results) {
            outputs.add(values.result(
                    result,
                    view -> mayWrite(view, operands, reader::isSeed, results.size())
                            ? Optional.of(view)
                            : Optional.empty()));
        }
        emitter.pointwise(operands, expressions, outputs, reader.attributes());
    }

    /** A single result may replace an operand that is walked in step with it; a seed is read whole for each element. */
    private static boolean mayWrite(View view, List<View> operands, IntPredicate isSeed, int results) {
        return IntStream.range(0, operands.size())
                .filter(i -> operands.get(i).buffer() == view.buffer())
                .allMatch(i -> results == 1 && operands.get(i).equals(view) && !isSeed.test(i));
    }

    void reduce(Graph body, List<View> bound, Value result) {
        var reader = new BodyReader(emitter, body, bound, 0);
        var node = body.node(body.outputs().getFirst().value());
        if (!(node.op() instanceof Op.Reduce(var fn, var axes))) {
            throw new IllegalStateException("a reducing fusion ends with " + node.op());
        }
        var output = values.result(result, view -> Views.isDense(view) ? Optional.of(view) : Optional.empty());
        reduction(reader, fn, node.operand(0), body.type(node.operand(0))).over(axes, output);
    }

    private Reduction reduction(BodyReader reader, ReduceFn fn, Value reduced, TensorType type) {
        var value = reader.read(reduced);
        var operands = reader.operands();
        if (!IntStream.range(0, operands.size()).allMatch(reader::isSeed)) {
            return new Reduction(emitter, fn, operands, reader::isSeed, value, reader.attributes(), type.shape());
        }
        // Nothing but random numbers: the kernel learns the extents from an operand, so there has to be one.
        var numbers = emitter.allocate(type);
        emitter.pointwise(operands, List.of(value), List.of(numbers), reader.attributes());
        return new Reduction(
                emitter, fn, List.of(numbers), _ -> false, new Expr.Arg(0, type.dtype()), List.of(), type.shape());
    }
}
