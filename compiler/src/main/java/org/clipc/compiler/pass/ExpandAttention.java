package org.clipc.compiler.pass;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.Comparison;
import org.clipc.ir.DType;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.Node;
import org.clipc.ir.Op;
import org.clipc.ir.Output;
import org.clipc.ir.ReduceFn;
import org.clipc.ir.Shape;
import org.clipc.ir.TensorType;
import org.clipc.ir.UnaryFn;
import org.clipc.ir.Value;

/**
 * Writes attention and its gradient as matrix products and elementwise ops, for targets without a kernel of their own for
 * them. The probabilities are then held in memory, [b, heads, s, t] at a time; the gradient computes them again from the
 * logarithm of their denominators, as FlashAttention-2 (arXiv:2307.08691) does.
 */
public final class ExpandAttention implements Pass {

    @Override
    public String name() {
        return "expand-attention";
    }

    @Override
    public Graph apply(Graph graph) {
        var b = new GraphBuilder(graph.name());
        var values = new ArrayList<List<Value>>(graph.nodes().size());
        for (var node : graph.nodes()) {
            b.at(node.location());
            var operands = node.operands().stream()
                    .map(v -> values.get(v.node()).get(v.result()))
                    .toList();
            values.add(expand(b, node, operands));
        }
        for (var output : graph.outputs()) {
            var value = output.value();
            b.output(new Output(output.name(), values.get(value.node()).get(value.result()), output.updates()));
        }
        return b.build();
    }

    private static List<Value> expand(GraphBuilder b, Node node, List<Value> operands) {
        return switch (node.op()) {
            case Op.Attention op -> new Heads(b, op, operands, 0).forward();
            case Op.AttentionGrad(var heads, var causal, var scale, var dropout, var stream) ->
                new Heads(b, new Op.Attention(heads, causal, scale, dropout, stream), operands, 1).backward(operands);
            default -> b.addAll(node.op(), operands);
        };
    }

    /** One attention, its operands with an axis for heads: q [b, s, h, d], k and v [b, t, h, d]. */
    private static final class Heads {

        private final GraphBuilder b;
        private final Op.Attention op;
        private final Value q;
        private final Value k;
        private final Value v;
        private final Value seed;
        private final TensorType scores;

        Heads(GraphBuilder b, Op.Attention op, List<Value> operands, int first) {
            this.b = b;
            this.op = op;
            this.q = split(operands.get(first));
            this.k = split(operands.get(first + 1));
            this.v = split(operands.get(first + 2));
            this.seed = operands.getLast();
            var shape = Shape.of(
                    b.shape(q).dim(0), op.heads(), b.shape(q).dim(1), b.shape(k).dim(1));
            this.scores = new TensorType(DType.F32, shape);
        }

        private Value split(Value x) {
            var shape = b.shape(x);
            return b.reshape(x, Shape.of(shape.dim(0), shape.dim(1), op.heads(), shape.dim(2) / op.heads()));
        }

        private Value merge(Value x, Value like) {
            return b.reshape(b.transpose(x, List.of(0, 2, 1, 3)), b.shape(like));
        }

        /** Scaled q·k, minus infinity where a query must not look: f32 [b, h, s, t]. */
        private Value scores() {
            var products = b.add(dot(List.of(0, 2), List.of(0, 2), 3, 3), q, k);
            var scaled = b.mul(b.convert(products, DType.F32), op.scale());
            if (!op.causal()) {
                return scaled;
            }
            var square = scores.shape().slice(2, 4);
            var seen = b.compare(Comparison.GE, b.add(new Op.Iota(square, 0)), b.add(new Op.Iota(square, 1)));
            var mask = b.broadcastTo(seen, scores.shape());
            return b.select(mask, scaled, b.constant(scores, Double.NEGATIVE_INFINITY));
        }

        private static Op dot(List<Integer> lhsBatch, List<Integer> rhsBatch, int lhs, int rhs) {
            return new Op.DotGeneral(lhsBatch, rhsBatch, List.of(lhs), List.of(rhs));
        }

        private Value perQuery(Value x) {
            return b.broadcast(x, scores.shape(), IntStream.range(0, 3).boxed().toList());
        }

        /** Zeroes what dropout leaves out and scales up the rest; for its gradient too. */
        private Value dropOut(Value x) {
            if (op.dropout() == 0) {
                return x;
            }
            var uniform = b.add(new Op.Uniform(scores.shape(), op.stream()), seed);
            var out = b.compare(Comparison.LT, uniform, b.constant(scores, op.dropout()));
            return b.select(out, b.constant(scores, 0), b.mul(x, 1 / (1 - op.dropout())));
        }

        /** The operand's own element type again. */
        private Value narrow(Value x) {
            return b.convert(x, b.type(q).dtype());
        }

        List<Value> forward() {
            var scaled = scores();
            var largest = b.add(new Op.Reduce(ReduceFn.MAX, List.of(3)), scaled);
            var powers = b.unary(UnaryFn.EXP, b.sub(scaled, perQuery(largest)));
            var total = b.sum(powers, List.of(3));
            var lse = b.add(largest, b.unary(UnaryFn.LOG, total));
            var probabilities = dropOut(b.binary(BinaryFn.DIV, powers, perQuery(total)));
            var o = b.add(dot(List.of(0, 1), List.of(0, 2), 3, 1), narrow(probabilities), v);
            var shape = b.shape(q);
            var merged = b.reshape(
                    b.transpose(o, List.of(0, 2, 1, 3)),
                    Shape.of(shape.dim(0), shape.dim(1), shape.dim(2) * shape.dim(3)));
            return List.of(merged, lse);
        }

        /** @param operands do, q, k, v, o, lse */
        List<Value> backward(List<Value> operands) {
            var dOut = split(operands.get(0));
            var out = split(operands.get(4));
            var lse = operands.get(5);
            var probabilities = b.unary(UnaryFn.EXP, b.sub(scores(), perQuery(lse)));
            // Rows of dO ∘ O sum to what the softmax's gradient subtracts from each of their probabilities.
            var products = b.mul(b.convert(dOut, DType.F32), b.convert(out, DType.F32));
            var delta = b.transpose(b.sum(products, List.of(3)), List.of(0, 2, 1));
            var dProbabilities = dropOut(b.convert(b.add(dot(List.of(0, 2), List.of(0, 2), 3, 3), dOut, v), DType.F32));
            var dScores = narrow(b.mul(b.mul(probabilities, b.sub(dProbabilities, perQuery(delta))), op.scale()));
            var dropped = narrow(dropOut(probabilities));
            var dq = b.add(dot(List.of(0, 1), List.of(0, 2), 3, 1), dScores, k);
            var dk = b.add(dot(List.of(0, 1), List.of(0, 2), 2, 1), dScores, q);
            var dv = b.add(dot(List.of(0, 1), List.of(0, 2), 2, 1), dropped, dOut);
            return List.of(merge(dq, operands.get(1)), merge(dk, operands.get(2)), merge(dv, operands.get(3)));
        }
    }
}
