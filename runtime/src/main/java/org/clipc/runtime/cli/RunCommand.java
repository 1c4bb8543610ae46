package org.clipc.runtime.cli;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.clipc.program.EntryPoint;
import org.clipc.program.Manifest;
import org.clipc.program.TrainingStep;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.device.MasterWeights;
import org.clipc.runtime.device.MeshRank;
import org.clipc.runtime.device.ShardedProgram;
import org.clipc.runtime.model.MicroBatches;
import org.clipc.runtime.model.Recipe;
import org.clipc.runtime.tensor.HostTensor;
import org.clipc.runtime.tensor.SafetensorsFile;
import org.clipc.runtime.tensor.SafetensorsWriter;
import org.clipc.runtime.train.TrainStep;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Runs an entry point on tensors from a file. */
@Command(
        name = "run",
        mixinStandardHelpOptions = true,
        description = {
            "Runs an entry point on tensors from a file and writes its outputs, by name, to another.",
            "encode_image and encode_text take batches of any size, other entry points the size they are compiled for."
        })
final class RunCommand implements Callable<Integer> {

    private static final String IMAGE = EntryPoint.ENCODE_IMAGE;
    private static final String TEXT = EntryPoint.ENCODE_TEXT;

    @Mixin
    private ProgramOptions options = new ProgramOptions();

    @Mixin
    private ServingRanks ranks = new ServingRanks();

    @Option(names = "--entry", required = true, description = "Entry point, such as encode_image, encode_text or loss.")
    private String entry = "";

    @Option(
            names = "--inputs",
            required = true,
            paramLabel = "FILE",
            description = "Safetensors with the inputs, such as images and tokens (integers of any size).")
    private Path inputs = Path.of("");

    @Option(names = "--out", required = true, paramLabel = "FILE", description = "Safetensors to write.")
    private Path out = Path.of("");

    @Option(
            names = "--grad",
            description = "With --entry loss: also write the gradient of every parameter as grad.<name>.")
    private boolean grad;

    @Option(
            names = "--steps",
            paramLabel = "N",
            description = "With --entry loss: then take N optimizer steps on the batch and write the parameters as"
                    + " after<N>.<name>, and the loss before each step and after the last as step_losses.")
    private @Nullable Integer steps;

    @Option(names = "--lr", description = "Learning rate of --steps; the recipe's model.optim.lr by default.")
    private @Nullable Double lr;

    @Override
    public Integer call() throws IOException {
        try (var file = options.open()) {
            var manifest = file.manifest();
            checkOptions(manifest);
            ranks.run(manifest, this::run);
        }
        return 0;
    }

    private void run(MeshRank rank, int neighbours) throws IOException {
        try (var file = options.open();
                var device = options.device(rank, neighbours);
                var held = device.load(file, entriesNeeded(), rank);
                var tensors = SafetensorsFile.open(inputs)) {
            var recipe = Recipe.of(file.manifest());
            var program = MasterWeights.of(new ShardedProgram(held, rank), entriesNeeded());
            var manifest = program.manifest();
            var batch = TensorInputs.find(tensors, manifest, manifest.entry(entry), anyBatch());
            options.fill(program, recipe);
            var results = results(program, recipe, batch);
            if (rank.isFirst()) {
                results.writeTo(out);
            }
        }
    }

    private boolean anyBatch() {
        return entry.equals(IMAGE) || entry.equals(TEXT);
    }

    private void checkOptions(Manifest manifest) {
        if (!manifest.hasEntry(entry)) {
            throw new CliException("the program has no entry point '" + entry + "'; it has "
                    + manifest.entries().stream().map(EntryPoint::name).collect(Collectors.joining(", ")));
        }
        if ((grad || steps != null) && !entry.equals(EntryPoint.LOSS)) {
            throw new CliException("--grad and --steps need --entry loss, not --entry " + entry);
        }
        if (steps != null && steps < 1) {
            throw new CliException("--steps must be at least 1, not " + steps);
        }
        var mesh = manifest.mesh();
        if (grad && mesh.size() > 1) {
            throw new CliException(
                    "--grad needs whole gradients, which the %d ranks of this program do not gather: compile with trainer.devices=1"
                            .formatted(mesh.size()));
        }
        if (steps != null && mesh.data() > 1) {
            throw new CliException(
                    "--steps takes one batch, but this program's is divided among %d data-parallel ranks: compile with trainer.devices=%d"
                            .formatted(mesh.data(), mesh.tensor()));
        }
        for (var needed : entriesNeeded()) {
            if (!manifest.hasEntry(needed)) {
                var cut = TrainingStep.of(manifest).filter(step -> step.microBatches() > 1);
                throw new CliException(
                        "the program has no entry point '" + needed + "', which this needs: it was compiled "
                                + (cut.isPresent() ? "for several micro-batches in a step" : "for inference only"));
            }
        }
    }

    private List<String> entriesNeeded() {
        var needed = new ArrayList<>(List.of(entry));
        if (grad) {
            needed.add(EntryPoint.LOSS_GRAD);
        }
        if (steps != null) {
            needed.add(EntryPoint.TRAIN_STEP);
        }
        return needed;
    }

    private SafetensorsWriter results(DeviceProgram program, Recipe recipe, Map<String, HostTensor> batch) {
        var results = new LinkedHashMap<String, HostTensor>();
        if (anyBatch()) {
            results.putAll(MicroBatches.run(program, entry, batch));
        } else {
            keep(program.run(entry, batch), results);
        }
        if (grad) {
            keep(program.run(EntryPoint.LOSS_GRAD, batch), results);
        }
        if (steps != null) {
            takeSteps(program, recipe, batch, steps, results);
        }
        var writer = new SafetensorsWriter();
        results.forEach(writer::add);
        return writer;
    }

    /** Copies of tensors that end with the next run. */
    private static void keep(Map<String, HostTensor> outputs, Map<String, HostTensor> results) {
        outputs.forEach((name, tensor) -> results.put(name, tensor.convert(tensor.dtype(), Arena.ofAuto())));
    }

    private void takeSteps(
            DeviceProgram program,
            Recipe recipe,
            Map<String, HostTensor> batch,
            int count,
            Map<String, HostTensor> results) {
        var rate = lr != null
                ? lr
                : recipe.number("model.optim.lr")
                        .orElseThrow(() -> new CliException("the program's recipe has no model.optim.lr: give --lr"));
        var step = new TrainStep(program, options.seed(recipe));
        var losses = new float[count + 1];
        var norms = new float[count];
        for (var i = 0; i < count; i++) {
            var outcome = step.take(i + 1L, rate, batch);
            losses[i] = (float) outcome.loss();
            norms[i] = (float) outcome.gradNorm();
        }
        program.run(EntryPoint.LOSS, batch, List.of("loss"))
                .forEach((_, loss) -> losses[count] = (float) loss.getDouble(0));
        results.put("step_losses", HostTensor.of(losses, count + 1));
        results.put("grad_norms_before_clip", HostTensor.of(norms, count));
        for (var parameter : program.manifest().parameters()) {
            keep(Map.of("after" + count + "." + parameter.name(), program.read(parameter.name())), results);
        }
    }
}
