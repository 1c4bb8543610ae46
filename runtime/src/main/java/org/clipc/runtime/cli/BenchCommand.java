package org.clipc.runtime.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import org.clipc.ir.DType;
import org.clipc.program.EntryPoint;
import org.clipc.program.Manifest;
import org.clipc.program.TensorSlot;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.model.ClipModel;
import org.clipc.runtime.model.Recipe;
import org.clipc.runtime.tensor.HostTensor;
import org.clipc.runtime.train.TrainStep;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Measures an entry point on synthetic data. */
@Command(
        name = "bench",
        mixinStandardHelpOptions = true,
        description = "Measures entry points on synthetic batches: samples per second, memory, time by kernel family.")
final class BenchCommand implements Callable<Integer> {

    @Mixin
    private ProgramOptions options = new ProgramOptions();

    @Option(
            names = "--entry",
            split = ",",
            paramLabel = "NAME",
            description = "Entry points; by default train_step if there is one, else encode_image and encode_text.")
    private List<String> entries = List.of();

    @Option(names = "--iterations", description = "Measured runs (default ${DEFAULT-VALUE}).")
    private int iterations = 10;

    @Option(names = "--warmup", description = "Runs before, for the JIT compiler (default ${DEFAULT-VALUE}).")
    private int warmup = 5;

    @Spec
    private @Nullable CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        if (iterations < 1 || warmup < 0) {
            throw new CliException("--iterations must be at least 1 and --warmup not negative");
        }
        try (var file = options.open();
                var device = options.device()) {
            var names = entries.isEmpty() ? defaultEntries(file.manifest()) : entries;
            for (var name : names) {
                if (!file.manifest().hasEntry(name)) {
                    throw new CliException("the program has no entry point '" + name + "'");
                }
            }
            try (var program = device.load(file, names)) {
                options.fill(program, Recipe.of(file.manifest()));
                for (var name : names) {
                    print(measure(program, name));
                }
            }
        }
        print("peak memory %d MiB".formatted(peakMemoryKiB() >> 10));
        return 0;
    }

    private void print(String text) {
        var out = Objects.requireNonNull(spec).commandLine().getOut();
        out.println(text);
        out.flush();
    }

    private static List<String> defaultEntries(Manifest manifest) {
        return manifest.hasEntry(EntryPoint.TRAIN_STEP)
                ? List.of(EntryPoint.TRAIN_STEP)
                : List.of(EntryPoint.ENCODE_IMAGE, EntryPoint.ENCODE_TEXT);
    }

    private String measure(DeviceProgram program, String name) {
        var entry = program.manifest().entry(name);
        var run = runner(program, entry);
        for (var i = 0; i < warmup; i++) {
            run.run();
        }
        var families = new HashMap<String, Long>();
        var ran = new String[] {name};
        program.observe((variant, call, nanos) -> {
            ran[0] = variant;
            families.merge(family(call.name()), nanos, Long::sum);
        });
        var seconds = new double[iterations];
        for (var i = 0; i < iterations; i++) {
            var start = System.nanoTime();
            run.run();
            seconds[i] = (System.nanoTime() - start) * 1e-9;
        }
        program.observe(null);
        Arrays.sort(seconds);
        var median = (seconds[iterations / 2] + seconds[(iterations - 1) / 2]) / 2;
        return String.format(
                        Locale.ROOT,
                        "%s, batch %d: %.2f samples/s (median of %d runs, %.1f ms; best %.2f samples/s)%n",
                        ran[0],
                        entry.batch(),
                        entry.batch() / median,
                        iterations,
                        median * 1e3,
                        entry.batch() / seconds[0])
                + table(families);
    }

    private String table(Map<String, Long> families) {
        var total = families.values().stream().mapToLong(Long::longValue).sum();
        var text = new StringBuilder();
        families.entrySet().stream()
                .sorted(Map.Entry.<String, Long>comparingByValue().reversed())
                .forEach(family -> text.append(String.format(
                        Locale.ROOT,
                        "  %-20s %9.2f ms  %5.1f%%%n",
                        family.getKey(),
                        family.getValue() * 1e-6 / iterations,
                        100.0 * family.getValue() / total)));
        return text.toString().stripTrailing();
    }

    /** {@code Gemm} for {@code org.clipc.kernels.jvm256.Gemm_1f}. */
    private static String family(String kernel) {
        var simple = kernel.substring(kernel.lastIndexOf('.') + 1);
        var end = simple.indexOf('_');
        return end < 0 ? simple : simple.substring(0, end);
    }

    private static Runnable runner(DeviceProgram program, EntryPoint entry) {
        var batch = new LinkedHashMap<String, HostTensor>();
        for (var slot : entry.inputs()) {
            if (slot.type().rank() > 1) {
                batch.put(slot.name(), synthetic(slot, program.manifest()));
            }
        }
        if (entry.name().equals(EntryPoint.TRAIN_STEP)) {
            var step = new TrainStep(program, 0);
            var count = new long[1];
            return () -> step.take(++count[0], 1e-5, batch);
        }
        return () -> program.run(entry.name(), batch, List.of());
    }

    /** Pixels as after normalisation; captions of some twenty tokens between start and end, then padding. */
    private static HostTensor synthetic(TensorSlot slot, Manifest manifest) {
        var random = new SplittableRandom(slot.name().hashCode());
        var shape = slot.type().shape().dims().stream()
                .mapToLong(Integer::longValue)
                .toArray();
        var count = Math.toIntExact(slot.type().elements());
        if (slot.type().dtype() != DType.I32) {
            var pixels = new float[count];
            for (var i = 0; i < count; i++) {
                pixels[i] = (float) (random.nextDouble() * 4 - 2);
            }
            return HostTensor.of(pixels, shape);
        }
        var vocabulary = ClipModel.vocabulary(manifest);
        var tokens = new int[count];
        var context = (int) shape[shape.length - 1];
        for (var row = 0; row < count; row += context) {
            var length = Math.min(context, 10 + random.nextInt(20));
            for (var i = 0; i < length; i++) {
                tokens[row + i] = random.nextInt(Math.max(1, vocabulary - 2));
            }
            tokens[row] = vocabulary - 2;
            tokens[row + length - 1] = vocabulary - 1;
        }
        return HostTensor.of(tokens, shape);
    }

    /** The most memory that this process has held at once, in KiB; 0 where the system does not tell. */
    private static long peakMemoryKiB() throws IOException {
        var status = Path.of("/proc/self/status");
        if (!Files.isReadable(status)) {
            return 0;
        }
        return Files.readAllLines(status).stream()
                .filter(line -> line.startsWith("VmHWM:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                .findFirst()
                .orElse(0);
    }
}
