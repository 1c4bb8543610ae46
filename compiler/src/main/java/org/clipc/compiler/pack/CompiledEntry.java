package org.clipc.compiler.pack;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.clipc.compiler.kernel.RenderedKernel;
import org.clipc.compiler.kernel.Target;
import org.clipc.compiler.lower.LoweredGraph;
import org.clipc.compiler.lower.Step;
import org.clipc.compiler.memory.Interval;
import org.clipc.compiler.memory.Lifetimes;
import org.clipc.compiler.memory.MemoryPlan;
import org.clipc.compiler.memory.PlanMemory;
import org.clipc.compiler.pass.PassPipeline;
import org.clipc.compiler.recompute.RecomputeReport;
import org.clipc.ir.Graph;
import org.jspecify.annotations.Nullable;

/**
 * An entry point with its calls for every target and one memory plan for all of them, so that its inputs and outputs are
 * at the same places whatever runs it.
 *
 * @param recompute what the backward pass computes again; null if there is none
 * @param kernels by target and class name
 */
record CompiledEntry(
        String name,
        int batch,
        List<PassPipeline.Timing> passes,
        @Nullable RecomputeReport recompute,
        LoweredGraph lowered,
        List<TargetCalls> targets,
        Map<String, Map<String, RenderedKernel>> kernels,
        MemoryPlan plan) {

    static CompiledEntry compile(
            String name,
            int batch,
            PassPipeline.Result passed,
            @Nullable RecomputeReport recompute,
            boolean overlapped,
            List<Target> allTargets) {
        var lowered = EntryPasses.lower(passed.graph(), overlapped);
        var targets = new ArrayList<TargetCalls>();
        var kernels = new TreeMap<String, Map<String, RenderedKernel>>();
        for (var target : allTargets) {
            var byName = new TreeMap<String, RenderedKernel>();
            targets.add(TargetCalls.plan(target, lowered, byName));
            kernels.put(target.name(), byName);
        }
        return new CompiledEntry(
                name, batch, passed.timings(), recompute, lowered, targets, kernels, plan(lowered, targets));
    }

    private static MemoryPlan plan(LoweredGraph lowered, List<TargetCalls> targets) {
        var steps = lowered.steps().size();
        var intervals = new ArrayList<>(Lifetimes.of(lowered));
        for (var s = 0; s < steps; s++) {
            var step = s;
            var bytes = targets.stream()
                    .mapToLong(t -> t.temporaryBytes().get(step))
                    .max()
                    .orElse(0);
            if (bytes > 0) {
                intervals.add(new Interval(temporaries(lowered, s), "temporary", bytes, s, s));
            }
        }
        return PlanMemory.plan(intervals, steps);
    }

    /** Id, in the plan, of the block of a step's temporaries. */
    static int temporaries(LoweredGraph lowered, int step) {
        return lowered.buffers().size() + step;
    }

    Graph graph() {
        return lowered.graph();
    }

    int launches() {
        return (int) lowered.steps().stream()
                .filter(step -> !(step instanceof Step.Await))
                .count();
    }

    TargetCalls target(String target) {
        return targets.stream()
                .filter(t -> t.target().equals(target))
                .findFirst()
                .orElseThrow();
    }
}
