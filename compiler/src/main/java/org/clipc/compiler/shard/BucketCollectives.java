package org.clipc.compiler.shard;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.clipc.compiler.pass.Pass;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.MeshAxis;
import org.clipc.ir.Op;
import org.clipc.ir.Output;
import org.clipc.ir.Value;

/**
 * Joins reductions over data-parallel ranks, which are of gradients for the most part, to buckets that are large enough for
 * the network and small enough to be under way while the backward pass goes on (Li et al., "PyTorch distributed:
 * experiences on accelerating data parallel training", VLDB 2020). A bucket stands right behind its last gradient.
 */
public final class BucketCollectives implements Pass {

    private final long bucketBytes;

    /** @param bucketBytes a bucket is full when it has as many */
    public BucketCollectives(long bucketBytes) {
        this.bucketBytes = bucketBytes;
    }

    @Override
    public String name() {
        return "bucket-collectives";
    }

    @Override
    public Graph apply(Graph graph) {
        return new Run(graph).run();
    }

    private final class Run {

        private final Graph graph;
        private final GraphBuilder b;
        private final Map<Value, Value> values = new HashMap<>();

        /** By node: the reductions that become one behind it. */
        private final Map<Integer, List<Integer>> buckets = new LinkedHashMap<>();

        Run(Graph graph) {
            this.graph = graph;
            b = new GraphBuilder(graph.name());
        }

        Graph run() {
            var joined = candidates();
            group(joined);
            for (var i = 0; i < graph.nodes().size(); i++) {
                if (!joined.get(i)) {
                    copy(i);
                }
                if (buckets.containsKey(i)) {
                    emit(Objects.requireNonNull(buckets.get(i)));
                }
            }
            graph.outputs().forEach(o -> b.output(new Output(o.name(), value(o.value()), o.updates())));
            return b.build();
        }

        /** Reductions that nothing needs before the operand of the last of them is there. */
        private BitSet candidates() {
            var users = graph.users();
            var all = new BitSet();
            for (var i = 0; i < graph.nodes().size(); i++) {
                all.set(i, isReduction(graph.nodes().get(i).op()));
            }
            for (var before = -1; before != all.cardinality(); ) {
                before = all.cardinality();
                var last = all.stream().map(this::operand).max().orElse(-1);
                for (var i : all.stream().toArray()) {
                    if (users.get(i).stream().anyMatch(user -> user <= last)) {
                        all.clear(i);
                    }
                }
            }
            return all;
        }

        private static boolean isReduction(Op op) {
            return switch (op) {
                case Op.AllReduce(var axis, var _, var _) -> axis == MeshAxis.DATA;
                case Op.ReduceScatter(var axis, var _, var _, var _) -> axis == MeshAxis.DATA;
                default -> false;
            };
        }

        /** Where the only operand of a reduction is computed. */
        private int operand(int index) {
            return graph.nodes().get(index).operand(0).node();
        }

        private void group(BitSet joined) {
            var open = new HashMap<List<Object>, List<Integer>>();
            var bytes = new HashMap<List<Object>, Long>();
            var inOrder = joined.stream()
                    .boxed()
                    .sorted((a, c) -> Integer.compare(operand(a), operand(c)))
                    .toList();
            for (var index : inOrder) {
                var node = graph.nodes().get(index);
                var key = List.<Object>of(node.op(), node.type().dtype());
                var bucket = open.computeIfAbsent(key, _ -> new ArrayList<>());
                bucket.add(index);
                if (bytes.merge(key, graph.type(node.operand(0)).bytes(), Long::sum) >= bucketBytes) {
                    close(bucket);
                    open.remove(key);
                    bytes.remove(key);
                }
            }
            open.values().forEach(this::close);
        }

        private void close(List<Integer> bucket) {
            buckets.computeIfAbsent(operand(bucket.getLast()), _ -> new ArrayList<>())
                    .addAll(bucket);
        }

        private void emit(List<Integer> reductions) {
            var byOp = new LinkedHashMap<List<Object>, List<Integer>>();
            for (var index : reductions) {
                var node = graph.nodes().get(index);
                byOp.computeIfAbsent(List.of(node.op(), node.type().dtype()), _ -> new ArrayList<>())
                        .add(index);
            }
            for (var bucket : byOp.values()) {
                var first = graph.nodes().get(bucket.getFirst());
                var operands = bucket.stream()
                        .map(i -> value(graph.nodes().get(i).operand(0)))
                        .toList();
                var results = b.at(first.location()).addAll(first.op(), operands);
                for (var i = 0; i < results.size(); i++) {
                    values.put(new Value(bucket.get(i), 0), results.get(i));
                }
            }
        }

        private void copy(int index) {
            var node = graph.nodes().get(index);
            var operands = node.operands().stream().map(this::value).toList();
            var results = b.at(node.location()).addAll(node.op(), operands);
            for (var r = 0; r < results.size(); r++) {
                values.put(new Value(index, r), results.get(r));
            }
        }

        private Value value(Value value) {
            return Objects.requireNonNull(values.get(value));
        }
    }
}
