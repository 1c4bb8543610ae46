package org.clipc.compiler.pack;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.clipc.compiler.accumulate.AccumulationException;
import org.clipc.compiler.cost.Work;
import org.clipc.compiler.jvm.JvmKernelCompiler;
import org.clipc.compiler.kernel.RenderedKernel;
import org.clipc.compiler.kernel.Target;
import org.clipc.compiler.pass.Pass;
import org.clipc.compiler.pass.PassPipeline;
import org.clipc.compiler.recompute.RecomputeReport;
import org.clipc.compiler.recompute.Rematerialize;
import org.clipc.ir.Graph;
import org.clipc.ir.TensorType;
import org.clipc.ir.text.GraphPrinter;
import org.clipc.program.EntryPoint;
import org.clipc.program.Manifest;
import org.clipc.program.Parameter;
import org.clipc.program.Program;
import org.clipc.program.Schedule;
import org.clipc.program.TrainingStep;
import org.jspecify.annotations.Nullable;

/**
 * Compiles a model to a program: the entry points that it declares and, for training, {@code train_step} or its parts, and
 * for one rank {@code loss_grad}: gathered from several, gradients would take most of their memory. Equal models and
 * options give equal programs.
 */
public final class ProgramBuilder {

    /**
     * An entry point to compile.
     *
     * @param seen filled by its compilation: what the observer is then shown, in the order of entry points
     * @param recomputed filled likewise: what its backward pass computes again
     */
    private record Source(
            String name,
            int batch,
            Graph graph,
            List<Pass> passes,
            List<Seen> seen,
            AtomicReference<@Nullable RecomputeReport> recomputed) {}

    /** How an entry point is compiled, which tells what it computes again. */
    @FunctionalInterface
    private interface Passes {
        List<Pass> telling(Consumer<RecomputeReport> told);
    }

    private record Seen(String pass, Graph graph) {}

    private final ModelSource model;
    private final CompileOptions options;
    private final boolean withKernels;
    private final Predicate<String> wanted;
    private final EntryPasses.Ranks ranks;
    private final Map<String, Map<String, RenderedKernel>> kernels = new TreeMap<>();
    private final List<CompiledEntry> entries = new ArrayList<>();
    private long renderNanos;
    private long javacNanos;

    private ProgramBuilder(ModelSource model, CompileOptions options, boolean withKernels, Predicate<String> wanted) {
        this.model = model;
        this.options = options;
        this.withKernels = withKernels;
        this.wanted = wanted;
        this.ranks = EntryPasses.Ranks.of(model, options);
    }

    /** @throws Rematerialize.BudgetException if the training step cannot be brought within the memory budget */
    public static CompiledProgram build(ModelSource model, CompileOptions options) {
        return new ProgramBuilder(model, options, true, _ -> true).run();
    }

    /** Like {@link #build}, but the kernels are only counted: the program has none, and cannot run. */
    public static CompiledProgram plan(ModelSource model, CompileOptions options) {
        return new ProgramBuilder(model, options, false, _ -> true).run();
    }

    /** Like {@link #plan}, for the entry points of a training step alone. */
    public static CompiledProgram planStep(ModelSource model, CompileOptions options) {
        return new ProgramBuilder(model, options, false, TrainingStep::needsState).run();
    }

    private CompiledProgram run() {
        var start = System.nanoTime();
        var sources =
                sources().stream().filter(source -> wanted.test(source.name())).toList();
        try {
            entries.addAll(sources.parallelStream().map(this::compile).toList());
        } finally {
            sources.forEach(source ->
                    source.seen().forEach(seen -> options.observer().after(source.name(), seen.pass(), seen.graph())));
        }
        for (var entry : entries) {
            entry.kernels()
                    .forEach((target, byName) -> kernels.computeIfAbsent(target, _ -> new TreeMap<>())
                            .putAll(byName));
        }
        for (var target : options.targets()) {
            target.runtimeKernels()
                    .forEach(kernel -> kernels.computeIfAbsent(target.name(), _ -> new TreeMap<>())
                            .put(kernel.className(), kernel));
        }
        var program = program();
        return new CompiledProgram(program, report(System.nanoTime() - start));
    }

    /** What there is to compile. Entry points share nothing, so they are compiled at once. */
    private List<Source> sources() {
        var sources = new ArrayList<Source>();
        var parameters = model.parameters();
        Passes inference = _ -> EntryPasses.inference(ranks);
        Passes gradients = told -> EntryPasses.gradients(parameters, ranks, options.memoryBudget(), told);
        Passes training =
                told -> EntryPasses.training(parameters, options.optimizer(), ranks, options.memoryBudget(), told);
        var dataRanks = options.parallelism().mesh().data();
        var accumulates = options.microBatches() > 1;
        var trains = options.training() && model.entryNames().contains(EntryPoint.LOSS);
        for (var name : model.entryNames()) {
            sources.add(source(name, model, name, false, 1, inference));
        }
        if (trains) {
            if (options.parallelism().mesh().size() == 1) {
                sources.add(source(EntryPoint.LOSS_GRAD, model, EntryPoint.LOSS, false, dataRanks, gradients));
            }
            if (accumulates) {
                sources.addAll(phases());
            } else {
                sources.add(source(EntryPoint.TRAIN_STEP, model, EntryPoint.LOSS, true, dataRanks, training));
            }
        }
        model.forShorterTexts().forEach((length, shorter) -> {
            if (shorter.entryNames().contains(EntryPoint.ENCODE_TEXT)) {
                var name = EntryPoint.forTexts(EntryPoint.ENCODE_TEXT, length);
                sources.add(source(name, shorter, EntryPoint.ENCODE_TEXT, false, 1, inference));
            }
            if (trains && accumulates) {
                sources.addAll(shorterPhases(shorter, length));
            } else if (trains) {
                var name = EntryPoint.forTexts(EntryPoint.TRAIN_STEP, length);
                sources.add(source(name, shorter, EntryPoint.LOSS, true, dataRanks, training));
            }
        });
        return sources;
    }

    /** Those of a training step of several micro-batches. */
    private List<Source> phases() {
        var budget = options.memoryBudget();
        var micro = options.microBatch();
        var whole = Math.multiplyExact(micro, options.microBatches());
        return List.of(
                phase(EntryPoint.TRAIN_FEATURES, micro, model, _ -> EntryPasses.features(steps())),
                phase(EntryPoint.TRAIN_LOSS, whole, model, told -> EntryPasses.loss(steps(), budget, told)),
                phase(
                        EntryPoint.TRAIN_BACKWARD,
                        micro,
                        model,
                        told -> EntryPasses.samplesBackward(steps(), budget, told)),
                phase(EntryPoint.TRAIN_UPDATE, whole, model, _ -> EntryPasses.update(steps(), options.optimizer())));
    }

    /** What of a step sees texts, for shorter ones. */
    private List<Source> shorterPhases(ModelSource shorter, int length) {
        if (!features(shorter).equals(features(model))) {
            throw new AccumulationException(
                    "model.text_lengths has %d, but what the loss sees of a text depends on how many tokens it has: leave model.text_lengths out, or set model.global_batch_size to model.micro_batch_size times the number of data-parallel ranks"
                            .formatted(length));
        }
        var micro = options.microBatch();
        return List.of(
                phase(
                        EntryPoint.forTexts(EntryPoint.TRAIN_FEATURES, length),
                        micro,
                        shorter,
                        _ -> EntryPasses.features(steps())),
                phase(
                        EntryPoint.forTexts(EntryPoint.TRAIN_BACKWARD, length),
                        micro,
                        shorter,
                        told -> EntryPasses.samplesBackward(steps(), options.memoryBudget(), told)));
    }

    private List<TensorType> features(ModelSource of) {
        return steps().of(wholeLoss(of)).features();
    }

    private EntryPasses.Steps steps() {
        return new EntryPasses.Steps(model.parameters(), ranks, wholeBatch(), options.microBatches());
    }

    /** Samples of all ranks in a training step. */
    private int wholeBatch() {
        var ranksOfBatch = options.parallelism().mesh().data();
        return Math.multiplyExact(Math.multiplyExact(options.microBatch(), options.microBatches()), ranksOfBatch);
    }

    private Graph wholeLoss(ModelSource of) {
        return of.entry(
                EntryPoint.LOSS,
                wholeBatch(),
                true,
                options.parallelism().mesh().data());
    }

    private Source phase(String name, int batch, ModelSource of, Passes passes) {
        return source(name, batch, wholeLoss(of), passes);
    }

    private Source source(String name, ModelSource of, String entry, boolean training, int dataRanks, Passes passes) {
        var batch = entry.equals(EntryPoint.LOSS) ? options.microBatch() : options.inferenceBatch();
        return source(name, batch, of.entry(entry, Math.multiplyExact(batch, dataRanks), training, dataRanks), passes);
    }

    private static Source source(String name, int batch, Graph graph, Passes passes) {
        var recomputed = new AtomicReference<@Nullable RecomputeReport>();
        return new Source(name, batch, graph, passes.telling(recomputed::set), new ArrayList<>(), recomputed);
    }

    private CompiledEntry compile(Source source) {
        source.seen().add(new Seen("elaborate", source.graph()));
        var pipeline = new PassPipeline(
                source.passes(),
                options.verifyEach(),
                (pass, graph) -> source.seen().add(new Seen(pass.name(), graph)));
        var passed = pipeline.run(source.graph());
        return CompiledEntry.compile(
                source.name(),
                source.batch(),
                passed,
                source.recomputed().get(),
                options.parallelism().overlapped(),
                options.targets());
    }

    private Program program() {
        var layout = new ArenaLayout(ranks.held(), entries);
        var sources = new LinkedHashMap<String, String>();
        var prebuilt = new LinkedHashMap<String, String>();
        var classes = new LinkedHashMap<String, byte[]>();
        if (withKernels) {
            compile(classes, sources);
            prebuild(sources, prebuilt);
        }
        var graphs = new LinkedHashMap<String, String>();
        var schedules = new ArrayList<Schedule>();
        for (var entry : entries) {
            graphs.put(entry.name(), GraphPrinter.print(entry.graph()));
            for (var target : options.targets()) {
                schedules.add(layout.schedule(entry, target.name()));
            }
        }
        var manifest = new Manifest(
                Manifest.FORMAT_VERSION,
                model.name(),
                options.config(),
                options.parallelism().mesh(),
                ranks.held().stream().map(p -> placed(p, layout)).toList(),
                layout.state(),
                layout.carried(),
                entries.stream().map(layout::entryPoint).toList(),
                layout.parameterBytes(),
                layout.workspaceBytes(),
                layout.stateBytes(),
                options.targets().stream().map(Target::name).toList(),
                Map.of());
        return new Program(
                manifest,
                graphs,
                schedules,
                classes,
                prebuilt,
                options.keepSources() ? kept(sources, classes) : Map.of());
    }

    /** Sources of the kernels that have classes; the others are in the program as they are. */
    private static Map<String, String> kept(Map<String, String> sources, Map<String, byte[]> classes) {
        var kept = new LinkedHashMap<>(sources);
        kept.keySet().retainAll(classes.keySet());
        return kept;
    }

    private static Parameter placed(Parameter p, ArenaLayout layout) {
        return new Parameter(
                p.name(),
                p.type(),
                p.initializer(),
                p.decay(),
                p.trainable(),
                p.clamp(),
                p.shardAxis(),
                p.shardParts(),
                p.stateAxis(),
                layout.parameter(p.name()));
    }

    /** Targets share nothing, so they are made at once: javac takes most of the time of compiling, and one core each. */
    private void compile(Map<String, byte[]> classes, Map<String, String> sources) {
        var start = System.nanoTime();
        var targets = List.copyOf(kernels.keySet());
        var rendered = targets.parallelStream()
                .map(target -> render(Objects.requireNonNull(kernels.get(target))))
                .toList();
        var afterRendering = System.nanoTime();
        var compiled = IntStream.range(0, targets.size())
                .parallel()
                .mapToObj(i -> JvmKernelCompiler.compile(
                        withClass(targets.get(i), rendered.get(i)), classPath(targets.get(i))))
                .toList();
        for (var i = 0; i < targets.size(); i++) {
            var target = targets.get(i);
            compiled.get(i).forEach((name, bytes) -> classes.put(key(target, name), bytes));
            rendered.get(i).forEach((name, source) -> sources.put(key(target, name), source));
        }
        renderNanos = afterRendering - start;
        javacNanos = System.nanoTime() - afterRendering;
    }

    private Map<String, String> withClass(String target, Map<String, String> rendered) {
        var byName = Objects.requireNonNull(kernels.get(target));
        var sources = new TreeMap<>(rendered);
        sources.keySet()
                .removeIf(name -> !Objects.requireNonNull(byName.get(name)).hasClass());
        return sources;
    }

    /** Prints kernels in the language of the target's devices. */
    private void prebuild(Map<String, String> sources, Map<String, String> prebuilt) {
        kernels.forEach((target, byName) -> byName.forEach((name, kernel) -> {
            var printer = kernel.prebuilt();
            if (printer != null) {
                var key = key(target, name);
                prebuilt.put(key, printer.apply(Objects.requireNonNull(sources.get(key))));
            }
        }));
    }

    private List<Path> classPath(String target) {
        return options.targets().stream()
                .filter(t -> t.name().equals(target))
                .findFirst()
                .orElseThrow()
                .classPath();
    }

    private static Map<String, String> render(Map<String, RenderedKernel> kernels) {
        var sources = new TreeMap<String, String>();
        kernels.forEach((name, kernel) -> sources.put(name, kernel.source().get()));
        return sources;
    }

    private static String key(String target, String className) {
        return target + "/" + className.substring(className.lastIndexOf('.') + 1);
    }

    private CompileReport report(long nanos) {
        var reports = entries.stream()
                .map(e -> new CompileReport.EntryReport(
                        e.name(), e.passes(), Work.of(e.graph()), e.recompute(), e.launches(), e.plan()))
                .toList();
        var counts = new TreeMap<String, Integer>();
        kernels.forEach((target, byName) -> counts.put(target, byName.size()));
        return new CompileReport(reports, counts, renderNanos, javacNanos, nanos);
    }
}
