package org.clipc.runtime.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.clipc.runtime.device.TuningFile;
import org.clipc.runtime.model.Recipe;
import org.clipc.runtime.profile.Tuner;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

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
    private ProgramOptions options = new ProgramOptions();

    @Option(
            names = "--entry",
            split = ",",
            paramLabel = "NAME",
            description = "Entry points; by default train_step if there is one, else encode_image and encode_text.")
    private List<String> entries = List.of();

    @Option(names = "--warmup", description = "Runs before, for the JIT compiler (default ${DEFAULT-VALUE}).")
    private int warmup = 5;

    @Option(names = "--trials", description = "Measurements of every way (default ${DEFAULT-VALUE}).")
    private int trials = 3;

    @Option(names = "--pairs", description = "Pairs of runs that confirm what was found (default ${DEFAULT-VALUE}).")
    private int pairs = 7;

    @Spec
    private @Nullable CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        if (warmup < 0 || trials < 1 || pairs < LEAST_PAIRS) {
            throw new CliException(
                    "--warmup must not be negative, --trials at least 1 and --pairs at least " + LEAST_PAIRS);
        }
        var out = Objects.requireNonNull(spec).commandLine().getOut();
        try (var file = options.open();
                var device = options.device()) {
            var names = entries.isEmpty() ? SyntheticRun.defaultEntries(file.manifest()) : entries;
            SyntheticRun.requireEntries(file.manifest(), names);
            Map<String, String> found = new LinkedHashMap<>();
            try (var program = device.load(file, names)) {
                options.fill(program, Recipe.of(file.manifest()));
                for (var name : names) {
                    var run = SyntheticRun.of(program, file.manifest().entry(name));
                    var result = Tuner.tune(program, run, new Tuner.Effort(warmup, trials, pairs));
                    if (result.choices() == 0) {
                        throw new CliException("there is nothing to tune in " + name + " on " + device.name()
                                + ": the program has one way to make each of its calls");
                    }
                    print(out, name, result);
                    result.options().forEach(found::putIfAbsent);
                }
            }
            var path = TuningFile.beside(file.path());
            new TuningFile(file.checksum(), device.description(), found).write(path);
            out.println("wrote " + path);
            out.flush();
        }
        return 0;
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
