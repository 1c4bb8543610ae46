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
import java.util.stream.IntStream;
import org.clipc.compiler.cost.Cost;
import org.clipc.compiler.jvm.JvmKernelCompiler;
import org.clipc.compiler.kernel.RenderedKernel;
import org.clipc.compiler.kernel.Target;
import org.clipc.compiler.pass.Pass;
import org.clipc.compiler.pass.PassPipeline;
import org.clipc.compiler.recompute.RecomputeReport;
import org.clipc.compiler.recompute.Rematerialize;
import org.clipc.compiler.shard.Shardings;
import org.clipc.ir.Graph;
import org.clipc.ir.text.GraphPrinter;
import org.clipc.program.EntryPoint;
import org.clipc.program.Manifest;
import org.clipc.program.Parameter;
import org.clipc.program.Program;
import org.clipc.program.Schedule;
import org.jspecify.annotations.Nullable;

/**
 * Compiles a model to a program: the entry points that it declares and, for training, {@code loss_grad} and
 * {@code train_step}. Equal models and options give equal programs.
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
    private final EntryPasses.Ranks ranks;
    private final Map<String, Map<String, RenderedKernel>> kernels = new TreeMap<>();
    private final List<CompiledEntry> entries = new ArrayList<>();
    private long renderNanos;
    private long javacNanos;

    private ProgramBuilder(ModelSource model, CompileOptions options, boolean withKernels) {
        this.model = model;
        this.options = options;
        this.withKernels = withKernels;
        var parallelism = options.parallelism();
        this.ranks = new EntryPasses.Ranks(
                parallelism,
                Shardings.held(model.parameters(), parallelism.mesh(), parallelism.distributedOptimizer()));
    }

    /** @throws Rematerialize.BudgetException if the training step cannot be brought within the memory budget */
    public static CompiledProgram build(ModelSource model, CompileOptions options) {
        return new ProgramBuilder(model, options, true).run();
    }

    /** Like {@link #build}, but the kernels are only counted: the program has none, and cannot run. */
    public static CompiledProgram plan(ModelSource model, CompileOptions options) {
        return new ProgramBuilder(model, options, false).run();
    }

    private CompiledProgram run() {
        var start = System.nanoTime();
        var sources = sources();
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
        var trains = options.training() && model.entryNames().contains(EntryPoint.LOSS);
        for (var name : model.entryNames()) {
            sources.add(source(name, model, name, false, 1, inference));
        }
        if (trains) {
            sources.add(source(EntryPoint.LOSS_GRAD, model, EntryPoint.LOSS, false, dataRanks, gradients));
            sources.add(source(EntryPoint.TRAIN_STEP, model, EntryPoint.LOSS, true, dataRanks, training));
        }
        model.forShorterTexts().forEach((length, shorter) -> {
            if (shorter.entryNames().contains(EntryPoint.ENCODE_TEXT)) {
                var name = EntryPoint.forTexts(EntryPoint.ENCODE_TEXT, length);
                sources.add(source(name, shorter, EntryPoint.ENCODE_TEXT, false, 1, inference));
            }
            if (trains) {
                var name = EntryPoint.forTexts(EntryPoint.TRAIN_STEP, length);
                sources.add(source(name, shorter, EntryPoint.LOSS, true, dataRanks, training));
            }
        });
        return sources;
    }

    private Source source(String name, ModelSource of, String entry, boolean training, int dataRanks, Passes passes) {
        var batch = entry.equals(EntryPoint.LOSS) ? options.microBatch() : options.inferenceBatch();
        var recomputed = new AtomicReference<@Nullable RecomputeReport>();
        return new Source(
                name,
                batch,
                of.entry(entry, Math.multiplyExact(batch, dataRanks), training, dataRanks),
                passes.telling(recomputed::set),
                new ArrayList<>(),
                recomputed);
    }

    private CompiledEntry compile(Source source) {
        source.seen().add(new Seen("elaborate", source.graph()));
        var pipeline = new PassPipeline(
                source.passes(),
                options.verifyEach(),
                (pass, graph) -> source.seen().add(new Seen(pass.name(), graph)));
        var passed = pipeline.run(source.graph());
        return CompiledEntry.compile(
                source.name(), source.batch(), passed, source.recomputed().get(), options.targets());
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
                        e.name(), e.passes(), Cost.flops(e.graph()), e.recompute(), e.launches(), e.plan()))
                .toList();
        var counts = new TreeMap<String, Integer>();
        kernels.forEach((target, byName) -> counts.put(target, byName.size()));
        return new CompileReport(reports, counts, renderNanos, javacNanos, nanos);
    }
}
