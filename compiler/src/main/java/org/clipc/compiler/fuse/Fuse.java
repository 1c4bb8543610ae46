package org.clipc.compiler.fuse;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.clipc.compiler.pass.Pass;
import org.clipc.compiler.pass.TensorSizeException;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.InputKind;
import org.clipc.ir.Op;
import org.clipc.ir.Output;
import org.clipc.ir.Value;

/**
 * Gathers elementwise ops into kernels: {@link Op.Fused} nodes of their own, or in front of reductions, or behind
 * contractions. Cheap values are computed in every kernel that uses them, so that what a kernel can derive from its
 * operands never lies in memory: a dropout mask, or all of an activation's derivative but its argument.
 */
public final class Fuse implements Pass {

    @Override
    public String name() {
        return "fuse";
    }

    /** @throws TensorSizeException if a tensor has more elements than kernels can index */
    @Override
    public Graph apply(Graph graph) {
        TensorSizeException.check(graph);
        return new Rewrite(graph).run();
    }

    private static final class Rewrite {

        private final Graph graph;
        private final Inlining inlining;
        private final Map<Value, Cluster> clusters;
        private final GraphBuilder b;
        private final Map<Value, Value> done = new HashMap<>();

        Rewrite(Graph graph) {
            this.graph = graph;
            inlining = Inlining.of(graph);
            clusters = Clustering.of(graph, inlining);
            b = new GraphBuilder(graph.name());
        }

        Graph run() {
            for (var i = 0; i < graph.nodes().size(); i++) {
                var value = new Value(i, 0);
                var op = graph.op(value);
                var cluster = clusters.get(value);
                if (cluster != null) {
                    if (cluster.position() == i) {
                        emit(cluster);
                    }
                } else if (op instanceof Op.Input
                        || (Inlining.readsTensors(op) && !(op instanceof Op.DotGeneral) && !isFree(op))) {
                    copy(i);
                }
            }
            graph.outputs().forEach(o -> b.output(new Output(o.name(), outside(o.value()), o.updates())));
            return b.build();
        }

        /** Constants and generators appear where they are used. */
        private static boolean isFree(Op op) {
            return op instanceof Op.Constant || op instanceof Op.Iota;
        }

        /** The value in the new graph; moves and constants are made when they are first asked for. */
        private Value outside(Value value) {
            var known = done.get(value);
            if (known == null) {
                copy(value.node());
                known = Objects.requireNonNull(done.get(value));
            }
            return known;
        }

        private void copy(int index) {
            var node = graph.nodes().get(index);
            var operands = node.operands().stream().map(this::outside).toList();
            var results = b.at(node.location()).addAll(node.op(), operands);
            for (var r = 0; r < results.size(); r++) {
                done.put(new Value(index, r), results.get(r));
            }
        }

        private void emit(Cluster cluster) {
            if (isPlain(cluster)) {
                copy(cluster.results().getFirst().node());
                return;
            }
            var body = new Body(cluster);
            var inner = body.build();
            var operands = body.operands().stream().map(this::outside).toList();
            b.at(graph.node(cluster.results().getLast()).location());
            var fused = b.addAll(new Op.Fused(cluster.kind(), inner), operands);
            for (var r = 0; r < fused.size(); r++) {
                done.put(cluster.results().get(r), fused.get(r));
            }
        }

        /** One op with tensors or constants as operands needs no body. */
        private boolean isPlain(Cluster cluster) {
            if (!cluster.isSingle()) {
                return false;
            }
            var node = graph.node(cluster.results().getFirst());
            return switch (cluster.kind()) {
                case GEMM -> node.op() instanceof Op.DotGeneral;
                case REDUCE -> inlining.expression(cluster.results().getFirst()).isLeaf();
                case ELEMENTWISE ->
                    node.operands().stream()
                            .allMatch(v -> inlining.use(v).isLeaf() || graph.op(v) instanceof Op.Constant);
            };
        }

        /** The body of a fused op: the part of the graph between the kernel's operands and its results. */
        private final class Body {

            private final Cluster cluster;
            private final GraphBuilder inner = new GraphBuilder("body");
            private final Map<Value, Value> values = new HashMap<>();
            private final Map<Value, Value> inputs = new LinkedHashMap<>();

            Body(Cluster cluster) {
                this.cluster = cluster;
            }

            /** What the inputs stand for. */
            List<Value> operands() {
                return new ArrayList<>(inputs.keySet());
            }

            Graph build() {
                for (var i = 0; i < cluster.results().size(); i++) {
                    inner.output(String.valueOf(i), inside(cluster.results().get(i)));
                }
                return inner.build();
            }

            private Value inside(Value value) {
                var known = values.get(value);
                if (known == null) {
                    known = isComputedHere(value) ? compute(value) : operand(value);
                    values.put(value, known);
                }
                return known;
            }

            private boolean isComputedHere(Value value) {
                return cluster.computes(value) || (inlining.hasExpression(value) && !inlining.isStored(value));
            }

            private Value compute(Value value) {
                var node = graph.node(value);
                var isDot = node.op() instanceof Op.DotGeneral;
                var operands = node.operands().stream()
                        .map(isDot ? this::operand : this::inside)
                        .toList();
                return inner.addAll(node.op(), operands).getFirst();
            }

            private Value operand(Value value) {
                var known = inputs.get(value);
                if (known == null) {
                    known = inner.input(String.valueOf(inputs.size()), InputKind.OPERAND, graph.type(value));
                    inputs.put(value, known);
                }
                return known;
            }
        }
    }
}
