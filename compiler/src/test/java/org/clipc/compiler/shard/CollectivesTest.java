package org.clipc.compiler.shard;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.List;
import java.util.Objects;
import java.util.function.Predicate;
import org.clipc.compiler.jvm.JvmTarget;
import org.clipc.compiler.pack.CompileOptions;
import org.clipc.compiler.pack.ProgramBuilder;
import org.clipc.compiler.train.Optimizer;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.Cost;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.InputKind;
import org.clipc.ir.Mesh;
import org.clipc.ir.MeshAxis;
import org.clipc.ir.Node;
import org.clipc.ir.Op;
import org.clipc.ir.ReduceFn;
import org.clipc.ir.TensorType;
import org.clipc.program.CollectiveCall;
import org.junit.jupiter.api.Test;

/** What ranks exchange, counted in emitted programs. */
class CollectivesTest {

    private static final int LAYERS = 2;

    /** The training step's final graph, and the collectives that the program calls in it. */
    private record Compiled(Graph graph, List<CollectiveCall> calls) {

        static Compiled of(Parallelism parallelism, Object... keys) {
            var graphs = new HashMap<String, Graph>();
            var options = CompileOptions.builder(List.of(new JvmTarget(128)))
                    .batch(8)
                    .training(new Optimizer(0.9, 0.98, 1e-6, 0.2, 1.0))
                    .parallelism(parallelism)
                    .verifyEach(true)
                    .observer((entry, _, graph) -> graphs.put(entry, graph))
                    .build();
            var program =
                    ProgramBuilder.plan(new TinyClip(keys).source(), options).program();
            var calls = program.schedules().stream()
                    .filter(schedule -> schedule.entry().equals("train_step"))
                    .flatMap(schedule -> schedule.calls().stream())
                    .filter(CollectiveCall.class::isInstance)
                    .map(CollectiveCall.class::cast)
                    .toList();
            return new Compiled(Objects.requireNonNull(graphs.get("train_step")), calls);
        }

        private List<Node> nodes(MeshAxis axis) {
            return calls.stream()
                    .filter(call -> call.axis() == axis)
                    .map(call -> graph.nodes().get(call.node()))
                    .toList();
        }

        /** Of activations and their gradients within attentions and MLPs: those of biases and gains have one axis. */
        private List<Node> ofActivations(Predicate<Op> op) {
            return nodes(MeshAxis.TENSOR).stream()
                    .filter(node -> op.test(node.op()) && node.type().rank() > 1)
                    .filter(node -> node.location().path().matches(".*transformer\\.resblocks\\.\\d+\\.(attn|mlp).*"))
                    .toList();
        }

        private long sent(List<Node> nodes) {
            return nodes.stream()
                    .mapToLong(node -> Cost.sent(
                            node.op(), node.operands().stream().map(graph::type).toList()))
                    .sum();
        }
    }

    private static Parallelism tensor(boolean sequenceParallel) {
        return new Parallelism(new Mesh(1, 2), sequenceParallel, false);
    }

    @Test
    void oneAllReducePerAttentionAndPerMlpInEachDirection() {
        var compiled = Compiled.of(tensor(false), "vision.pooling", "avg");
        var reduced = compiled.ofActivations(Op.AllReduce.class::isInstance);
        for (var tower : List.of("visual.transformer", "transformer")) {
            for (var layer = 0; layer < LAYERS; layer++) {
                for (var branch : List.of("attn", "mlp")) {
                    var path = tower + ".resblocks." + layer + "." + branch;
                    assertThat(reduced)
                            .as(path)
                            .filteredOn(node -> node.location().path().startsWith(path))
                            .hasSize(2);
                }
            }
        }
        // The gradient's norm and the table of token vectors, each once.
        assertThat(compiled.nodes(MeshAxis.TENSOR)).hasSize(reduced.size() + 2);
    }

    /** Neither all texts nor logits of them are ever on one rank. */
    @Test
    void aRingPassesTextsFromNeighbourToNeighbour() {
        var ranks = 4;
        var parallelism = new Parallelism(new Mesh(ranks, 1), false, false);
        for (var way : List.of("shift", "bidir")) {
            var compiled = Compiled.of(parallelism, "objective", "sigmoid", "loss_dist_impl", way);
            var passed = compiled.nodes(MeshAxis.DATA).stream()
                    .filter(node -> node.op() instanceof Op.Permute)
                    .toList();
            // One rank's texts on to each other rank, and their gradients back.
            assertThat(passed)
                    .as(way)
                    .hasSize(2 * (ranks - 1))
                    .allMatch(node -> node.type().equals(TensorType.f32(8, 6)));
            assertThat(compiled.nodes(MeshAxis.DATA)).noneMatch(node -> node.op() instanceof Op.AllGather);
            assertThat(compiled.calls)
                    .filteredOn(call -> call.kind() == CollectiveCall.Kind.PERMUTE)
                    .extracting(CollectiveCall::shift)
                    .containsOnly(1, -1);
            var inLoss = compiled.graph.nodes().stream()
                    .filter(node -> node.location().source().startsWith("std/loss.clip"))
                    .mapToLong(node -> node.type().elements());
            assertThat(inLoss.max()).as(way).hasValue(8 * 8);
        }
    }

    /** Each rank pools its own samples, though the query is no sample's. */
    @Test
    void poolingByAttentionGathersNoTokens() {
        var compiled = Compiled.of(new Parallelism(new Mesh(2, 1), false, false), "vision.pooling", "map");
        assertThat(compiled.nodes(MeshAxis.DATA))
                .isNotEmpty()
                .noneMatch(node -> node.location().path().startsWith("visual.attn_pool"));
    }

    @Test
    void sequenceParallelismSendsNoMoreForActivations() {
        var whole = Compiled.of(tensor(false), "vision.pooling", "avg");
        var split = Compiled.of(tensor(true), "vision.pooling", "avg");
        var scattered = split.ofActivations(Op.ReduceScatter.class::isInstance);
        var gathered = split.ofActivations(Op.AllGather.class::isInstance);
        // Behind the text tower's last attention there is the pooled token only, which has no sequence to split.
        var reduced = split.ofActivations(Op.AllReduce.class::isInstance);
        assertThat(reduced).hasSize(3).allMatch(node -> node.location().path().startsWith("transformer.resblocks.1"));
        assertThat(scattered).hasSize(2 * 2 * 2 * LAYERS - reduced.size());
        assertThat(split.sent(scattered) + split.sent(gathered) + split.sent(reduced))
                .isLessThanOrEqualTo(whole.sent(whole.ofActivations(Op.AllReduce.class::isInstance)));
    }

    @Test
    void gradientsAreReducedInOneBucketBehindTheBackwardPass() {
        var compiled = Compiled.of(new Parallelism(new Mesh(2, 1), false, false));
        var parameters = new TinyClip().parameters().size();
        assertThat(compiled.calls())
                .filteredOn(call -> call.kind() == CollectiveCall.Kind.ALL_REDUCE
                        && call.tensors().size() > 1)
                .singleElement()
                .satisfies(call -> assertThat(call.tensors()).hasSizeBetween(parameters - 2, parameters + 1));
    }

    @Test
    void smallBucketsLeaveBeforeTheBackwardPassEnds() {
        var b = new GraphBuilder("g");
        var type = TensorType.f32(4);
        var x = b.input("x", InputKind.DATA, type);
        var first = b.mul(x, 2);
        var second = b.mul(first, 2);
        var sum = new Op.AllReduce(MeshAxis.DATA, ReduceFn.SUM, 2);
        b.output("b", b.neg(b.add(sum, second)));
        b.output("a", b.neg(b.add(sum, first)));
        var nodes = new BucketCollectives(1)
                .apply(b.build()).nodes().stream().map(Node::op).toList();
        assertThat(nodes.indexOf(sum)).isLessThan(nodes.lastIndexOf(new Op.Binary(BinaryFn.MUL)));
    }

    @Test
    void aDistributedOptimizerScattersGradientsAndGathersParameters() {
        var plain = Compiled.of(new Parallelism(new Mesh(2, 1), false, false));
        var zero = Compiled.of(new Parallelism(new Mesh(2, 1), false, true));
        assertThat(zero.calls()).anyMatch(call -> call.kind() == CollectiveCall.Kind.REDUCE_SCATTER);
        assertThat(zero.sent(zero.nodes(MeshAxis.DATA)))
                .isLessThanOrEqualTo(plain.sent(plain.nodes(MeshAxis.DATA)) + 64);
    }
}
