package org.clipc.compiler.pass;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.Node;
import org.clipc.ir.Op;
import org.clipc.ir.Output;
import org.clipc.ir.TensorType;
import org.clipc.ir.Value;
import org.jspecify.annotations.Nullable;

/**
 * Computes only those rows of a tensor that are asked for: a slice or gather of what is computed row by row is computed
 * from a slice or gather of the operands. A tower that pools one token thus needs its last block's output projection and
 * MLP for that token only, and its last queries if any query may look at any key: with 12 blocks, some 6% of its work.
 *
 * <p>A tensor is narrowed only if all that reads it wants the same rows, so that nothing is computed twice. Expects a
 * simplified graph.
 */
public final class NarrowRows implements Pass {

    @Override
    public String name() {
        return "narrow-rows";
    }

    @Override
    public Graph apply(Graph graph) {
        var wanted = wanted(graph);
        return new Rewrite(graph, wanted).run();
    }

    /** How a node computes some of its rows: by {@code op}, of as many rows of operands that are {@code narrow}. */
    private record Narrowed(Op op, List<Boolean> narrow) {

        static Narrowed all(Op op, int operands) {
            return new Narrowed(
                    op, IntStream.range(0, operands).mapToObj(_ -> true).toList());
        }

        static Narrowed first(Op op, int operands) {
            return new Narrowed(
                    op, IntStream.range(0, operands).mapToObj(i -> i == 0).toList());
        }
    }

    /** By node: the rows that alone are wanted of its first result, if nothing wants another; else null. */
    private static @Nullable Selection[] wanted(Graph graph) {
        var count = graph.nodes().size();
        var wanted = new @Nullable Selection[count];
        var whole = new boolean[count];
        graph.outputs().forEach(output -> whole[output.value().node()] = true);
        for (var i = count - 1; i >= 0; i--) {
            var node = graph.nodes().get(i);
            var rows = whole[i] ? null : wanted[i];
            var narrowed = rows == null ? null : narrowed(node, rows, graph);
            wanted[i] = narrowed == null ? null : rows;
            var narrow =
                    narrowed == null ? Narrowed.first(node.op(), node.operands().size()) : narrowed;
            var asked = narrowed == null ? Selection.of(node, graph) : rows;
            for (var o = 0; o < node.operands().size(); o++) {
                var operand = node.operand(o);
                var ask = narrow.narrow().get(o) ? asked : null;
                var known = wanted[operand.node()];
                whole[operand.node()] |= ask == null || operand.result() > 0 || (known != null && !known.equals(ask));
                wanted[operand.node()] = ask;
            }
        }
        return wanted;
    }

    private static @Nullable Narrowed narrowed(Node node, Selection rows, Graph graph) {
        var operands = node.operands().size();
        return switch (node.op()) {
            case Op.Constant(var type, var value) ->
                Narrowed.all(new Op.Constant(new TensorType(type.dtype(), rows.of(type.shape())), value), 0);
            case Op.Elementwise _, Op.StopGradient _ -> Narrowed.all(node.op(), operands);
            case Op.Broadcast(var shape, var axes) ->
                axes.contains(rows.axis())
                        ? null
                        : new Narrowed(new Op.Broadcast(rows.of(shape), moved(axes, rows)), List.of(false));
            case Op.LayerNorm _ -> rows.axis() == node.type().rank() - 1 ? null : Narrowed.first(node.op(), operands);
            case Op.DotGeneral(var lhsBatch, var rhsBatch, var lhsContract, var rhsContract) ->
                lhsBatch.isEmpty()
                                && rows.axis() < graph.type(node.operand(0)).rank() - lhsContract.size()
                                && lhsContract.stream().allMatch(a -> a > rows.axis())
                        ? Narrowed.first(
                                new Op.DotGeneral(lhsBatch, rhsBatch, moved(lhsContract, rows), rhsContract), operands)
                        : null;
            case Op.Attention attention -> isPlain(attention, rows) ? Narrowed.first(attention, operands) : null;
            default -> null;
        };
    }

    private static List<Integer> moved(List<Integer> axes, Selection rows) {
        return axes.stream().map(rows::moved).toList();
    }

    /** Whether queries are all alike but for what they ask: then it does not matter which one is where. */
    private static boolean isPlain(Op.Attention attention, Selection rows) {
        return attention.dropout() == 0
                && rows instanceof Selection.Range(var axis, var start, var _)
                && axis == 1
                && (!attention.causal() || start == 0);
    }

    private static final class Rewrite {

        private final Graph graph;
        private final @Nullable Selection[] wanted;
        private final GraphBuilder b;
        private final Map<Value, Value> done = new HashMap<>();
        private final Map<Rows, Value> selected = new HashMap<>();

        private record Rows(Value of, Selection selection) {}

        Rewrite(Graph graph, @Nullable Selection[] wanted) {
            this.graph = graph;
            this.wanted = wanted;
            b = new GraphBuilder(graph.name());
        }

        /** What is narrowed appears where its rows are first asked for, since only there it is known which. */
        Graph run() {
            for (var i = 0; i < graph.nodes().size(); i++) {
                if (wanted[i] == null) {
                    copy(i);
                }
            }
            graph.outputs().forEach(o -> b.output(new Output(o.name(), whole(o.value()), o.updates())));
            return b.build();
        }

        private void copy(int index) {
            var node = graph.nodes().get(index);
            var selection = Selection.of(node, graph);
            if (selection != null && wanted[node.operand(0).node()] != null) {
                done.put(new Value(index, 0), rows(node.operand(0), selection));
                return;
            }
            var values = b.at(node.location())
                    .addAll(node.op(), node.operands().stream().map(this::whole).toList());
            for (var r = 0; r < values.size(); r++) {
                done.put(new Value(index, r), values.get(r));
            }
        }

        private Value whole(Value value) {
            return Objects.requireNonNull(done.get(value));
        }

        private Value rows(Value value, Selection selection) {
            var key = new Rows(value, selection);
            var known = selected.get(key);
            if (known == null) {
                var narrowed = wanted[value.node()] != null || isFree(graph.op(value))
                        ? narrowed(graph.node(value), selection, graph)
                        : null;
                known = narrowed == null ? select(value, selection) : compute(graph.node(value), narrowed, selection);
                selected.put(key, known);
            }
            return known;
        }

        private Value select(Value value, Selection selection) {
            var from = whole(value);
            var shape = b.shape(from);
            // Where what it is of was computed, so that it does not make that leave its recompute region.
            b.at(graph.node(value).location());
            return switch (selection) {
                case Selection.Range(var axis, var start, var limit) -> {
                    var starts = new ArrayList<Integer>();
                    for (var a = 0; a < shape.rank(); a++) {
                        starts.add(a == axis ? start : 0);
                    }
                    yield b.add(new Op.Slice(starts, shape.with(axis, limit).dims()), from);
                }
                case Selection.Picks(var axis, var index, var _) -> b.add(new Op.Gather(axis), from, whole(index));
            };
        }

        /** Costs nothing to have twice. */
        private static boolean isFree(Op op) {
            return op instanceof Op.Constant || op instanceof Op.Broadcast;
        }

        private Value compute(Node node, Narrowed narrowed, Selection selection) {
            var operands = new ArrayList<Value>();
            for (var o = 0; o < node.operands().size(); o++) {
                var operand = node.operand(o);
                operands.add(narrowed.narrow().get(o) ? rows(operand, selection) : whole(operand));
            }
            return b.at(node.location()).addAll(narrowed.op(), operands).getFirst();
        }
    }
}
