package org.clipc.runtime.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.clipc.program.EntryPoint;
import org.clipc.program.ProgramFile;
import org.clipc.program.TrainingStep;
import org.clipc.runtime.device.Device;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.model.Recipe;
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
            description = "Entry points; by default a training step if there is one, else encode_image and encode_text.")
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
            var manifest = file.manifest();
            var step = TrainingStep.of(manifest);
            if (entries.isEmpty() && step.isPresent()) {
                measure(file, device, step.get());
            } else {
                var names = entries.isEmpty() ? SyntheticRun.defaultEntries(manifest) : entries;
                SyntheticRun.requireEntries(manifest, names);
                try (var program = device.load(file, names)) {
                    options.fill(program, Recipe.of(manifest));
                    for (var name : names) {
                        var entry = manifest.entry(name);
                        print(measure(program, SyntheticRun.of(program, entry), name, entry.batch()));
                    }
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

    private void measure(ProgramFile file, Device device, TrainingStep step) throws IOException {
        try (var program = device.load(file, step.entries())) {
            options.fill(program, Recipe.of(file.manifest()));
            print(measure(program, SyntheticRun.ofStep(program, step), EntryPoint.TRAIN_STEP, step.batch()));
        }
    }

    private String measure(DeviceProgram program, Runnable run, String name, int batch) {
        for (var i = 0; i < warmup; i++) {
            run.run();
        }
        var families = new HashMap<String, Long>();
        var ran = new String[] {name};
        program.observe((variant, call, timing) -> {
            ran[0] = variant.startsWith(name) ? variant : name;
            families.merge(family(call.name()), timing.nanos(), Long::sum);
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
                        batch,
                        batch / median,
                        iterations,
                        median * 1e3,
                        batch / seconds[0])
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
