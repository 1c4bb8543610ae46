package org.clipc.compiler.shard;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Assume;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.GenerationMode;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.clipc.compiler.accumulate.Accumulation;
import org.clipc.compiler.pack.ModelSource;
import org.clipc.compiler.pass.Pass;
import org.clipc.compiler.pass.Simplify;
import org.clipc.compiler.train.TrainStep;
import org.clipc.ir.DType;
import org.clipc.ir.Graph;
import org.clipc.ir.InputKind;
import org.clipc.ir.Mesh;
import org.clipc.ir.Op;
import org.clipc.ir.TensorType;
import org.clipc.ir.Verifier;
import org.clipc.ir.interp.Interpreter;
import org.clipc.ir.interp.MeshInterpreter;
import org.clipc.ir.interp.Tensor64;
import org.clipc.program.Parameter;
import org.clipc.program.TrainingStep;
import org.junit.jupiter.api.Test;

/** A step of several micro-batches, on any mesh, is the step of one rank on the whole batch. */
class MicroBatchEquivalenceTest {

    private static final int BATCH = 8;
    private static final int STEPS = 2;

    /** A way to train. */
    record Setup(Mesh mesh, int microBatches, boolean sequenceParallel, boolean zero) {}

    @Provide
    Arbitrary<Setup> setups() {
        return Combinators.combine(
                        Arbitraries.of(1, 2),
                        Arbitraries.of(1, 2),
                        Arbitraries.of(2, 4),
                        Arbitraries.of(false, true),
                        Arbitraries.of(false, true))
                .as((dp, tp, count, sp, zero) -> new Setup(new Mesh(dp, tp), count, sp, zero))
                .filter(s -> (s.mesh().tensor() > 1 || !s.sequenceParallel())
                        && (s.mesh().data() > 1 || !s.zero()));
    }

    @Property(generation = GenerationMode.EXHAUSTIVE)
    void isTheStepOfTheWholeBatch(@ForAll("setups") Setup setup, @ForAll boolean localLoss) {
        check(new TinyClip("local_loss", localLoss), setup, 1);
    }

    /** What is not exchanged between ranks is exchanged between the micro-batches of one all the same. */
    @Property(generation = GenerationMode.EXHAUSTIVE)
    void gradientsMayStayOnTheirRank(@ForAll("setups") Setup setup, @ForAll boolean localLoss) {
        Assume.that(setup.mesh().data() > 1 && !setup.zero());
        check(
                new TinyClip("local_loss", localLoss, "gather_with_grad", false),
                setup,
                setup.mesh().data());
    }

    @Property(generation = GenerationMode.EXHAUSTIVE)
    void theSigmoidLossSeesAllPairs(@ForAll("setups") Setup setup) {
        Assume.that(!setup.sequenceParallel() && !setup.zero());
        check(new TinyClip("objective", "sigmoid", "loss_dist_impl", "shift"), setup, 1);
    }

    @Property(generation = GenerationMode.EXHAUSTIVE)
    void poolingByAttentionKeepsSamplesApart(@ForAll("setups") Setup setup) {
        Assume.that(!setup.sequenceParallel() && !setup.zero());
        check(new TinyClip("vision.pooling", "map"), setup, 1);
    }

    /** A loss that is in part a mean over the tokens of each sample, divided by a number that all samples know only. */
    @Property(generation = GenerationMode.EXHAUSTIVE)
    void captionsAreLearntSampleBySample(@ForAll("setups") Setup setup) throws IOException {
        Assume.that(!setup.sequenceParallel() && !setup.zero());
        check(
                Captioner.model(
                        "loss(images: [B, 5], tokens: i32[B, 4], weights: [B]) -> (loss: []) = told(images, tokens, weights)"),
                setup,
                1);
    }

    /** What would keep a tower's activations for the whole batch is refused. */
    @Test
    void layersBehindWhatMixesSamplesAreRefused() throws IOException {
        var model = Captioner.model("loss(images: [B, 5]) -> (loss: []) = mean(relative(images) @ picture)");
        assertThatThrownBy(() -> Accumulation.of(model.entry("loss", BATCH, true, 1), BATCH, model.parameters()))
                .hasMessageContaining("the samples of a batch meet in reduce at")
                .hasMessageContaining("before the layer with 'picture'")
                .hasMessageContaining("Set it to model.micro_batch_size times the number of data-parallel ranks");
    }

    /** Masks depend on the place in the whole batch, and are the same both times that a tower runs. */
    @Property(generation = GenerationMode.EXHAUSTIVE)
    void microBatchesDropWhatTheWholeBatchDrops(@ForAll("setups") Setup setup) {
        Assume.that(!setup.zero());
        check(TinyClip.dropping(), setup, 1);
    }

    /** @param referenceRanks {@code data_ranks} of the loss that one rank computes */
    private static void check(TinyClip model, Setup setup, int referenceRanks) {
        check(model.source(), setup, referenceRanks);
    }

    private static void check(ModelSource model, Setup setup, int referenceRanks) {
        var mesh = setup.mesh();
        var reference = model.entry("loss", BATCH, true, referenceRanks);
        var step = InterpretedRanks.simplified(
                TrainStep.build(reference, "loss", model.parameters(), InterpretedRanks.ADAM));
        var held = Shardings.held(model.parameters(), mesh, setup.zero());
        var cut = Accumulation.of(model.entry("loss", BATCH, true, mesh.data()), BATCH, model.parameters());
        var divided = new Divided(
                divide(cut.sampleFeatures(), held, setup, true),
                divide(cut.loss(), held, setup, false),
                divide(cut.backward(), held, setup, true),
                divide(cut.update(InterpretedRanks.ADAM, _ -> false), held, setup, false));
        var ranks = new InterpretedRanks(step, held, mesh);
        for (var i = 1; i <= STEPS; i++) {
            ranks.check(i, inputs -> divided.run(setup, inputs));
        }
    }

    /** The graphs of a step as ranks run them. */
    private record Divided(Graph features, Graph loss, Graph backward, Graph update) {

        List<Map<String, Tensor64>> run(Setup setup, List<Map<String, Tensor64>> ranks) {
            var count = setup.microBatches();
            for (var i = 0; i < count; i++) {
                var outputs = MeshInterpreter.run(setup.mesh(), features, microBatches(features, ranks, i, count));
                for (var rank = 0; rank < ranks.size(); rank++) {
                    for (var output : outputs.get(rank).entrySet()) {
                        ranks.get(rank).merge(output.getKey(), output.getValue(), (a, b) -> b);
                        ranks.get(rank).put(output.getKey() + "#" + i, output.getValue());
                    }
                }
            }
            for (var rank : ranks) {
                for (var output : features.outputs()) {
                    rank.put(output.name(), join(rank, output.name(), count));
                }
            }
            var losses = MeshInterpreter.run(setup.mesh(), loss, withSums(loss, ranks));
            InterpretedRanks.commit(loss, losses, ranks);
            for (var rank = 0; rank < ranks.size(); rank++) {
                ranks.get(rank).putAll(losses.get(rank));
            }
            for (var i = 0; i < count; i++) {
                var outputs = MeshInterpreter.run(setup.mesh(), backward, microBatches(backward, ranks, i, count));
                InterpretedRanks.commit(backward, outputs, ranks);
            }
            var outputs = MeshInterpreter.run(setup.mesh(), update, ranks);
            InterpretedRanks.commit(update, outputs, ranks);
            return outputs;
        }

        private static Tensor64 join(Map<String, Tensor64> rank, String name, int count) {
            var parts = new ArrayList<Tensor64>();
            for (var i = 0; i < count; i++) {
                parts.add(InterpretedRanks.get(rank, name + "#" + i));
            }
            var type = parts.getFirst().type();
            var whole = type.withShape(type.shape().with(0, type.dim(0) * count));
            return Interpreter.apply(new Op.Concat(0), parts, List.of(whole)).getFirst();
        }

        /** The sums of gradients hold anything before the loss sets them. */
        private static List<Map<String, Tensor64>> withSums(Graph graph, List<Map<String, Tensor64>> ranks) {
            for (var input : graph.inputs()) {
                if (input.kind() == InputKind.CARRIED) {
                    ranks.forEach(rank -> rank.put(input.name(), Tensor64.filled(input.type(), 99)));
                }
            }
            return ranks;
        }

        private static List<Map<String, Tensor64>> microBatches(
                Graph graph, List<Map<String, Tensor64>> ranks, int index, int count) {
            var all = new ArrayList<Map<String, Tensor64>>();
            for (var rank : ranks) {
                var inputs = new HashMap<>(rank);
                inputs.put(TrainingStep.MICRO_BATCH, Tensor64.scalar(TensorType.scalar(DType.I32), index));
                for (var input : graph.inputs()) {
                    if (input.kind() == InputKind.DATA) {
                        var tensor = InterpretedRanks.get(rank, input.name());
                        var op = new Op.RankSlice(count, 0, 1);
                        var at = Tensor64.scalar(TensorType.scalar(DType.I32), index);
                        inputs.put(
                                input.name(),
                                Interpreter.apply(op, List.of(tensor, at), List.of(input.type()))
                                        .getFirst());
                    }
                }
                all.add(inputs);
            }
            return all;
        }
    }

    private static Graph divide(Graph graph, List<Parameter> held, Setup setup, boolean micro) {
        var mesh = setup.mesh();
        var count = setup.microBatches();
        var passes = new ArrayList<Pass>(List.of(
                Partition.tensor(
                        mesh.tensor(),
                        Shardings.tensor(held),
                        setup.sequenceParallel(),
                        micro ? mesh.data() * count : mesh.data()),
                Partition.data(mesh.data(), Shardings.data(held), Shardings::rows)));
        if (micro) {
            passes.add(Partition.microBatches(count, Shardings.microBatches(), Shardings::rows));
        }
        passes.addAll(List.of(new ExpandCollectives(), new Simplify()));
        var divided = InterpretedRanks.simplified(graph);
        for (var pass : passes) {
            divided = pass.apply(divided);
        }
        return Verifier.check(divided);
    }
}
