package org.clipc.runtime.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.clipc.runtime.profile.ProfileTable;
import org.clipc.runtime.profile.Profiler;
import org.clipc.runtime.profile.TraceFile;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Shows where the time of entry points goes. */
@Command(
        name = "profile",
        mixinStandardHelpOptions = true,
        description = "Measures entry points kernel by kernel, against what the device could do at most.")
final class ProfileCommand implements Callable<Integer> {

    @Mixin
    private MeasurementOptions options = new MeasurementOptions();

    @Option(names = "--iterations", description = "Measured runs (default ${DEFAULT-VALUE}).")
    private int iterations = 5;

    @Option(
            names = "--trace",
            paramLabel = "FILE",
            description = "Also write every call's time, as a trace that https://ui.perfetto.dev opens.")
    private @Nullable Path trace;

    @Override
    public Integer call() throws IOException {
        if (iterations < 1) {
            throw new CliException("--iterations must be at least 1");
        }
        options.load(this::profile);
        return 0;
    }

    private void profile(MeasurementOptions.Loaded loaded) throws IOException {
        if (trace != null && loaded.entries().size() > 1) {
            throw new CliException(
                    "--trace holds one entry point; choose it by --entry: " + String.join(", ", loaded.entries()));
        }
        for (var name : loaded.entries()) {
            var profile = Profiler.profile(
                    loaded.file(),
                    loaded.program(),
                    loaded.device().description(),
                    loaded.run(name),
                    options.warmup(),
                    iterations);
            // The others run beside it.
            if (!loaded.rank().isFirst()) {
                continue;
            }
            if (trace != null) {
                TraceFile.write(trace, profile);
            }
            options.out().println(ProfileTable.of(profile));
            options.out().flush();
        }
    }
}
