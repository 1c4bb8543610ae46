package org.clipc.compiler.schedule;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.clipc.ir.FusionKind;
import org.clipc.ir.Graph;
import org.clipc.ir.Node;
import org.clipc.ir.Op;
import org.clipc.ir.ReduceFn;
import org.clipc.ir.Value;

/**
 * Sums of a tensor over the axes that a product contracts, as the gradients of a bias and of its weight are. The product reads
 * the same elements, so that a library may give the sums along with it (cuBLASLt's epilogues BGRADA and BGRADB), where the
 * two stand side by side.
 */
final class FactorSums {

    /** A tensor, summed or contracted over some of its axes. */
    private record Over(Value tensor, List<Integer> axes) {}

    private final Graph graph;
    private final List<List<Integer>> readers = new ArrayList<>();

    private FactorSums(Graph graph) {
        this.graph = graph;
        graph.nodes().forEach(_ -> readers.add(new ArrayList<>()));
        for (var i = 0; i < graph.nodes().size(); i++) {
            for (var operand : graph.nodes().get(i).operands()) {
                readers.get(operand.node()).add(i);
            }
        }
    }

    /** By the node of the sums: that of the product. */
    static Map<Integer, Integer> products(Graph graph) {
        var products = new HashMap<Over, Integer>();
        for (var i = 0; i < graph.nodes().size(); i++) {
            for (var factor : factors(graph.nodes().get(i))) {
                products.putIfAbsent(factor, i);
            }
        }
        var sums = new FactorSums(graph);
        var found = new HashMap<Integer, Integer>();
        for (var i = 0; i < graph.nodes().size(); i++) {
            var product = summed(graph.nodes().get(i)).map(products::get);
            if (product.isPresent() && sums.mayFollow(i, product.get())) {
                found.put(i, product.get());
            }
        }
        return found;
    }

    /** Whether nothing that reads the sums, other than to reduce them alone, is in the way of computing them behind a node. */
    private boolean mayFollow(int sums, int node) {
        for (int reader : readers.get(sums)) {
            var waits = reader < node && isReductionOfOne(graph.nodes().get(reader));
            if (waits ? !mayFollow(reader, node) : reader <= node) {
                return false;
            }
        }
        return true;
    }

    /** Which runs with what it reduces, see {@link Liveness}. */
    private static boolean isReductionOfOne(Node node) {
        return Liveness.isReduction(node.op()) && node.operands().size() == 1;
    }

    /** What a node sums, if that is all it does. */
    private static Optional<Over> summed(Node node) {
        return switch (node.op()) {
            case Op.Reduce(var fn, var axes) when fn == ReduceFn.SUM -> Optional.of(new Over(node.operand(0), axes));
            case Op.Fused(var kind, var body)
            when kind == FusionKind.REDUCE && node.operands().size() == 1 ->
                axes(body).map(axes -> new Over(node.operand(0), axes));
            default -> Optional.empty();
        };
    }

    /** The axes over which a body sums its operand, converted or not. */
    private static Optional<List<Integer>> axes(Graph body) {
        var result = body.outputs().getFirst().value();
        if (!(body.op(result) instanceof Op.Reduce(var fn, var axes)) || fn != ReduceFn.SUM) {
            return Optional.empty();
        }
        var summed = body.node(result).operand(0);
        while (body.op(summed) instanceof Op.Convert) {
            summed = body.node(summed).operand(0);
        }
        return body.op(summed) instanceof Op.Input ? Optional.of(axes) : Optional.empty();
    }

    /** What a node contracts, if it is a product without batches. */
    private static List<Over> factors(Node node) {
        return switch (node.op()) {
            case Op.DotGeneral dot -> factors(dot, node.operands());
            case Op.Fused(var kind, var body)
            when kind == FusionKind.GEMM ->
                body.nodes().stream()
                        .filter(inner -> inner.op() instanceof Op.DotGeneral)
                        .findFirst()
                        .map(inner -> factors((Op.DotGeneral) inner.op(), outside(inner, body, node)))
                        .orElse(List.of());
            default -> List.of();
        };
    }

    private static List<Over> factors(Op.DotGeneral dot, List<Value> operands) {
        return dot.lhsBatch().isEmpty()
                ? List.of(new Over(operands.get(0), dot.lhsContract()), new Over(operands.get(1), dot.rhsContract()))
                : List.of();
    }

    /** What the operands of a product in a body, which are inputs of that, are outside. */
    private static List<Value> outside(Node product, Graph body, Node node) {
        var inputs = IntStream.range(0, body.nodes().size())
                .filter(i -> body.nodes().get(i).op() instanceof Op.Input)
                .boxed()
                .toList();
        return product.operands().stream()
                .map(v -> node.operand(inputs.indexOf(v.node())))
                .toList();
    }
}
