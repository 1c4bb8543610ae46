package org.clipc.compiler.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.clipc.compiler.accumulate.AccumulationException;
import org.clipc.compiler.config.ByteSize;
import org.clipc.compiler.config.Suggestion;
import org.clipc.compiler.elaborate.ElaboratedModel;
import org.clipc.compiler.elaborate.ElaborationException;
import org.clipc.compiler.explain.StepGraphs;
import org.clipc.compiler.pack.ProgramBuilder;
import org.clipc.compiler.pass.TensorSizeException;
import org.clipc.compiler.plan.Candidate;
import org.clipc.compiler.plan.Cluster;
import org.clipc.compiler.plan.Outcome;
import org.clipc.compiler.plan.PlanJson;
import org.clipc.compiler.plan.PlanText;
import org.clipc.compiler.plan.Planner;
import org.clipc.compiler.plan.Recompute.Mode;
import org.clipc.compiler.recompute.Rematerialize.BudgetException;
import org.clipc.ir.Graph;
import org.clipc.ir.Mesh;
import org.clipc.program.TrainingStep;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code clipc plan}: how to train a model on a cluster that is not here. */
@Command(
        name = "plan",
        description = "Finds how to train a model on a cluster: the ways to divide it that fit, the fastest first.",
        mixinStandardHelpOptions = true)
final class PlanCommand implements Callable<Integer> {

    private static final String CHECKPOINT = "activations_checkpoint_";
    private static final String YAML = ".yaml";
    private static final String GLOBAL_BATCH = "model.global_batch_size";

    @Mixin
    private ModelArguments model = new ModelArguments();

    @Option(names = "--gpus", paramLabel = "N", required = true, description = "How many GPUs train together.")
    private int gpus;

    @Option(
            names = "--gpu-memory",
            paramLabel = "SIZE",
            description = "Memory of a GPU, such as 80GiB (default: the cluster's).")
    private @Nullable String memory;

    @Option(
            names = "--cluster",
            paramLabel = "CLUSTER",
            defaultValue = "h100",
            description = "What the GPUs and their links can do: a YAML file, or the name of one in configs/clusters"
                    + " (default: ${DEFAULT-VALUE}).")
    private String cluster = "";

    @Option(
            names = "--global-batch",
            paramLabel = "N",
            description = "Samples of a step (default: model.global_batch_size; without it, whatever is fastest).")
    private @Nullable Integer globalBatch;

    @Option(
            names = "--top",
            paramLabel = "N",
            defaultValue = "10",
            description = "How many ways to list (default: ${DEFAULT-VALUE}).")
    private int top;

    @Option(
            names = "--all",
            description =
                    "Try everything, also what is slower than something that fits: micro-batches smaller than need"
                            + " be, and recomputation that is not needed.")
    private boolean all;

    @Option(names = "--json", description = "Print JSON instead of a table: more about each way.")
    private boolean json;

    @Override
    public Integer call() throws IOException {
        var console = model.console();
        var described = cluster();
        var loaded = model.load();
        var modes = modes(loaded);
        var plan = Planner.plan(
                described,
                gpus,
                globalBatch(loaded),
                modes,
                all,
                candidate -> compile(loaded, candidate, !modes.isEmpty()));
        var what = loaded.model().name() + " with " + loaded.recipe().described();
        console.out().print(json ? PlanJson.of(plan, loaded.model().name()) : PlanText.of(plan, what, top));
        console.out().flush();
        return Clipc.OK;
    }

    private Cluster cluster() throws IOException {
        var described = Cluster.read(clusterFile());
        if (gpus < 1 || (gpus > described.gpusPerNode() && gpus % described.gpusPerNode() != 0)) {
            throw new Failure("--gpus is %d, but must be positive and fill nodes, of which each has %d"
                    .formatted(gpus, described.gpusPerNode()));
        }
        if (gpus > Mesh.MOST_RANKS) {
            throw new Failure("--gpus is " + gpus + ", but must be at most " + Mesh.MOST_RANKS);
        }
        if (top < 1) {
            throw new Failure("--top is " + top + ", but must be at least 1");
        }
        if (memory != null) {
            var bytes = ByteSize.parse(memory);
            if (bytes == null) {
                throw new Failure("--gpu-memory must be a number of bytes such as 80GiB, not '" + memory + "'");
            }
            described = described.withMemory(bytes);
        }
        if (described.usable() <= 0) {
            throw new Failure("a GPU has %s of memory, of which the cluster reserves %s: there is nothing left"
                    .formatted(ByteSize.format(described.memory()), ByteSize.format(described.reserved())));
        }
        return described;
    }

    /** A file; or the name of one of those that come with clipc. */
    private Path clusterFile() throws IOException {
        var path = Path.of(cluster);
        var home = System.getProperty("clipc.home");
        if (home == null || cluster.contains(".") || path.getNameCount() > 1) {
            return path;
        }
        var folder = Path.of(home).resolve("configs").resolve("clusters");
        var known = folder.resolve(cluster + YAML);
        if (!Files.isRegularFile(known)) {
            throw new Failure("there is no cluster '" + cluster + "'" + Suggestion.among(cluster, names(folder)));
        }
        return known;
    }

    private static List<String> names(Path folder) throws IOException {
        try (var files = Files.list(folder)) {
            return files.map(file -> String.valueOf(file.getFileName()))
                    .filter(name -> name.endsWith(YAML))
                    .map(name -> name.substring(0, name.length() - YAML.length()))
                    .sorted()
                    .toList();
        }
    }

    private OptionalInt globalBatch(LoadedModel loaded) {
        if (globalBatch != null) {
            if (globalBatch < 1) {
                throw new Failure("--global-batch is " + globalBatch + ", but must be at least 1");
            }
            return OptionalInt.of(globalBatch);
        }
        return loaded.recipe().values().get(GLOBAL_BATCH) instanceof Long samples
                ? OptionalInt.of(Math.toIntExact(samples))
                : OptionalInt.empty();
    }

    /** The modes of recomputation that a model has, beside none. */
    private static List<Mode> modes(LoadedModel loaded) {
        for (var setting : loaded.recipe().modelSettings().entrySet()) {
            if (setting.getKey().contains("." + CHECKPOINT)
                    && setting.getValue().value() != null) {
                throw new Failure(
                        "plan tries what is computed again, for all towers alike: take back what is said of one by adding model.%s="
                                .formatted(setting.getKey()));
            }
        }
        return hasModes(loaded.model()) ? List.of(Mode.SELECTIVE, Mode.FULL) : List.of();
    }

    private static boolean hasModes(ElaboratedModel model) {
        return model.configSchema().stream().anyMatch(key -> key.path().contains(CHECKPOINT));
    }

    /** What the same recipe gives with the overrides of a candidate, by the same passes. */
    private Outcome compile(LoadedModel planned, Candidate candidate, boolean hasModes) {
        var keys = new ArrayList<>(List.of("model.text_lengths=[]"));
        candidate.overrides().stream()
                .filter(override -> hasModes || !override.contains(CHECKPOINT))
                .forEach(keys::add);
        try {
            var recipe = model.recipe(planned, keys);
            if (!recipe.problems().isEmpty()) {
                return new Outcome.Refused(recipe.problems().getFirst());
            }
            var elaborated = model.elaborate(planned, recipe).orThrow();
            var loaded = new LoadedModel(planned.file(), elaborated, new TreeMap<>(), recipe);
            var graphs = new HashMap<String, Graph>();
            var settings = CompileSettings.planned(loaded).toBuilder()
                    .observer((entry, _, graph) -> graphs.put(entry, graph))
                    .build();
            var program = ProgramBuilder.planStep(loaded.source(), settings);
            return TrainingStep.of(program.program().manifest())
                    .<Outcome>map(step -> new Outcome.Step(StepGraphs.of(step, graphs), program))
                    .orElse(new Outcome.Refused("the model has no entry point 'loss' to train with"));
        } catch (BudgetException | TensorSizeException _) {
            return new Outcome.TooLarge();
        } catch (Failure | AccumulationException e) {
            return new Outcome.Refused(String.valueOf(e.getMessage()));
        } catch (ElaborationException e) {
            return new Outcome.Refused(e.diagnostics().getFirst().message());
        }
    }
}
