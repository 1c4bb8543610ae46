package org.clipc.runtime.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.Objects;
import org.clipc.program.ProgramFile;
import org.clipc.runtime.device.Device;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.model.Recipe;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** What is measured, and how warm: the options that all commands have which measure entry points on synthetic data. */
final class MeasurementOptions {

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

    @Spec(Spec.Target.MIXEE)
    private @Nullable CommandSpec spec;

    /** A loaded program with its parameters filled. */
    record Loaded(ProgramFile file, Device device, DeviceProgram program, List<String> entries) {

        /** Each run of it runs the entry point once, on the same synthetic batch. */
        Runnable run(String entry) {
            return SyntheticRun.of(program, file.manifest().entry(entry));
        }
    }

    /** What a command does with it. */
    interface Measurement {
        void take(Loaded loaded) throws IOException;
    }

    /** Loads the program, takes the measurement and closes the program again. */
    void load(Measurement measurement) throws IOException {
        if (warmup < 0) {
            throw new CliException("--warmup must not be negative");
        }
        try (var file = options.open();
                var device = options.device()) {
            var names = entries.isEmpty() ? SyntheticRun.defaultEntries(file.manifest()) : entries;
            SyntheticRun.requireEntries(file.manifest(), names);
            try (var program = device.load(file, names)) {
                options.fill(program, Recipe.of(file.manifest()));
                measurement.take(new Loaded(file, device, program, names));
            }
        }
    }

    int warmup() {
        return warmup;
    }

    PrintWriter out() {
        return Objects.requireNonNull(spec).commandLine().getOut();
    }
}
