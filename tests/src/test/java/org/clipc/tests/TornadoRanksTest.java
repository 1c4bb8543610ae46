package org.clipc.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.clipc.compiler.config.Setting;
import org.clipc.compiler.elaborate.ElaboratedModel;
import org.clipc.compiler.elaborate.Elaborator;
import org.clipc.compiler.pack.ModelSource;
import org.clipc.compiler.precision.Precision;
import org.clipc.compiler.shard.Parallelism;
import org.clipc.compiler.shard.Partition;
import org.clipc.compiler.shard.Shardings;
import org.clipc.ir.Mesh;
import org.clipc.ir.TensorType;
import org.clipc.ir.interp.MeshInterpreter;
import org.clipc.ir.interp.Tensor64;
import org.clipc.program.Call;
import org.clipc.program.CollectiveCall;
import org.clipc.program.EntryPoint;
import org.clipc.program.KernelCall;
import org.clipc.program.ProgramFile;
import org.clipc.runtime.collective.CollectiveException;
import org.clipc.runtime.collective.CollectiveOptions;
import org.clipc.runtime.collective.local.LocalRanks;
import org.clipc.runtime.device.CallTiming;
import org.clipc.runtime.device.Device;
import org.clipc.runtime.device.DeviceException;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.device.MeshRank;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Ranks that are threads train on TornadoVM's device as one rank does on the JVM. */
@Tag("kernels")
@Timeout(value = 10, unit = TimeUnit.MINUTES)
class TornadoRanksTest {

    private static final int STEPS = 3;

    /** As among ways to train on the JVM. */
    private static final double TOLERANCE = 1e-5;

    private static final double EPSILON = 1e-2;

    private static final double DROPPED = 0.2;

    /** Tokens of all texts, and of those that a step for shorter ones takes. */
    private static final long CONTEXT = 16;

    private static final int SHORT = 8;

    private static final String LABELS = """
            model Labels {
              entry matches(labels: i32[B]) -> (counts: [B], all: i32[B], before: i32[B], large: bool[B], total: i32[]) {
                let all = replicate(labels)
                let same = reshape(labels, [B, 1]) == all
                return (
                  sum(where(same, 1.0, 0.0), 1),
                  all,
                  from_rank_before(labels, 1),
                  from_rank_before(labels > 1, 1),
                  sum(labels)
                )
              }
            }
            """;

    @TempDir
    Path folder = Path.of("");

    private static final MeshTraining.Watch ON_TORNADO = new MeshTraining.Watch() {
        @Override
        public Device device() {
            return Tornado.device();
        }
    };

    @BeforeEach
    void requireTornado() {
        Tornado.require();
    }

    private static ElaboratedModel tiny(long length) {
        return Golden.model(
                "tiny",
                "text.vocab_size",
                96L,
                "text.num_layers",
                1L,
                "vision.num_layers",
                1L,
                "text.encoder_seq_length",
                length,
                "text.max_position_embeddings",
                CONTEXT,
                "vision.class_token_length",
                4L,
                "vision.hidden_dropout",
                DROPPED,
                "vision.attention_dropout",
                DROPPED,
                "text.hidden_dropout",
                DROPPED,
                "text.drop_path_rate",
                DROPPED,
                "vision.drop_patch_rate",
                0.5);
    }

    private static ModelSource model() {
        var shorter = new TreeMap<Integer, ElaboratedModel>();
        shorter.put(SHORT, tiny(SHORT));
        return ModelSource.of(tiny(CONTEXT), shorter);
    }

    /** With small buckets, so that gradients travel beside kernels. */
    private static Parallelism parallelism(int data, int tensor, boolean sequence, boolean zero) {
        return new Parallelism(new Mesh(data, tensor), sequence, zero, 1 << 14, true);
    }

    @ParameterizedTest
    @CsvSource({"2, 1, false, false", "1, 2, false, false", "2, 2, true, true"})
    void trainsAsOneRankOnTheJvm(int data, int tensor, boolean sequence, boolean zero)
            throws IOException, InterruptedException {
        var alone = MeshTraining.compile(folder, model(), Parallelism.NONE);
        var expected = MeshTraining.train(alone, STEPS);
        var together = MeshTraining.compile(
                folder,
                model(),
                parallelism(data, tensor, sequence, zero),
                Precision.F32,
                OptionalLong.empty(),
                EPSILON,
                Tornado.target());
        MeshTraining.train(together, STEPS, ON_TORNADO).isClose(expected, TOLERANCE);
    }

    /**
     * Kernels round to bf16 where the graph says so, on either device, but sum up in another order: a sum that is near the
     * middle between two numbers of 8 bits is rounded the other way, and so are gradients then; see {@link MeshTrainingTest}
     * for ranks on one device, which the same bounds hold for. Shards of two bytes begin and end within floats.
     */
    @ParameterizedTest
    @CsvSource({"BF16, 2, 1, false, false", "BF16_O2, 2, 2, true, true"})
    void trainsInBf16NearlyAsOneRankOnTheJvm(Precision precision, int data, int tensor, boolean sequence, boolean zero)
            throws IOException, InterruptedException {
        Tornado.requireOpenCl();
        var model = ModelSource.of(Golden.tiny("text.num_layers", 1L, "vision.num_layers", 1L));
        var alone = MeshTraining.compile(folder, model, Parallelism.NONE, precision, OptionalLong.empty(), EPSILON);
        var expected = MeshTraining.train(alone, STEPS);
        var together = MeshTraining.compile(
                folder,
                model,
                parallelism(data, tensor, sequence, zero),
                precision,
                OptionalLong.empty(),
                EPSILON,
                Tornado.target());
        var actual = MeshTraining.train(together, STEPS, ON_TORNADO);
        for (var i = 0; i < STEPS; i++) {
            assertThat(actual.losses().get(i)).isCloseTo(expected.losses().get(i), within(0.03));
        }
        expected.parameters()
                .forEach((name, values) -> assertThat(
                                Objects.requireNonNull(actual.parameters().get(name)))
                        .as(name)
                        .containsExactly(values, within((float) MeshTraining.RATE)));
    }

    /** Ints and flags lie in an arena of their own. */
    @Test
    void exchangesIntsAndFlags() throws IOException, InterruptedException {
        var file = Files.writeString(folder.resolve("labels.clip"), LABELS);
        var model = Elaborator.load(file, Golden.graphs(), Map.<String, Setting>of())
                .orThrow();
        var ranks = 3;
        var graph =
                Partition.data(ranks, Shardings.data(List.of())).apply(model.entry("matches", 2 * ranks, true, ranks));
        var inputs = IntStream.range(0, ranks)
                .mapToObj(rank -> Map.of("labels", Tensor64.of(TensorType.i32(2), new double[] {rank, 5 - 2 * rank})))
                .toList();
        var program = RankGraphs.compile(folder, model, graph, ranks, Tornado.target());
        var expected = MeshInterpreter.run(new Mesh(ranks, 1), graph, inputs);
        var actual = RankGraphs.run(program, inputs, 2, Tornado::device);
        for (var rank = 0; rank < ranks; rank++) {
            var ofRank = actual.get(rank);
            assertThat(ofRank.keySet()).isEqualTo(expected.get(rank).keySet()).hasSize(5);
            expected.get(rank)
                    .forEach((name, tensor) -> assertThat(
                                    Objects.requireNonNull(ofRank.get(name)).data())
                            .as(name)
                            .containsExactly(tensor.data()));
        }
    }

    /** A rank that fails between its exchanges ends the other, whose message names it. */
    @Test
    void aRankThatFailsEndsTheOthers() throws IOException {
        var program = MeshTraining.compile(
                folder,
                ModelSource.of(Golden.tiny("text.num_layers", 1L, "vision.num_layers", 1L)),
                parallelism(2, 1, false, false),
                Precision.F32,
                OptionalLong.empty(),
                EPSILON,
                Tornado.target());
        var other = new AtomicReference<Throwable>();
        assertThatThrownBy(() -> LocalRanks.<IOException>run(2, CollectiveOptions.DEFAULT, ends -> {
                    var rank = MeshRank.of(new Mesh(2, 1), ends);
                    try (var file = ProgramFile.open(program);
                            var device = Tornado.device();
                            var held = device.load(file, List.of(EntryPoint.TRAIN_STEP), rank)) {
                        if (ends.rank() == 0) {
                            other.set(catchThrowable(() -> MeshTraining.step(held, rank)));
                            return;
                        }
                        held.observe(new Breaking());
                        MeshTraining.step(held, rank);
                    }
                }))
                .isInstanceOf(DeviceException.class)
                .hasMessage("a kernel broke");
        assertThat(other.get())
                .isInstanceOf(CollectiveException.class)
                .hasMessageContaining("rank 1 cannot go on: it failed with")
                .hasMessageContaining("a kernel broke");
    }

    /** Throws what a kernel might, once an exchange has begun that goes on beside kernels. */
    private static final class Breaking implements DeviceProgram.CallObserver {

        private boolean sawExchange;

        @Override
        public void called(String entry, Call call, CallTiming timing) {
            if (sawExchange && call instanceof KernelCall) {
                throw new DeviceException("a kernel broke");
            }
            sawExchange |= call instanceof CollectiveCall;
        }
    }
}
