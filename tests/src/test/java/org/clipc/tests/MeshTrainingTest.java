package org.clipc.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import org.clipc.compiler.jvm.JvmTarget;
import org.clipc.compiler.pack.CompileOptions;
import org.clipc.compiler.pack.ModelSource;
import org.clipc.compiler.pack.ProgramBuilder;
import org.clipc.compiler.precision.Precision;
import org.clipc.compiler.shard.Parallelism;
import org.clipc.compiler.train.Optimizer;
import org.clipc.ir.Mesh;
import org.clipc.ir.MeshAxis;
import org.clipc.program.EntryPoint;
import org.clipc.program.ProgramFile;
import org.clipc.runtime.collective.CollectiveOptions;
import org.clipc.runtime.collective.local.LocalRanks;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.device.JvmDevice;
import org.clipc.runtime.device.MasterWeights;
import org.clipc.runtime.device.MeshRank;
import org.clipc.runtime.device.ShardedProgram;
import org.clipc.runtime.tensor.HostTensor;
import org.clipc.runtime.train.TrainStep;
import org.clipc.runtime.weights.ParameterInitializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Programs for several ranks, run by threads, train as the program for one does. */
class MeshTrainingTest {

    private static final int BATCH = 4;
    private static final int STEPS = 5;
    private static final double RATE = 1e-3;
    private static final double TOLERANCE = 1e-5;

    @TempDir
    Path folder = Path.of("");

    /** What a training leaves: the loss of each step, and the parameters behind the last. */
    private record Trained(List<Double> losses, Map<String, double[]> parameters) {}

    private Path compile(Parallelism parallelism, boolean localLoss) throws IOException {
        return compile(parallelism, localLoss, Precision.F32, 1e-6);
    }

    private Path compile(Parallelism parallelism, boolean localLoss, Precision precision, double epsilon)
            throws IOException {
        var model = Golden.tiny("vision.class_token_length", 4L, "text.vocab_size", 96L, "local_loss", localLoss);
        var options = new CompileOptions(
                Map.of(),
                BATCH / parallelism.mesh().data(),
                BATCH,
                true,
                new Optimizer(0.9, 0.98, epsilon, 0.2, 1.0),
                parallelism,
                precision,
                OptionalLong.empty(),
                List.of(new JvmTarget(128)),
                true,
                false,
                (_, _, _) -> {});
        var path = folder.resolve("program.bin");
        ProgramFile.write(
                path, ProgramBuilder.build(ModelSource.of(model), options).program());
        return path;
    }

    private static Trained train(Path program, Mesh mesh) throws IOException, InterruptedException {
        var trained = new ConcurrentHashMap<Integer, Trained>();
        LocalRanks.<IOException>run(mesh.size(), CollectiveOptions.DEFAULT, ranks -> {
            var rank = MeshRank.of(mesh, ranks);
            try (var file = ProgramFile.open(program);
                    var device = new JvmDevice(1);
                    var held = device.load(file, List.of(EntryPoint.TRAIN_STEP), rank)) {
                var whole = new ShardedProgram(held, rank);
                trained.put(rank.rank(), train(MasterWeights.of(whole, List.of(EntryPoint.TRAIN_STEP)), rank));
            }
        });
        var first = Objects.requireNonNull(trained.get(0));
        assertThat(trained.values())
                .hasSize(mesh.size())
                .allMatch(other -> other.losses().equals(first.losses()));
        return first;
    }

    private static Trained train(DeviceProgram program, MeshRank rank) {
        ParameterInitializer.initialize(program, 7);
        var step = new TrainStep(program, 7);
        var losses = new ArrayList<Double>();
        for (var i = 1; i <= STEPS; i++) {
            losses.add(step.take(i, RATE, batch(i, rank)).loss());
        }
        var parameters = new LinkedHashMap<String, double[]>();
        for (var parameter : program.manifest().parameters()) {
            var tensor = program.read(parameter.name());
            var values = new double[Math.toIntExact(tensor.elementCount())];
            for (var e = 0; e < values.length; e++) {
                values[e] = tensor.getDouble(e);
            }
            parameters.put(parameter.name(), values);
        }
        return new Trained(losses, parameters);
    }

    /** The rank's part of the batch of all. */
    private static Map<String, HostTensor> batch(int step, MeshRank rank) {
        var random = new Random(step);
        var images = new float[BATCH * 3 * 32 * 32];
        for (var i = 0; i < images.length; i++) {
            images[i] = (float) random.nextGaussian();
        }
        var tokens = new int[BATCH * 16];
        for (var i = 0; i < tokens.length; i++) {
            tokens[i] = random.nextInt(96);
        }
        var share = BATCH / rank.mesh().data();
        var first = share * rank.coordinate(MeshAxis.DATA);
        return Map.of(
                "images",
                HostTensor.of(Arrays.copyOfRange(images, first * 3072, (first + share) * 3072), share, 3, 32, 32),
                "tokens",
                HostTensor.of(Arrays.copyOfRange(tokens, first * 16, (first + share) * 16), share, 16));
    }

    @ParameterizedTest
    @CsvSource({
        "1, 2, false, false, false",
        "1, 4, true, false, false",
        "2, 1, false, true, true",
        "2, 2, true, true, false",
        "2, 4, true, true, true"
    })
    void trainsAsOneRankDoes(int data, int tensor, boolean sequence, boolean zero, boolean localLoss)
            throws IOException, InterruptedException {
        var expected = train(compile(Parallelism.NONE, false), Mesh.SINGLE);
        var mesh = new Mesh(data, tensor);
        var actual = train(compile(new Parallelism(mesh, sequence, zero), localLoss), mesh);
        for (var i = 0; i < STEPS; i++) {
            assertThat(actual.losses().get(i)).isCloseTo(expected.losses().get(i), within(TOLERANCE));
        }
        expected.parameters()
                .forEach((name, values) -> assertThat(
                                Objects.requireNonNull(actual.parameters().get(name)))
                        .as(name)
                        .containsExactly(values, within(TOLERANCE)));
    }

    /**
     * Ranks round their parts of a sum before these are added up, so they come near one rank's roundings, not to them; with
     * an epsilon that keeps a step of AdamW from making much of that.
     */
    @ParameterizedTest
    @CsvSource({
        "BF16, 2, 2, false, false",
        "BF16, 2, 2, true, true",
        "BF16_O2, 2, 2, false, false",
        "BF16_O2, 2, 2, true, true",
        "BF16_O2, 1, 4, true, false"
    })
    void trainsInBf16NearlyAsOneRankDoes(Precision precision, int data, int tensor, boolean sequence, boolean zero)
            throws IOException, InterruptedException {
        var expected = train(compile(Parallelism.NONE, false, precision, 1e-2), Mesh.SINGLE);
        var mesh = new Mesh(data, tensor);
        var actual = train(compile(new Parallelism(mesh, sequence, zero), false, precision, 1e-2), mesh);
        for (var i = 0; i < STEPS; i++) {
            assertThat(actual.losses().get(i)).isCloseTo(expected.losses().get(i), within(0.03));
        }
        expected.parameters()
                .forEach((name, values) -> assertThat(
                                Objects.requireNonNull(actual.parameters().get(name)))
                        .as(name)
                        .containsExactly(values, within(RATE)));
    }

    @Test
    void aProgramForSeveralRanksSaysSoToOne() throws IOException {
        var program = compile(new Parallelism(new Mesh(2, 1), false, false), false);
        try (var file = ProgramFile.open(program);
                var device = new JvmDevice(1)) {
            assertThatThrownBy(() -> device.load(file, List.of(EntryPoint.TRAIN_STEP)))
                    .hasMessageContaining("is for 2 ranks (2 data-parallel x 1 tensor-parallel) together");
        }
    }
}
