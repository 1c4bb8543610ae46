package org.clipc.compiler.pack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.function.Function;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.clipc.compiler.lower.Tensors;
import org.clipc.compiler.shard.Parallelism;
import org.clipc.compiler.shard.TinyClip;
import org.clipc.compiler.tornado.TornadoTarget;
import org.clipc.compiler.train.Optimizer;
import org.clipc.compiler.train.TrainStep;
import org.clipc.ir.DType;
import org.clipc.ir.Graph;
import org.clipc.ir.InputKind;
import org.clipc.ir.Mesh;
import org.clipc.ir.MeshAxis;
import org.clipc.ir.TensorType;
import org.clipc.ir.interp.MeshInterpreter;
import org.clipc.ir.interp.Tensor64;
import org.clipc.program.EntryPoint;
import org.clipc.program.ProgramFile;
import org.clipc.runtime.collective.CollectiveException;
import org.clipc.runtime.collective.CollectiveOptions;
import org.clipc.runtime.collective.local.LocalRanks;
import org.clipc.runtime.collective.nccl.MemoryNccl;
import org.clipc.runtime.collective.nccl.MemoryRanks;
import org.clipc.runtime.device.DeviceException;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.device.MeshRank;
import org.clipc.runtime.device.cuda.EmulatedCuda;
import org.clipc.runtime.device.cuda.EmulatedCuda.Behaviour;
import org.clipc.runtime.device.tornado.TornadoVm;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Training steps of several ranks in CUDA C, which exchange by NCCL on the streams of their kernels, against the interpreter
 * of meshes. Ranks, streams and NCCL are threads; a stream that does not wait where it must comes too early.
 */
@Timeout(600)
class CudaRanksTest {

    private static final int BATCH = 4;

    private static final Duration HASTY = Duration.ofSeconds(5);

    /** Several to a step of the tiny model. */
    private static final int BUCKET_BYTES = 1 << 10;

    @TempDir
    Path folder = Path.of("");

    /** A program, and the graph that its training step is. */
    private record Compiled(Path file, Mesh mesh, Graph step) {}

    private Compiled compile(Mesh mesh, boolean sequence, boolean zero, Object... settings) throws IOException {
        var graphs = new HashMap<String, Graph>();
        var options = CompileOptions.builder(List.of(TornadoTarget.cuda()))
                .microBatch(BATCH / mesh.data())
                .inferenceBatch(BATCH)
                .training(new Optimizer(0.9, 0.98, 1e-6, 0.2, 0.05))
                .parallelism(new Parallelism(mesh, sequence, zero, BUCKET_BYTES, true))
                .verifyEach(true)
                .observer((entry, _, graph) -> graphs.put(entry, graph))
                .build();
        var file = folder.resolve("program.bin");
        var program =
                ProgramBuilder.build(new TinyClip(settings).source(), options).program();
        ProgramFile.write(file, program);
        return new Compiled(file, mesh, Objects.requireNonNull(graphs.get(EntryPoint.TRAIN_STEP)));
    }

    /** Numbers for a rank: all have the same, but for their samples. */
    private static Map<String, Tensor64> inputs(Graph graph, int rank) {
        var inputs = new HashMap<String, Tensor64>();
        for (var input : graph.inputs()) {
            var random = new Random(input.name().hashCode() + (input.kind() == InputKind.DATA ? rank : 0));
            var tensor = Tensor64.zeros(input.type());
            for (var i = 0; i < tensor.size(); i++) {
                tensor.data()[i] = input.type().dtype() == DType.I32
                        ? random.nextInt(12)
                        : input.kind() == InputKind.STATE
                                ? (float) (0.01 * random.nextDouble())
                                : (float) (0.3 * random.nextGaussian());
            }
            inputs.put(input.name(), tensor);
        }
        inputs.put(TrainStep.LEARNING_RATE, Tensor64.scalar(TensorType.f32(), 0.01));
        inputs.put(TrainStep.STEP, Tensor64.scalar(TensorType.f32(), 3));
        for (var axis : MeshAxis.values()) {
            inputs.remove(Mesh.rankInput(axis));
        }
        return inputs;
    }

    private static DeviceProgram load(Compiled compiled, MemoryRanks.Rank rank, Behaviour behaviour)
            throws IOException {
        var mesh = MeshRank.of(compiled.mesh(), rank.ends());
        return EmulatedCuda.load(compiled.file(), List.of(EntryPoint.TRAIN_STEP), mesh, rank.nccl(), behaviour);
    }

    @ParameterizedTest
    @Tag("kernels")
    @CsvSource({"1, 2, true, false, 0", "2, 1, false, true, 0", "2, 1, false, true, 2", "2, 2, false, true, 1"})
    void aTrainingStepDoesWhatTheGraphSays(int data, int tensor, boolean sequence, boolean zero, int delay)
            throws IOException {
        check(compile(new Mesh(data, tensor), sequence, zero), Behaviour.of(false, Duration.ofMillis(delay)));
    }

    @Test
    @Tag("kernels")
    void neighboursOnARingExchangeToo() throws IOException {
        var compiled = compile(new Mesh(2, 1), false, false, "objective", "sigmoid", "loss_dist_impl", "shift");
        check(compiled, Behaviour.of(false, Duration.ZERO));
    }

    @ParameterizedTest
    @Tag("kernels")
    @CsvSource({"1, 2, false", "2, 1, true"})
    void aLibraryTaskOfTornadoVmDoesIt(int data, int tensor, boolean zero) throws IOException {
        assumeTrue(TornadoVm.isPresent(), "TornadoVM is not here: TORNADOVM_HOME is not set");
        check(compile(new Mesh(data, tensor), false, zero), Behaviour.of(true, Duration.ofMillis(1)));
    }

    /** The first run starts everything itself, the next is the task's, and one that is watched goes call by call. */
    private static void check(Compiled compiled, Behaviour behaviour) throws IOException {
        var mesh = compiled.mesh();
        var inputs = new ArrayList<Map<String, Tensor64>>();
        for (var rank = 0; rank < mesh.size(); rank++) {
            inputs.add(inputs(compiled.step(), rank / mesh.tensor()));
        }
        var expected = MeshInterpreter.run(mesh, compiled.step(), inputs);
        var started = new ConcurrentHashMap<Integer, List<String>>();
        var thrown = MemoryRanks.run(mesh.size(), CollectiveOptions.DEFAULT, rank -> {
            try (var loaded = load(compiled, rank, behaviour)) {
                var own = rank.ends().rank();
                for (var way : List.of("first", "again", "observed")) {
                    var told = new ArrayList<String>();
                    loaded.observe(way.equals("observed") ? (_, call, _) -> told.add(call.name()) : null);
                    var results = DeviceRunner.run(loaded, EntryPoint.TRAIN_STEP, inputs.get(own));
                    Tensors.assertClose(way + " on rank " + own, expected.get(own), results, 1e-4);
                    assertThat(told.contains("await")).isEqualTo(way.equals("observed") && mesh.data() > 1);
                }
                started.put(own, rank.nccl().started());
            }
        });
        assertThat(thrown).allMatch(Optional::isEmpty);
        if (mesh.data() == 1 || mesh.tensor() == 1) {
            assertThat(started.get(0)).isNotEmpty().isEqualTo(started.get(1));
        }
    }

    /** What {@link EmulatedCuda} tells while the fourth exchange of a run is under way. */
    private static final int FOURTH = 7;

    @Test
    @Tag("kernels")
    void aRankThatDiesEndsTheOthersRun() throws IOException {
        var thrown = broken(compile(new Mesh(2, 1), false, true), rank -> {
            throw rank.die();
        });
        assertThat(thrown.get(0)).get().satisfies(e -> requireStopped(e, "exchange 4 ", "failed: rank 1 is gone"));
    }

    @Test
    @Tag("kernels")
    void aRankWhoseDeviceFailsSaysSoToTheOthers() throws IOException {
        var thrown =
                broken(compile(new Mesh(1, 2), false, false), _ -> new DeviceException("the device fell off the bus"));
        assertThat(thrown.get(0))
                .get()
                .satisfies(e -> requireStopped(e, "exchange 4 ", "rank 1 cannot go on: it failed with"))
                .satisfies(e -> assertThat(e).hasMessageContaining("fell off the bus"));
        assertThat(thrown.get(1))
                .get()
                .asInstanceOf(InstanceOfAssertFactories.THROWABLE)
                .hasMessageContaining("fell off the bus");
    }

    /** Rank 1 fails where its device should exchange something, once rank 0's waits for it there. */
    private static List<Optional<Throwable>> broken(
            Compiled compiled, Function<MemoryRanks.Rank, RuntimeException> failure) throws IOException {
        var waiting = new CountDownLatch(1);
        return MemoryRanks.run(2, CollectiveOptions.DEFAULT, rank -> {
            var behaviour = new Behaviour(
                    false,
                    0,
                    Duration.ZERO,
                    told -> {
                        if (told == FOURTH && rank.ends().rank() == 0) {
                            waiting.countDown();
                        } else if (told == FOURTH) {
                            await(waiting);
                            throw failure.apply(rank);
                        }
                    },
                    true);
            runOnce(compiled, rank, behaviour);
        });
    }

    @Test
    @Tag("kernels")
    void aRankThatDoesNotComeIsNotWaitedForForEver() throws IOException {
        var compiled = compile(new Mesh(2, 1), false, false);
        var over = new CountDownLatch(1);
        var thrown = MemoryRanks.run(2, CollectiveOptions.DEFAULT.withTimeout(HASTY), rank -> {
            if (rank.ends().rank() == 0) {
                try {
                    runOnce(compiled, rank, Behaviour.of(false, Duration.ZERO));
                } finally {
                    over.countDown();
                }
            } else {
                try (var _ = load(compiled, rank, Behaviour.of(false, Duration.ZERO))) {
                    over.await();
                }
            }
        });
        assertThat(thrown.get(0))
                .get()
                .satisfies(e -> requireStopped(e, "exchange 1 ", "rank 1 did not come to "))
                .satisfies(e -> assertThat(e).hasMessageContaining("within 5 s"));
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private static void runOnce(Compiled compiled, MemoryRanks.Rank rank, Behaviour behaviour) throws IOException {
        try (var loaded = load(compiled, rank, behaviour)) {
            DeviceRunner.run(
                    loaded,
                    EntryPoint.TRAIN_STEP,
                    inputs(compiled.step(), rank.ends().rank()));
        }
    }

    private static void requireStopped(Throwable thrown, String where, String why) {
        assertThat(thrown)
                .isInstanceOf(CollectiveException.class)
                .hasMessageContaining(where + "of train_step in the group of ranks [0, 1] failed: ")
                .hasMessageContaining(why);
        assertThat(((CollectiveException) thrown).ranks()).containsExactly(1);
    }

    @Test
    void ranksNeedTheirOwnGpu() throws IOException {
        var compiled = compile(new Mesh(2, 1), false, false);
        var elsewhere = new Behaviour(false, 1, Duration.ZERO, _ -> {}, true);
        var thrown = MemoryRanks.run(
                2,
                CollectiveOptions.DEFAULT,
                rank -> load(compiled, rank, elsewhere).close());
        assertThat(thrown)
                .allSatisfy(e -> assertThat(e)
                        .get()
                        .asInstanceOf(InstanceOfAssertFactories.THROWABLE)
                        .hasMessageContaining(
                                "NCCL has this rank on GPU 0, that of its local rank, but memory is GPU 1"));
    }

    @Test
    void ranksThatAreThreadsAreToldHowToStart() throws IOException {
        var compiled = compile(new Mesh(2, 1), false, false);
        var nccl = new MemoryNccl(new MemoryNccl.Network());
        assertThatThrownBy(() -> LocalRanks.<IOException>run(
                        2,
                        CollectiveOptions.DEFAULT,
                        ranks -> EmulatedCuda.load(
                                        compiled.file(),
                                        List.of(EntryPoint.TRAIN_STEP),
                                        MeshRank.of(compiled.mesh(), ranks),
                                        nccl,
                                        Behaviour.of(false, Duration.ZERO))
                                .close()))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("is for 2 ranks, which exchange over NCCL on CUDA devices")
                .hasMessageContaining("torchrun");
    }
}
