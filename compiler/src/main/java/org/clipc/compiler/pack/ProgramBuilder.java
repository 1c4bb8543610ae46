package org.clipc.compiler.pack;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.clipc.compiler.cost.Cost;
import org.clipc.compiler.jvm.JvmKernelCompiler;
import org.clipc.compiler.kernel.RenderedKernel;
import org.clipc.compiler.kernel.Target;
import org.clipc.compiler.pass.Pass;
import org.clipc.compiler.recompute.Rematerialize;
import org.clipc.ir.text.GraphPrinter;
import org.clipc.program.EntryPoint;
import org.clipc.program.Manifest;
import org.clipc.program.Parameter;
import org.clipc.program.Program;
import org.clipc.program.Schedule;

/**
 * Compiles a model to a program: the entry points that it declares and, for training, {@code loss_grad} and
 * {@code train_step}. Equal models and options give equal programs.
 */
public final class ProgramBuilder {

    private final ModelSource model;
    private final CompileOptions options;
    private final boolean withKernels;
    private final Map<String, Map<String, RenderedKernel>> kernels = new TreeMap<>();
    private final List<CompiledEntry> entries = new ArrayList<>();
    private long renderNanos;
    private long javacNanos;

    private ProgramBuilder(ModelSource model, CompileOptions options, boolean withKernels) {
        this.model = model;
        this.options = options;
        this.withKernels = withKernels;
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
        var attention = options.targets().stream().allMatch(Target::hasAttention);
        var parameters = model.parameters();
        var gradients = EntryPasses.gradients(parameters, options.memoryBudget(), attention);
        var training = EntryPasses.training(parameters, options.optimizer(), options.memoryBudget(), attention);
        var trains = options.training() && model.entryNames().contains(EntryPoint.LOSS);
        for (var name : model.entryNames()) {
            entry(name, model, name, false, EntryPasses.inference(attention));
        }
        if (trains) {
            entry(EntryPoint.LOSS_GRAD, model, EntryPoint.LOSS, false, gradients);
            entry(EntryPoint.TRAIN_STEP, model, EntryPoint.LOSS, true, training);
        }
        model.forShorterTexts().forEach((length, shorter) -> {
            if (shorter.entryNames().contains(EntryPoint.ENCODE_TEXT)) {
                var name = EntryPoint.forTexts(EntryPoint.ENCODE_TEXT, length);
                entry(name, shorter, EntryPoint.ENCODE_TEXT, false, EntryPasses.inference(attention));
            }
            if (trains) {
                var name = EntryPoint.forTexts(EntryPoint.TRAIN_STEP, length);
                entry(name, shorter, EntryPoint.LOSS, true, training);
            }
        });
        var program = program();
        return new CompiledProgram(program, report(System.nanoTime() - start));
    }

    private void entry(String name, ModelSource of, String source, boolean training, List<Pass> passes) {
        var batch = source.equals(EntryPoint.LOSS) ? options.microBatch() : options.inferenceBatch();
        var graph = of.entry(source, batch, training);
        options.observer().after(name, "elaborate", graph);
        var passed = EntryPasses.pipeline(name, passes, options).run(graph);
        entries.add(CompiledEntry.compile(name, batch, passed, options, kernels));
    }

    private Program program() {
        var layout = new ArenaLayout(model.parameters(), entries);
        var sources = new LinkedHashMap<String, String>();
        var classes = new LinkedHashMap<String, byte[]>();
        if (withKernels) {
            kernels.forEach((target, byName) -> compile(target, byName, classes, sources));
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
                model.parameters().stream().map(p -> placed(p, layout)).toList(),
                layout.state(),
                entries.stream().map(layout::entryPoint).toList(),
                layout.parameterBytes(),
                layout.workspaceBytes(),
                layout.stateBytes(),
                options.targets().stream().map(Target::name).toList(),
                Map.of());
        return new Program(manifest, graphs, schedules, classes, options.keepSources() ? sources : Map.of());
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
                layout.parameter(p.name()));
    }

    private void compile(
            String target,
            Map<String, RenderedKernel> byName,
            Map<String, byte[]> classes,
            Map<String, String> sources) {
        var start = System.nanoTime();
        var rendered = new TreeMap<String, String>();
        byName.forEach((name, kernel) -> rendered.put(name, kernel.source().get()));
        var afterRendering = System.nanoTime();
        JvmKernelCompiler.compile(rendered).forEach((name, bytes) -> classes.put(key(target, name), bytes));
        rendered.forEach((name, source) -> sources.put(key(target, name), source));
        renderNanos += afterRendering - start;
        javacNanos += System.nanoTime() - afterRendering;
    }

    private static String key(String target, String className) {
        return target + "/" + className.substring(className.lastIndexOf('.') + 1);
    }

    private CompileReport report(long nanos) {
        var reports = entries.stream()
                .map(e -> new CompileReport.EntryReport(
                        e.name(),
                        e.passes(),
                        Cost.flops(e.graph()),
                        Rematerialize.recomputedFlops(e.graph()),
                        e.launches(),
                        e.plan()))
                .toList();
        var counts = new TreeMap<String, Integer>();
        kernels.forEach((target, byName) -> counts.put(target, byName.size()));
        return new CompileReport(reports, counts, renderNanos, javacNanos, nanos);
    }
}
