package org.clipc.runtime.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.clipc.program.EntryPoint;
import org.clipc.program.TrainingStep;
import org.clipc.runtime.device.DeviceProgram;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Measures an entry point on synthetic data. */
@Command(
        name = "bench",
        mixinStandardHelpOptions = true,
        description =
                "Measures entry points on synthetic batches: samples per second, memory, time by kernel family. Of"
                        + " several ranks, the first tells; samples are those of one rank.")
final class BenchCommand implements Callable<Integer> {

    @Mixin
    private MeasurementOptions options = new MeasurementOptions();

    @Option(names = "--iterations", description = "Measured runs (default ${DEFAULT-VALUE}).")
    private int iterations = 10;

    @Override
    public Integer call() throws IOException {
        if (iterations < 1) {
            throw new CliException("--iterations must be at least 1");
        }
        options.load(loaded -> {
            for (var name : loaded.entries()) {
                var batch = loaded.program().manifest().entry(name).batch();
                print(loaded, measure(loaded.program(), loaded.run(name), name, batch));
            }
            if (loaded.isCutStep()) {
                var step = TrainingStep.of(loaded.program().manifest()).orElseThrow();
                var text = measure(
                        loaded.program(),
                        SyntheticRun.ofStep(loaded.program(), step),
                        EntryPoint.TRAIN_STEP,
                        step.batch());
                print(loaded, text);
            }
            loaded.rank().barrier();
            print(loaded, "peak memory %d MiB".formatted(peakMemoryKiB() >> 10));
        });
        return 0;
    }

    /** What the first rank measured; the others run beside it. */
    private void print(MeasurementOptions.Loaded loaded, String text) {
        if (loaded.rank().isFirst()) {
            options.out().println(text);
            options.out().flush();
        }
    }

    /** Families are those of one more run: devices run an observed program call by call, which takes longer. */
    private String measure(DeviceProgram program, Runnable run, String name, int batch) {
        for (var i = 0; i < options.warmup(); i++) {
            run.run();
        }
        var seconds = new double[iterations];
        for (var i = 0; i < iterations; i++) {
            var start = System.nanoTime();
            run.run();
            seconds[i] = (System.nanoTime() - start) * 1e-9;
        }
        var families = new HashMap<String, Long>();
        var ran = new String[] {name};
        program.observe((variant, call, timing) -> {
            ran[0] = variant.startsWith(name) ? variant : name;
            families.merge(family(call.name()), timing.nanos(), Long::sum);
        });
        run.run();
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
                        family.getValue() * 1e-6,
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
