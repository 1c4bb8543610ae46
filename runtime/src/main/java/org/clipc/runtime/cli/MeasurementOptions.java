package org.clipc.runtime.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.Objects;
import org.clipc.program.ProgramFile;
import org.clipc.program.TrainingStep;
import org.clipc.runtime.device.Device;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.device.MasterWeights;
import org.clipc.runtime.device.MeshRank;
import org.clipc.runtime.device.ShardedProgram;
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
            description = "Entry points; by default those of a training step if there is one, else encode_image and"
                    + " encode_text.")
    private List<String> entries = List.of();

    @Option(names = "--warmup", description = "Runs before, for the JIT compiler (default ${DEFAULT-VALUE}).")
    private int warmup = 5;

    @Spec(Spec.Target.MIXEE)
    private @Nullable CommandSpec spec;

    /** A loaded program with its parameters filled, of one of the ranks that run it together. */
    record Loaded(ProgramFile file, Device device, DeviceProgram program, List<String> entries, MeshRank rank) {

        /** Each run of it runs the entry point once, on the same synthetic batch. */
        Runnable run(String entry) {
            return SyntheticRun.of(program, file.manifest().entry(entry));
        }

        /** Whether a training step is loaded that several entry points make. */
        boolean isCutStep() {
            var step = TrainingStep.of(file.manifest());
            return step.isPresent()
                    && step.get().entries().size() > 1
                    && entries.containsAll(step.get().entries());
        }
    }

    /** What a command does with it. */
    interface Measurement {
        void take(Loaded loaded) throws IOException;
    }

    /** Loads the program, takes the measurement and closes the program again: on each of the ranks that it is for. */
    void load(Measurement measurement) throws IOException {
        if (warmup < 0) {
            throw new CliException("--warmup must not be negative");
        }
        try (var file = options.open()) {
            RankLauncher.run(file.manifest().mesh(), 0, (rank, neighbours) -> load(measurement, rank, neighbours));
        }
    }

    private void load(Measurement measurement, MeshRank rank, int neighbours) throws IOException {
        try (var file = options.open();
                var device = options.device(rank, neighbours)) {
            var names = entries.isEmpty() ? SyntheticRun.defaultEntries(file.manifest()) : entries;
            SyntheticRun.requireEntries(file.manifest(), names);
            try (var held = device.load(file, names, rank)) {
                var program = MasterWeights.of(new ShardedProgram(held, rank), names);
                options.fill(program, Recipe.of(file.manifest()));
                measurement.take(new Loaded(file, device, program, names, rank));
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
