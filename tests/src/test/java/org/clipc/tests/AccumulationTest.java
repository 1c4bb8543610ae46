package org.clipc.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.clipc.ir.testing.Numbers.assertClose;
import static org.clipc.tests.Commands.clipRun;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import org.clipc.ir.interp.Tensor64;
import org.clipc.program.EntryPoint;
import org.clipc.program.Manifest;
import org.clipc.program.ProgramFile;
import org.clipc.program.TrainingStep;
import org.clipc.runtime.device.MasterWeights;
import org.clipc.runtime.device.jvm.JvmDevice;
import org.clipc.runtime.tensor.HostTensor;
import org.clipc.runtime.train.TrainStep;
import org.clipc.runtime.weights.WeightFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A batch in micro-batches, {@code model.global_batch_size}, is trained on as one that goes through at once. */
class AccumulationTest {

    private static final double TOLERANCE = 1e-5;
    private static final int GOLDEN_BATCH = 6;

    @TempDir
    Path folder = Path.of("");

    /** The gradients are open_clip's for the whole batch, and its accumulated ones; that of the logit scale counts once. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void gradientsAreThoseOfTheWholeBatch(int microBatch) throws IOException {
        var program = Commands.tiny(
                "--batch", String.valueOf(microBatch), "model.global_batch_size=6", "model.optim.weight_decay=0");
        var expected = Golden.read("gelu_tok.f64");
        var accumulated = Golden.read("accum2.gradf32");
        try (var file = ProgramFile.open(program);
                var device = new JvmDevice(2);
                var loaded = device.load(
                        file, TrainingStep.of(file.manifest()).orElseThrow().entries())) {
            WeightFile.load(Golden.file("weights"), loaded);
            var step = new TrainStep(loaded, 0);
            assertThat(step.batch()).isEqualTo(GOLDEN_BATCH);
            var outcome = step.take(1, 0, microBatches(microBatch));
            assertThat(outcome.loss()).isCloseTo(number(expected, "loss"), within(TOLERANCE));
            assertThat(outcome.gradNorm())
                    .isCloseTo(number(expected, "grad_norms_before_clip"), within(TOLERANCE * 10));
            for (var parameter : file.manifest().parameters()) {
                var wanted = get(expected, "grad." + parameter.name());
                var largest = Arrays.stream(wanted.data()).map(Math::abs).max().orElse(0);
                var actual = Golden.tensor(loaded.read("gradient." + parameter.name()));
                assertClose(parameter.name(), actual.data(), wanted.data(), TOLERANCE * largest);
                // open_clip's own accumulation counts this one twice.
                var times = parameter.name().equals("logit_scale") ? 2 : 1;
                var theirs = Arrays.stream(
                                get(accumulated, "grad." + parameter.name()).data())
                        .map(gradient -> gradient / times)
                        .toArray();
                assertClose("accumulated " + parameter.name(), actual.data(), theirs, TOLERANCE * largest);
            }
        }
    }

    /** Sums of gradients are f32 whatever the precision, and so are features on their way to the loss. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void gradientsInBf16AreNearThoseOfTheWholeBatch(boolean o2) throws IOException {
        var program = Commands.tiny(
                "--batch", "2", "model.global_batch_size=6", "trainer.precision=bf16", "model.megatron_amp_O2=" + o2);
        var expected = Golden.read("gelu_tok.f64");
        try (var file = ProgramFile.open(program);
                var device = new JvmDevice(2)) {
            var entries = TrainingStep.of(file.manifest()).orElseThrow().entries();
            try (var loaded = MasterWeights.of(device.load(file, entries), entries)) {
                WeightFile.load(Golden.file("weights"), loaded);
                var outcome = new TrainStep(loaded, 0).take(1, 0, microBatches(2));
                assertThat(outcome.loss()).isCloseTo(number(expected, "loss"), within(0.02));
                for (var parameter : file.manifest().parameters()) {
                    var actual = Golden.tensor(loaded.read("gradient." + parameter.name()));
                    assertThat(cosine(
                                    actual.data(),
                                    get(expected, "grad." + parameter.name()).data()))
                            .as(parameter.name())
                            .isGreaterThan(0.99);
                }
            }
        }
    }

    private static double cosine(double[] a, double[] b) {
        var dot = 0.0;
        var squaresOfA = 0.0;
        var squaresOfB = 0.0;
        for (var i = 0; i < a.length; i++) {
            dot += a[i] * b[i];
            squaresOfA += a[i] * a[i];
            squaresOfB += b[i] * b[i];
        }
        return dot / Math.sqrt(squaresOfA * squaresOfB);
    }

    private static List<Map<String, HostTensor>> microBatches(int size) {
        var batch = Golden.inputs();
        var parts = new ArrayList<Map<String, HostTensor>>();
        for (var first = 0; first < GOLDEN_BATCH; first += size) {
            parts.add(Map.of(
                    "images",
                    rows(get(batch, "images"), first, size),
                    "tokens",
                    rows(get(batch, "tokens"), first, size)));
        }
        return parts;
    }

    private static HostTensor rows(Tensor64 x, int first, int count) {
        var row = x.size() / GOLDEN_BATCH;
        var shape = x.shape().dims().stream().mapToLong(d -> d).toArray();
        shape[0] = count;
        var data = Arrays.copyOfRange(x.data(), first * row, (first + count) * row);
        return x.type().dtype().isFloat()
                ? HostTensor.of(data, shape)
                : HostTensor.of(Arrays.stream(data).mapToInt(v -> (int) v).toArray(), shape);
    }

    private static Tensor64 get(Map<String, Tensor64> tensors, String name) {
        return Objects.requireNonNull(tensors.get(name), name);
    }

    private static double number(Map<String, Tensor64> tensors, String name) {
        return get(tensors, name).get(0);
    }

    private static Path program(String... keys) {
        var all = new ArrayList<>(List.of("--target", "jvm128"));
        all.addAll(Dataset.KEYS);
        all.addAll(List.of(keys));
        return Commands.tiny(all.toArray(String[]::new));
    }

    private void train(Path program, Path data, String out, int steps) {
        clipRun(
                        "train",
                        "--graph",
                        program,
                        "--data",
                        data,
                        "--out",
                        folder.resolve(out),
                        "--resume",
                        "trainer.max_steps=" + steps,
                        "model.optim.sched.name=Constant")
                .succeeds();
    }

    /** With all that is random switched on; and training goes on with another number of ranks and micro-batches. */
    @ParameterizedTest
    @CsvSource({"1, 1, false", "2, 1, true", "2, 2, false"})
    void trainsAsTheWholeBatchDoes(int dataRanks, int tensorRanks, boolean zero) throws IOException {
        var data = Dataset.shards(folder.resolve("data"), 40);
        train(program("model.micro_batch_size=8"), data, "whole", 4);
        train(
                program(
                        "model.micro_batch_size=1",
                        "model.global_batch_size=8",
                        "trainer.devices=" + dataRanks * tensorRanks,
                        "model.tensor_model_parallel_size=" + tensorRanks,
                        "model.optim.name=" + (zero ? "distributed_fused_adam" : "adamw")),
                data,
                "parts",
                2);
        train(program("model.micro_batch_size=2", "model.global_batch_size=8"), data, "parts", 4);
        for (var name : List.of("model", "optimizer")) {
            var expected = Golden.read(folder.resolve("whole/step-4/" + name + ".safetensors"));
            var actual = Golden.read(folder.resolve("parts/step-4/" + name + ".safetensors"));
            assertThat(actual.keySet()).isEqualTo(expected.keySet());
            expected.forEach((key, tensor) -> {
                var other = get(actual, key);
                var furthest = IntStream.range(0, tensor.size())
                        .mapToDouble(i -> Math.abs(tensor.get(i) - other.get(i)))
                        .max();
                assertThat(furthest.orElse(0)).as(name + " " + key).isLessThan(TOLERANCE);
            });
        }
    }

    /** More micro-batches are more runs of the same graphs, in the memory of one; only features grow. */
    @Test
    void theProgramStaysAsLargeAsItIs() throws IOException {
        var keys = List.of("--target", "jvm128", "model.micro_batch_size=4");
        try (var one = ProgramFile.open(Commands.tiny(keys.toArray(String[]::new)));
                var few = ProgramFile.open(with(keys, "model.global_batch_size=8"));
                var many = ProgramFile.open(with(keys, "model.global_batch_size=64"))) {
            for (var entry : TrainingStep.of(many.manifest()).orElseThrow().entries()) {
                assertThat(many.graph(entry).lines().count())
                        .isLessThanOrEqualTo(few.graph(entry).lines().count());
            }
            var step = one.schedule("jvm128", EntryPoint.TRAIN_STEP).workspaceBytes();
            assertThat(many.schedule("jvm128", EntryPoint.TRAIN_BACKWARD).workspaceBytes())
                    .isLessThanOrEqualTo(step);
            assertThat(carried(many.manifest())).isEqualTo(one.manifest().parameterBytes());
        }
    }

    private static long carried(Manifest manifest) {
        return manifest.carried().stream()
                .mapToLong(slot -> Manifest.align(slot.type().bytes()))
                .sum();
    }

    private static Path with(List<String> keys, String more) {
        var all = new ArrayList<>(keys);
        all.add(more);
        return Commands.tiny(all.toArray(String[]::new));
    }

    @Test
    void measuresWholeStepsToo() {
        var program = program("model.micro_batch_size=2", "model.global_batch_size=8");
        var told = clipRun("bench", "--graph", program, "--iterations", 1, "--warmup", 0);
        told.succeeds();
        assertThat(told.out()).contains("train_features, batch 2:", "train_step, batch 8:");
        clipRun("profile", "--graph", program, "--iterations", 1, "--warmup", 0).succeeds();
    }

    @Test
    void batchesThatMicroBatchesDoNotFillAreRefused() {
        Commands.compile("tiny", folder.resolve("p.bin"), "model.micro_batch_size=4", "model.global_batch_size=10")
                .isRefused("model.global_batch_size is 10, but must be a multiple of 4");
        Commands.compile(
                        "tiny",
                        folder.resolve("p.bin"),
                        "model.micro_batch_size=4",
                        "model.global_batch_size=4",
                        "trainer.devices=2")
                .isRefused(
                        "must be a multiple of 8: model.micro_batch_size, 4, times the number of data-parallel ranks, 2");
    }

    @Test
    void stepsOnOneBatchNeedAProgramForOne() {
        var program = Commands.tiny("--batch", "3", "model.global_batch_size=6", "model.optim.weight_decay=0");
        clipRun(
                        "run",
                        "--graph",
                        program,
                        "--entry",
                        "loss",
                        "--steps",
                        1,
                        "--inputs",
                        Golden.file("batch"),
                        "--out",
                        folder.resolve("out.safetensors"))
                .isRefused("'train_step', which this needs: it was compiled for several micro-batches in a step");
    }
}
