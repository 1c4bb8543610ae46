package org.clipc.ir.interp;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.clipc.ir.DType;
import org.clipc.ir.Graph;
import org.clipc.ir.Mesh;
import org.clipc.ir.MeshAxis;
import org.clipc.ir.Node;
import org.clipc.ir.Op;
import org.clipc.ir.ReduceFn;
import org.clipc.ir.TensorType;

/**
 * Runs a graph on all ranks of a mesh in lock-step, in float64 like {@link Interpreter}: the oracle for programs that
 * communicate. Sums run over ranks in order of their coordinates, and every rank gets the same bits.
 */
public final class MeshInterpreter {

    private final Mesh mesh;
    private final Graph graph;

    /** By rank: the results of all nodes so far. */
    private final List<List<List<Tensor64>>> results = new ArrayList<>();

    private MeshInterpreter(Mesh mesh, Graph graph) {
        this.mesh = mesh;
        this.graph = graph;
        for (var rank = 0; rank < mesh.size(); rank++) {
            results.add(new ArrayList<>());
        }
    }

    /**
     * The graph's outputs, by rank.
     *
     * @param inputs by rank; those that tell a rank its coordinates, see {@link Mesh#rankInput}, need not be among them
     * @throws IllegalArgumentException if an input is missing or has another type, or an op counts other ranks than the
     *     mesh has
     */
    public static List<Map<String, Tensor64>> run(Mesh mesh, Graph graph, List<Map<String, Tensor64>> inputs) {
        if (inputs.size() != mesh.size()) {
            throw new IllegalArgumentException(mesh.size() + " ranks need inputs, not " + inputs.size());
        }
        return new MeshInterpreter(mesh, graph).run(inputs);
    }

    private List<Map<String, Tensor64>> run(List<Map<String, Tensor64>> inputs) {
        var bound = IntStream.range(0, mesh.size())
                .mapToObj(rank -> withCoordinates(inputs.get(rank), rank))
                .toList();
        for (var node : graph.nodes()) {
            var computed = step(node, bound);
            for (var rank = 0; rank < mesh.size(); rank++) {
                results.get(rank).add(computed.get(rank));
            }
        }
        return results.stream()
                .map(ofRank -> new Interpreter.Run(graph, ofRank).outputs())
                .toList();
    }

    private Map<String, Tensor64> withCoordinates(Map<String, Tensor64> inputs, int rank) {
        var all = new HashMap<>(inputs);
        for (var axis : MeshAxis.values()) {
            all.put(Mesh.rankInput(axis), Tensor64.scalar(TensorType.scalar(DType.I32), mesh.coordinate(axis, rank)));
        }
        return all;
    }

    /** The node's results by rank. */
    private List<List<Tensor64>> step(Node node, List<Map<String, Tensor64>> inputs) {
        return switch (node.op()) {
            case Op.Input input ->
                inputs.stream()
                        .map(ofRank -> List.of(Interpreter.bind(input, ofRank)))
                        .toList();
            case Op.AllReduce(var axis, var fn, var size) ->
                exchange(
                        node,
                        axis,
                        size,
                        (group, _, i) -> reduce(fn, group, node.types().get(i)));
            case Op.AllGather(var axis, var size, var dim, var parts) ->
                exchange(
                        node,
                        axis,
                        size,
                        (group, _, i) -> gather(group, node.types().get(i), dim, parts));
            case Op.ReduceScatter(var axis, var size, var dim, var parts) ->
                exchange(node, axis, size, (group, coordinate, i) -> {
                    var sum = reduce(ReduceFn.SUM, group, group.getFirst().type());
                    return Shards.slice(
                            sum,
                            new Op.RankSlice(size, dim, parts),
                            coordinate,
                            node.types().get(i));
                });
            case Op.Permute(var axis, var size, var shift) ->
                exchange(
                        node, axis, size, (group, coordinate, _) -> group.get(Math.floorMod(coordinate - shift, size)));
            default ->
                IntStream.range(0, mesh.size())
                        .mapToObj(rank -> Interpreter.apply(node, operands(node, rank)))
                        .toList();
        };
    }

    /** What a rank at {@code coordinate} makes of operand {@code i} of all ranks of its group. */
    @FunctionalInterface
    private interface Exchange {
        Tensor64 of(List<Tensor64> group, int coordinate, int i);
    }

    private List<List<Tensor64>> exchange(Node node, MeshAxis axis, int size, Exchange exchange) {
        if (size != mesh.size(axis)) {
            throw new IllegalArgumentException(
                    "an op counts " + size + " ranks along " + axis.text() + ", the mesh " + mesh.size(axis));
        }
        return IntStream.range(0, mesh.size())
                .mapToObj(rank -> IntStream.range(0, node.operands().size())
                        .mapToObj(i -> {
                            var group = mesh.group(axis, rank).stream()
                                    .map(other -> operands(node, other).get(i))
                                    .toList();
                            return Interpreter.round(exchange.of(group, mesh.coordinate(axis, rank), i));
                        })
                        .toList())
                .toList();
    }

    private List<Tensor64> operands(Node node, int rank) {
        return node.operands().stream()
                .map(v -> results.get(rank).get(v.node()).get(v.result()))
                .toList();
    }

    private static Tensor64 reduce(ReduceFn fn, List<Tensor64> group, TensorType type) {
        var result = group.getFirst().map(type, x -> x);
        for (var other : group.subList(1, group.size())) {
            for (var i = 0; i < result.size(); i++) {
                result.data()[i] = Scalars.binary(fn.ofTwo(), type.dtype(), result.get(i), other.get(i));
            }
        }
        return result;
    }

    private static Tensor64 gather(List<Tensor64> group, TensorType type, int dim, int parts) {
        var whole = Tensor64.zeros(type);
        for (var coordinate = 0; coordinate < group.size(); coordinate++) {
            Shards.place(group.get(coordinate), whole, dim, group.size(), parts, coordinate);
        }
        return whole;
    }
}
