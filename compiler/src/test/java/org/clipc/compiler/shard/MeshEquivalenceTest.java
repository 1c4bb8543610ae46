package org.clipc.compiler.shard;

import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Assume;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.GenerationMode;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.clipc.compiler.pass.Pass;
import org.clipc.compiler.pass.Simplify;
import org.clipc.compiler.train.TrainStep;
import org.clipc.ir.Graph;
import org.clipc.ir.Mesh;
import org.clipc.ir.Verifier;
import org.clipc.ir.interp.MeshInterpreter;
import org.clipc.program.Parameter;

/** Training on any mesh is training on one rank. */
class MeshEquivalenceTest {

    static final int BATCH = 4;
    private static final int STEPS = 3;

    /** A way to train. */
    record Setup(Mesh mesh, boolean sequenceParallel, boolean zero) {}

    @Provide
    Arbitrary<Setup> setups() {
        return Combinators.combine(
                        Arbitraries.of(1, 2),
                        Arbitraries.of(1, 2, 4),
                        Arbitraries.of(false, true),
                        Arbitraries.of(false, true))
                .as((dp, tp, sp, zero) -> new Setup(new Mesh(dp, tp), sp, zero));
    }

    @Property(generation = GenerationMode.EXHAUSTIVE)
    void everyMeshTrainsAlike(@ForAll("setups") Setup setup, @ForAll boolean localLoss) {
        var model = new TinyClip("local_loss", localLoss);
        check(model, setup, 1);
    }

    /** Without gradients between ranks the model learns something else, but the same whatever the mesh does with it. */
    @Property(generation = GenerationMode.EXHAUSTIVE)
    void gradientsMayStayOnTheirRank(@ForAll("setups") Setup setup, @ForAll boolean localLoss) {
        Assume.that(setup.mesh().data() > 1 && setup.mesh().tensor() < 4);
        var model = new TinyClip("local_loss", localLoss, "gather_with_grad", false);
        check(model, setup, setup.mesh().data());
    }

    @Property(generation = GenerationMode.EXHAUSTIVE)
    void theSigmoidLossIsDividedToo(@ForAll("setups") Setup setup) {
        Assume.that(setup.mesh().tensor() < 4);
        check(new TinyClip("objective", "sigmoid", "loss_dist_impl", "gather"), setup, 1);
    }

    /** However texts travel, in rings of an even and of an odd number of ranks. */
    @Property(generation = GenerationMode.EXHAUSTIVE)
    void theSigmoidLossIsTheSameAroundARing(
            @ForAll("ways") String way, @ForAll("rings") int ranks, @ForAll boolean sequenceParallel) {
        var setup = new Setup(new Mesh(ranks, sequenceParallel ? 2 : 1), sequenceParallel, false);
        check(new TinyClip("objective", "sigmoid", "loss_dist_impl", way), setup, 1, 2 * ranks);
    }

    @Provide
    Arbitrary<String> ways() {
        return Arbitraries.of("bidir", "shift", "reduce", "gather");
    }

    @Provide
    Arbitrary<Integer> rings() {
        return Arbitraries.of(2, 3, 4);
    }

    /** Heads that the ranks cannot share are on all of them. */
    @Property(generation = GenerationMode.EXHAUSTIVE)
    void headsNeedNotDivide(@ForAll("setups") Setup setup) {
        Assume.that(setup.mesh().tensor() > 1 && !setup.zero());
        check(
                new TinyClip(
                        "vision.num_attention_heads", 1, "text.num_attention_heads", 2, "text.attention_dropout", 0.3),
                setup,
                1);
    }

    /** The query of a pooling is a parameter, which all samples share. */
    @Property(generation = GenerationMode.EXHAUSTIVE)
    void poolingByAttentionIsDividedToo(@ForAll("setups") Setup setup) {
        Assume.that(!setup.zero());
        check(new TinyClip("vision.pooling", "map"), setup, 1);
    }

    /** Masks depend on the place in the whole tensor, and not on who draws them. */
    @Property(generation = GenerationMode.EXHAUSTIVE)
    void everyMeshDropsTheSame(@ForAll("setups") Setup setup) {
        Assume.that(setup.mesh().tensor() < 4 && !setup.zero());
        check(TinyClip.dropping(), setup, 1);
    }

    /** @param referenceRanks {@code data_ranks} of the loss that one rank computes */
    private static void check(TinyClip model, Setup setup, int referenceRanks) {
        check(model, setup, referenceRanks, BATCH);
    }

    private static void check(TinyClip model, Setup setup, int referenceRanks, int batch) {
        var step = step(model, referenceRanks, batch);
        var held = Shardings.held(model.parameters(), setup.mesh(), setup.zero());
        var divided = divide(step(model, setup.mesh().data(), batch), held, setup);
        Verifier.check(divided);
        var ranks = new InterpretedRanks(step, held, setup.mesh());
        for (var i = 1; i <= STEPS; i++) {
            ranks.check(i, inputs -> {
                var outputs = MeshInterpreter.run(setup.mesh(), divided, inputs);
                InterpretedRanks.commit(divided, outputs, inputs);
                return outputs;
            });
        }
    }

    static Graph step(TinyClip model, int dataRanks, int batch) {
        var loss = model.loss(batch, dataRanks);
        return InterpretedRanks.simplified(TrainStep.build(loss, "loss", model.parameters(), InterpretedRanks.ADAM));
    }

    static Graph divide(Graph step, List<Parameter> held, Setup setup) {
        var mesh = setup.mesh();
        var passes = List.<Pass>of(
                Partition.tensor(mesh.tensor(), Shardings.tensor(held), setup.sequenceParallel(), mesh.data()),
                Partition.data(mesh.data(), Shardings.data(held)),
                new Simplify());
        var graph = step;
        for (var pass : passes) {
            graph = pass.apply(graph);
        }
        return graph;
    }
}
