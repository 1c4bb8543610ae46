package org.clipc.runtime.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.clipc.runtime.model.Recipe;
import org.clipc.runtime.profile.ProfileTable;
import org.clipc.runtime.profile.Profiler;
import org.clipc.runtime.profile.TraceFile;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Shows where the time of an entry point goes. */
@Command(
        name = "profile",
        mixinStandardHelpOptions = true,
        description = "Measures an entry point kernel by kernel, against what the device could do at most.")
final class ProfileCommand implements Callable<Integer> {

    @Mixin
    private ProgramOptions options = new ProgramOptions();

    @Option(
            names = "--entry",
            paramLabel = "NAME",
            description = "The entry point; by default train_step if there is one, else encode_image.")
    private @Nullable String entry;

    @Option(names = "--iterations", description = "Measured runs (default ${DEFAULT-VALUE}).")
    private int iterations = 5;

    @Option(names = "--warmup", description = "Runs before, for the JIT compiler (default ${DEFAULT-VALUE}).")
    private int warmup = 5;

    @Option(
            names = "--trace",
            paramLabel = "FILE",
            description = "Also write every call's time, as a trace that https://ui.perfetto.dev opens.")
    private @Nullable Path trace;

    @Spec
    private @Nullable CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        if (iterations < 1 || warmup < 0) {
            throw new CliException("--iterations must be at least 1 and --warmup not negative");
        }
        try (var file = options.open();
                var device = options.device()) {
            var name =
                    entry == null ? SyntheticRun.defaultEntries(file.manifest()).getFirst() : entry;
            SyntheticRun.requireEntries(file.manifest(), List.of(name));
            try (var program = device.load(file, List.of(name))) {
                options.fill(program, Recipe.of(file.manifest()));
                var run = SyntheticRun.of(program, file.manifest().entry(name));
                var profile = Profiler.profile(file, program, device.description(), run, warmup, iterations);
                if (trace != null) {
                    TraceFile.write(trace, profile);
                }
                var out = Objects.requireNonNull(spec).commandLine().getOut();
                out.println(ProfileTable.of(profile));
                out.flush();
            }
        }
        return 0;
    }
}
