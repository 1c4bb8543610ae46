package org.clipc.runtime.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.clipc.runtime.device.TuningFile;
import org.clipc.runtime.profile.Tuner;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Makes a program faster on this device, by measuring. */
@Command(
        name = "tune",
        mixinStandardHelpOptions = true,
        description =
                "Measures the ways to run a program's calls on this device, and writes the fastest to PROGRAM.tune.json,"
                        + " which every later run on it follows.")
final class TuneCommand implements Callable<Integer> {

    private static final int MOST_SHOWN = 20;

    /** Fewer cannot tell a faster way from luck. */
    private static final int LEAST_PAIRS = 4;

    @Mixin
    private MeasurementOptions options = new MeasurementOptions();

    @Option(names = "--trials", description = "Measurements of every way (default ${DEFAULT-VALUE}).")
    private int trials = 3;

    @Option(names = "--pairs", description = "Pairs of runs that confirm what was found (default ${DEFAULT-VALUE}).")
    private int pairs = 7;

    @Override
    public Integer call() throws IOException {
        if (trials < 1 || pairs < LEAST_PAIRS) {
            throw new CliException("--trials must be at least 1 and --pairs at least " + LEAST_PAIRS);
        }
        options.load(this::tune);
        return 0;
    }

    private void tune(MeasurementOptions.Loaded loaded) throws IOException {
        var mesh = loaded.file().manifest().mesh();
        if (mesh.size() > 1) {
            // They would have to measure the same at the same time, and to come to the same end.
            throw new CliException(
                    "a program for %d ranks cannot be tuned: compile with trainer.devices=1".formatted(mesh.size()));
        }
        var found = new LinkedHashMap<String, String>();
        for (var name : loaded.entries()) {
            var effort = new Tuner.Effort(options.warmup(), trials, pairs);
            var result = Tuner.tune(loaded.program(), loaded.run(name), effort);
            if (result.choices() == 0) {
                throw new CliException("there is nothing to tune in " + name + " on "
                        + loaded.device().name() + ": the program has one way to make each of its calls");
            }
            print(options.out(), name, result);
            result.options().forEach(found::putIfAbsent);
        }
        var file = loaded.file();
        var path = TuningFile.beside(file.path());
        new TuningFile(file.checksum(), loaded.device().identity(), found).write(path);
        options.out().println("wrote " + path);
        options.out().flush();
    }

    private static void print(PrintWriter out, String entry, Tuner.Result result) {
        var findings = result.findings();
        var saved =
                findings.stream().mapToDouble(f -> f.standard() - f.seconds()).sum();
        out.println(String.format(
                Locale.ROOT,
                "%s: %d of %d products are faster in another way, which saves %.2f ms of their %.2f ms",
                entry,
                findings.size(),
                result.choices(),
                saved * 1e3,
                result.seconds() * 1e3));
        for (var finding : findings.subList(0, Math.min(MOST_SHOWN, findings.size()))) {
            out.println(String.format(
                    Locale.ROOT,
                    "  %-56s %-14s %9.2f ms, not %9.2f",
                    finding.choice(),
                    finding.option(),
                    finding.seconds() * 1e3,
                    finding.standard() * 1e3));
        }
        if (findings.size() > MOST_SHOWN) {
            out.println("  and " + (findings.size() - MOST_SHOWN) + " more");
        }
        out.flush();
    }
}
