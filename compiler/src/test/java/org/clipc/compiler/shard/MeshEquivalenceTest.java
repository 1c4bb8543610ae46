package org.clipc.compiler.shard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiConsumer;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Assume;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.GenerationMode;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.clipc.compiler.pass.EraseStopGradients;
import org.clipc.compiler.pass.Pass;
import org.clipc.compiler.pass.Simplify;
import org.clipc.compiler.train.Optimizer;
import org.clipc.compiler.train.TrainStep;
import org.clipc.ir.DType;
import org.clipc.ir.Graph;
import org.clipc.ir.Mesh;
import org.clipc.ir.MeshAxis;
import org.clipc.ir.Op;
import org.clipc.ir.TensorType;
import org.clipc.ir.Verifier;
import org.clipc.ir.interp.Interpreter;
import org.clipc.ir.interp.MeshInterpreter;
import org.clipc.ir.interp.Tensor64;
import org.clipc.program.Parameter;
import org.jspecify.annotations.Nullable;

/** Training on any mesh is training on one rank. */
class MeshEquivalenceTest {

    static final int BATCH = 4;
    private static final int STEPS = 3;
    private static final double TOLERANCE = 1e-9;
    private static final Optimizer ADAM = new Optimizer(0.9, 0.98, 1e-6, 0.2, 0.5);

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

    /** Masks depend on the place in the whole tensor, and not on who draws them. */
    @Property(generation = GenerationMode.EXHAUSTIVE)
    void everyMeshDropsTheSame(@ForAll("setups") Setup setup) {
        Assume.that(setup.mesh().tensor() < 4 && !setup.zero());
        var model = new TinyClip(
                "vision.hidden_dropout",
                0.2,
                "vision.attention_dropout",
                0.3,
                "vision.drop_path_rate",
                0.3,
                "vision.drop_patch_rate",
                0.5,
                "text.hidden_dropout",
                0.2,
                "text.attention_dropout",
                0.3);
        check(model, setup, 1);
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
        var whole = TinyClip.inputs(step, 42);
        var ranks = new ArrayList<Map<String, Tensor64>>();
        for (var rank = 0; rank < setup.mesh().size(); rank++) {
            ranks.add(shards(step, whole, held, setup.mesh(), rank));
        }
        for (var i = 1; i <= STEPS; i++) {
            whole.put(TrainStep.STEP, scalar(i));
            whole.put(TrainStep.LEARNING_RATE, scalar(1e-2));
            var expected = Interpreter.run(step, whole);
            ranks.forEach(inputs -> {
                inputs.put(TrainStep.STEP, Objects.requireNonNull(whole.get(TrainStep.STEP)));
                inputs.put(TrainStep.LEARNING_RATE, scalar(1e-2));
            });
            var actual = MeshInterpreter.run(setup.mesh(), divided, ranks);
            update(step, expected, whole);
            for (var rank = 0; rank < ranks.size(); rank++) {
                update(divided, actual.get(rank), ranks.get(rank));
                for (var name : List.of("loss", TrainStep.GRAD_NORM, TrainStep.SKIPPED)) {
                    close(name, actual.get(rank).get(name), expected.get(name));
                }
                shards(step, whole, held, setup.mesh(), rank).forEach(near(ranks.get(rank)));
            }
        }
    }

    static Graph step(TinyClip model, int dataRanks, int batch) {
        var step = TrainStep.build(model.loss(batch, dataRanks), "loss", model.parameters(), ADAM);
        return new Simplify().apply(new EraseStopGradients().apply(step));
    }

    private static BiConsumer<String, Tensor64> near(Map<String, Tensor64> actual) {
        return (name, expected) -> close(name, actual.get(name), expected);
    }

    private static void close(String name, @Nullable Tensor64 actual, @Nullable Tensor64 expected) {
        assertThat(actual).as(name).isNotNull();
        assertThat(Objects.requireNonNull(actual).type())
                .as(name)
                .isEqualTo(Objects.requireNonNull(expected).type());
        assertThat(actual.data()).as(name).containsExactly(expected.data(), within(TOLERANCE));
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

    private static Tensor64 scalar(double value) {
        return Tensor64.scalar(TensorType.f32(), value);
    }

    private static void update(Graph graph, Map<String, Tensor64> outputs, Map<String, Tensor64> inputs) {
        for (var output : graph.outputs()) {
            if (output.updates() != null) {
                inputs.put(output.updates(), Objects.requireNonNull(outputs.get(output.name())));
            }
        }
    }

    /** What a rank holds of each input. */
    static Map<String, Tensor64> shards(
            Graph step, Map<String, Tensor64> whole, List<Parameter> held, Mesh mesh, int rank) {
        var shards = new HashMap<String, Tensor64>();
        for (var input : step.inputs()) {
            var tensor = Objects.requireNonNull(whole.get(input.name()));
            tensor = shard(tensor, Shardings.tensor(held).apply(input), mesh, MeshAxis.TENSOR, rank);
            shards.put(input.name(), shard(tensor, Shardings.data(held).apply(input), mesh, MeshAxis.DATA, rank));
        }
        return shards;
    }

    private static Tensor64 shard(Tensor64 x, Sharding sharding, Mesh mesh, MeshAxis axis, int rank) {
        if (!(sharding instanceof Sharding.Split(var dim, var parts))) {
            return x;
        }
        var op = new Op.RankSlice(mesh.size(axis), dim, parts);
        var coordinate = Tensor64.scalar(TensorType.scalar(DType.I32), mesh.coordinate(axis, rank));
        var type = sharding.local(x.type(), mesh.size(axis));
        return Interpreter.apply(op, List.of(x, coordinate), List.of(type)).getFirst();
    }
}
