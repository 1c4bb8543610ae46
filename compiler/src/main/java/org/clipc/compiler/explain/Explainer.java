package org.clipc.compiler.explain;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.clipc.compiler.elaborate.ElaboratedModel;
import org.clipc.compiler.pack.CompileOptions;
import org.clipc.compiler.pack.CompileReport;
import org.clipc.compiler.pack.CompiledProgram;
import org.clipc.compiler.pack.ModelSource;
import org.clipc.compiler.pack.ProgramBuilder;
import org.clipc.ir.Graph;
import org.clipc.program.AwaitCall;
import org.clipc.program.EntryPoint;
import org.clipc.program.KernelCall;
import org.clipc.program.Manifest;
import org.clipc.program.Schedule;
import org.clipc.program.TrainingStep;
import org.jspecify.annotations.Nullable;

/** Counts what a model takes: compiles it up to its kernels, which are not made. */
public final class Explainer {

    /** Modules within modules that get a line of their own. */
    private static final int DEPTH = 2;

    private final ElaboratedModel model;
    private final Map<String, Graph> graphs;
    private final CompiledProgram planned;

    private Explainer(ElaboratedModel model, Map<String, Graph> graphs, CompiledProgram planned) {
        this.model = model;
        this.graphs = graphs;
        this.planned = planned;
    }

    /** Compiles as {@code options} say, with the first of their targets. */
    public static Explainer of(ElaboratedModel model, CompileOptions options) {
        var graphs = new HashMap<String, Graph>();
        var observed = options.toBuilder()
                .observer((entry, _, graph) -> graphs.put(entry, graph))
                .build();
        var planned = ProgramBuilder.plan(ModelSource.of(model), observed);
        return new Explainer(model, graphs, planned);
    }

    /** @param recipe what configured the model, for the heading */
    public Explanation explain(String recipe) {
        var towers = Towers.of(model);
        var work = step().map(step -> StepGraphs.of(step, graphs)).orElse(new StepGraphs(List.of()));
        return new Explanation(
                model.name(),
                recipe,
                towers.count(),
                new Explanation.Flops(towers.imageFlops(), towers.textFlops(), work.flops()),
                training(),
                RecomputeText.ofStep(planned.report()).orElse(null),
                work.communication(),
                kernels(planned.program().schedules()),
                planned.report().entries().stream().map(this::entry).toList(),
                PassTimes.milliseconds(planned.report()),
                towers.modules().rows(DEPTH));
    }

    private Optional<TrainingStep> step() {
        return TrainingStep.of(planned.program().manifest());
    }

    private Explanation.@Nullable Training training() {
        Manifest manifest = planned.program().manifest();
        return step().map(step -> new Explanation.Training(
                        step.microBatch(),
                        step.microBatches(),
                        manifest.mesh().size(),
                        manifest.arenaBytes(),
                        manifest.parameterBytes(),
                        manifest.stateBytes() - manifest.carriedBytes(),
                        manifest.carriedBytes(),
                        manifest.workspaceBytes()))
                .orElse(null);
    }

    private Explanation.Entry entry(CompileReport.EntryReport report) {
        var schedules = planned.program().schedules().stream()
                .filter(s -> s.entry().equals(report.entry()))
                .limit(1)
                .toList();
        var graph = graphs.get(report.entry());
        return new Explanation.Entry(
                report.entry(),
                planned.program().manifest().entry(report.entry()).batch(),
                graph == null ? 0 : graph.nodes().size(),
                (int) schedules.stream()
                        .flatMap(s -> s.calls().stream())
                        .filter(call -> !(call instanceof AwaitCall))
                        .count(),
                kernels(schedules),
                report.plan().bytes());
    }

    private static int kernels(List<Schedule> schedules) {
        return (int) schedules.stream()
                .flatMap(s -> s.kernelCalls().stream())
                .map(KernelCall::kernel)
                .distinct()
                .count();
    }

    /** Names of the entry points that are planned. */
    public List<String> entries() {
        return planned.report().entries().stream()
                .map(CompileReport.EntryReport::entry)
                .toList();
    }

    /** The entry point whose memory matters most: the training step, or what of it keeps activations; else the last one. */
    public String largest() {
        var names = entries();
        return Stream.of(EntryPoint.TRAIN_BACKWARD, EntryPoint.TRAIN_STEP)
                .filter(names::contains)
                .findFirst()
                .orElse(names.getLast());
    }

    /** The memory plan of an entry point as SVG. */
    public String memoryChart(String entry) {
        var wanted = planned.report().entries().stream()
                .filter(r -> r.entry().equals(entry))
                .findFirst()
                .orElseThrow();
        return MemoryPicture.of(wanted);
    }
}
