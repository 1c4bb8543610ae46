package org.clipc.compiler.precision;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.Graph;
import org.clipc.ir.InputKind;
import org.clipc.ir.Op;
import org.clipc.ir.Value;

/**
 * Parameters that are added to every row of a product which nothing else uses: the biases of linear layers. They are read as
 * bf16 where the product is rounded, as the weight is, and as PyTorch's autocast has it.
 *
 * <p>The sum is rounded then and not the product, so that a library can give it: that is what a layer's activation or
 * attention reads, and what is kept for the backward pass. Not so the sum that is only added to something else, as what a
 * block adds to its residual stream: of such layers, tensor-parallel ranks add up the products before the bias comes.
 */
final class Biases {

    private final Graph graph;
    private final List<List<Integer>> users;
    private final Map<Value, Integer> operands = new HashMap<>();
    private final Map<Value, Value> sums = new HashMap<>();

    private Biases(Graph graph) {
        this.graph = graph;
        users = graph.users();
    }

    static Biases of(Graph graph) {
        var biases = new Biases(graph);
        for (var i = 0; i < graph.nodes().size(); i++) {
            if (graph.nodes().get(i).op() instanceof Op.DotGeneral) {
                biases.find(new Value(i, 0));
            }
        }
        return biases;
    }

    private void find(Value product) {
        var uses = users.get(product.node());
        if (uses.size() != 1 || graph.outputs().stream().anyMatch(o -> o.value().equals(product))) {
            return;
        }
        var sum = new Value(uses.getFirst(), 0);
        if (!isAdd(sum)) {
            return;
        }
        var operand = graph.node(sum).operand(0).equals(product) ? 1 : 0;
        if (isVectorOfParameters(graph.node(sum).operand(operand))) {
            sums.put(product, sum);
            operands.put(sum, operand);
        }
    }

    private boolean isAdd(Value value) {
        return graph.op(value) instanceof Op.Binary(var fn) && fn == BinaryFn.ADD;
    }

    private boolean isVectorOfParameters(Value value) {
        var node = graph.node(value);
        return node.op() instanceof Op.Broadcast(var shape, var axes)
                && axes.equals(List.of(shape.rank() - 1))
                && graph.op(node.operand(0)) instanceof Op.Input(var _, var kind, var _)
                && kind == InputKind.PARAMETER;
    }

    /** What is rounded of a product that is to be: it, or its sum with the bias. */
    Value rounded(Value product) {
        var sum = sums.get(product);
        return sum == null || isSummand(sum) ? product : sum;
    }

    /** Whether an operand is the bias that a sum adds to a product. */
    boolean isBias(Value sum, int operand) {
        return Integer.valueOf(operand).equals(operands.get(sum));
    }

    /** Whether a value, scaled or masked maybe, is only added to others. */
    private boolean isSummand(Value value) {
        return users.get(value.node()).stream()
                .allMatch(user -> switch (graph.nodes().get(user).op()) {
                    case Op.Binary(var fn) when fn == BinaryFn.ADD -> true;
                    case Op.Binary(var fn) when fn == BinaryFn.MUL -> isSummand(new Value(user, 0));
                    case Op.Select _, Op.Reshape _, Op.StopGradient _ -> isSummand(new Value(user, 0));
                    default -> false;
                });
    }
}
