package org.clipc.tests;

import static org.assertj.core.api.Assertions.assertThat;
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
import java.util.stream.IntStream;
import org.clipc.compiler.jvm.JvmTarget;
import org.clipc.compiler.kernel.Target;
import org.clipc.compiler.pack.CompileOptions;
import org.clipc.compiler.pack.CompileReport;
import org.clipc.compiler.pack.ModelSource;
import org.clipc.compiler.pack.ProgramBuilder;
import org.clipc.compiler.precision.Precision;
import org.clipc.compiler.recompute.Rematerialize;
import org.clipc.compiler.shard.Parallelism;
import org.clipc.compiler.train.Optimizer;
import org.clipc.ir.MeshAxis;
import org.clipc.program.EntryPoint;
import org.clipc.program.Manifest;
import org.clipc.program.ProgramFile;
import org.clipc.runtime.collective.CollectiveOptions;
import org.clipc.runtime.collective.Collectives;
import org.clipc.runtime.collective.local.LocalRanks;
import org.clipc.runtime.device.Device;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.device.MasterWeights;
import org.clipc.runtime.device.MeshRank;
import org.clipc.runtime.device.ShardedProgram;
import org.clipc.runtime.device.jvm.JvmDevice;
import org.clipc.runtime.model.ClipModel;
import org.clipc.runtime.tensor.HostTensor;
import org.clipc.runtime.train.TrainStep;
import org.clipc.runtime.weights.ParameterInitializer;

/** Trains models on ranks that are threads, on batches of noise that all meshes share. */
final class MeshTraining {

    /** Samples of a batch, of all ranks together. */
    static final int BATCH = 4;

    static final double RATE = 1e-3;

    private static final int SEED = 7;

    /** Every rank of every training asks for the same few. */
    private static final Map<Noise, Batch> BATCHES = new ConcurrentHashMap<>();

    /** Large, so that a step of AdamW does not make much of gradients that are little but rounding. */
    private static final double EPSILON = 1e-2;

    /** What a training leaves: the loss of each step, and the parameters behind the last. */
    record Trained(List<Double> losses, Map<String, float[]> parameters) {

        Trained {
            losses = List.copyOf(losses);
            parameters = Map.copyOf(parameters);
        }

        /** @param tolerance of losses, and of parameters by the largest of their tensor, or 1 if that is larger */
        void isClose(Trained expected, double tolerance) {
            for (var i = 0; i < expected.losses().size(); i++) {
                var loss = expected.losses().get(i);
                assertThat(losses.get(i)).as("loss of step " + (i + 1)).isCloseTo(loss, within(tolerance * loss));
            }
            assertThat(parameters.keySet()).isEqualTo(expected.parameters().keySet());
            expected.parameters().forEach((name, values) -> {
                var actual = Objects.requireNonNull(parameters.get(name));
                var furthest = IntStream.range(0, values.length)
                        .mapToDouble(i -> Math.abs((double) values[i] - actual[i]))
                        .max();
                var largest = IntStream.range(0, values.length)
                        .mapToDouble(i -> Math.abs(values[i]))
                        .max();
                assertThat(furthest.orElse(0)).as(name).isLessThan(tolerance * Math.max(1, largest.orElse(0)));
            });
        }

        void isSame(Trained expected) {
            assertThat(losses).isEqualTo(expected.losses());
            assertThat(parameters.keySet()).isEqualTo(expected.parameters().keySet());
            // Not by the assertion of arrays, which takes longer than the training.
            expected.parameters()
                    .forEach((name, values) -> assertThat(Arrays.equals(parameters.get(name), values))
                            .as("the same bits of " + name)
                            .isTrue());
        }
    }

    /** A rank's view of its training, from which its ends may be changed. */
    interface Watch {

        default Collectives ends(Collectives ends) {
            return ends;
        }

        /** What the rank runs on. */
        default Device device() {
            return new JvmDevice(1);
        }

        /** @param held the rank's program, before its first step */
        default void loaded(DeviceProgram held) {}
    }

    private MeshTraining() {}

    static Path compile(Path folder, ModelSource model, Parallelism parallelism) throws IOException {
        return compile(folder, model, parallelism, OptionalLong.empty());
    }

    static Path compile(Path folder, ModelSource model, Parallelism parallelism, OptionalLong budget)
            throws IOException {
        return compile(folder, model, parallelism, Precision.F32, budget, EPSILON);
    }

    static Path compile(
            Path folder,
            ModelSource model,
            Parallelism parallelism,
            Precision precision,
            OptionalLong budget,
            double epsilon)
            throws IOException {
        return compile(folder, model, parallelism, precision, budget, epsilon, new JvmTarget(128));
    }

    static Path compile(
            Path folder,
            ModelSource model,
            Parallelism parallelism,
            Precision precision,
            OptionalLong budget,
            double epsilon,
            Target target)
            throws IOException {
        var options = options(target, parallelism, precision, budget, epsilon);
        var path = folder.resolve("program.bin");
        ProgramFile.write(path, ProgramBuilder.build(model, options).program());
        return path;
    }

    /**
     * What a program would be, without its kernels.
     *
     * @throws Rematerialize.BudgetException if the training step cannot be brought within the memory budget
     */
    static CompileReport plan(ModelSource model, Parallelism parallelism, OptionalLong budget) {
        return ProgramBuilder.plan(model, options(new JvmTarget(128), parallelism, Precision.F32, budget, EPSILON))
                .report();
    }

    private static CompileOptions options(
            Target target, Parallelism parallelism, Precision precision, OptionalLong budget, double epsilon) {
        return CompileOptions.builder(List.of(target))
                .microBatch(BATCH / parallelism.mesh().data())
                .inferenceBatch(BATCH)
                .training(new Optimizer(0.9, 0.98, epsilon, 0.2, 1.0))
                .parallelism(parallelism)
                .precision(precision)
                .memoryBudget(budget)
                .verifyEach(true)
                .build();
    }

    static Trained train(Path program, int steps) throws IOException, InterruptedException {
        return train(program, steps, new Watch() {});
    }

    static Trained train(Path program, int steps, Watch watch) throws IOException, InterruptedException {
        try (var file = ProgramFile.open(program)) {
            var mesh = file.manifest().mesh();
            if (mesh.size() == 1) {
                return train(file, MeshRank.alone(), steps, watch);
            }
            var trained = new ConcurrentHashMap<Integer, Trained>();
            LocalRanks.<IOException>run(mesh.size(), CollectiveOptions.DEFAULT, ranks -> {
                try (var own = ProgramFile.open(program)) {
                    trained.put(ranks.rank(), train(own, MeshRank.of(mesh, watch.ends(ranks)), steps, watch));
                }
            });
            var first = Objects.requireNonNull(trained.get(0));
            assertThat(trained).hasSize(mesh.size());
            trained.values().forEach(other -> other.isSame(first));
            return first;
        }
    }

    private static Trained train(ProgramFile file, MeshRank rank, int steps, Watch watch) throws IOException {
        try (var device = watch.device();
                var held = device.load(file, List.of(EntryPoint.TRAIN_STEP), rank)) {
            var program = MasterWeights.of(new ShardedProgram(held, rank), List.of(EntryPoint.TRAIN_STEP));
            ParameterInitializer.initialize(program, SEED);
            watch.loaded(held);
            var step = new TrainStep(program, SEED);
            var losses = new ArrayList<Double>();
            for (var i = 1; i <= steps; i++) {
                losses.add(step.take(i, RATE, batch(file.manifest(), i, rank)).loss());
            }
            var parameters = new LinkedHashMap<String, float[]>();
            for (var parameter : program.manifest().parameters()) {
                parameters.put(parameter.name(), program.read(parameter.name()).toFloats());
            }
            return new Trained(losses, parameters);
        }
    }

    /** Takes one step of a rank's program, by itself. */
    static void step(DeviceProgram held, MeshRank rank) {
        new TrainStep(held, SEED).take(1, RATE, batch(held.manifest(), 1, rank));
    }

    /** A batch of all ranks. */
    private static final class Batch {

        private final float[] images;
        private final int[] tokens;

        /** Texts end, with the largest token, at most a step's number of tokens in. */
        Batch(Noise noise) {
            var random = new Random(noise.step());
            images = new float[BATCH * noise.perImage()];
            for (var i = 0; i < images.length; i++) {
                images[i] = (float) random.nextGaussian();
            }
            var context = noise.context();
            var last = noise.vocabulary() - 1;
            var longest = 2 + noise.step() * 5 % (context - 1);
            tokens = new int[BATCH * context];
            for (var text = 0; text < BATCH; text++) {
                for (var i = 0; i < context; i++) {
                    tokens[text * context + i] = random.nextInt(last);
                }
                tokens[text * context + 1 + random.nextInt(longest - 1)] = last;
            }
        }
    }

    /**
     * All that a batch depends on.
     *
     * @param perImage numbers of an image
     * @param context tokens of a text
     */
    private record Noise(int step, int perImage, int context, int vocabulary) {}

    /** The rank's part of the batch of all. */
    private static Map<String, HostTensor> batch(Manifest manifest, int step, MeshRank rank) {
        var entry = manifest.entry(EntryPoint.TRAIN_STEP);
        var pixels = entry.input(ClipModel.IMAGES).orElseThrow().type();
        var perImage = Math.toIntExact(pixels.elements() / entry.batch());
        var context = entry.input(ClipModel.TOKENS).orElseThrow().type().dim(1);
        var noise = new Noise(step, perImage, context, ClipModel.vocabulary(manifest));
        var all = BATCHES.computeIfAbsent(noise, Batch::new);
        var share = BATCH / rank.mesh().data();
        var first = share * rank.coordinate(MeshAxis.DATA);
        return Map.of(
                ClipModel.IMAGES,
                HostTensor.of(
                        Arrays.copyOfRange(all.images, first * perImage, (first + share) * perImage),
                        share,
                        pixels.dim(1),
                        pixels.dim(2),
                        pixels.dim(3)),
                ClipModel.TOKENS,
                HostTensor.of(
                        Arrays.copyOfRange(all.tokens, first * context, (first + share) * context), share, context));
    }
}
