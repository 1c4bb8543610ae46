package org.clipc.runtime.device;

import static org.clipc.runtime.device.TornadoTypes.call;
import static org.clipc.runtime.device.TornadoTypes.create;

import java.lang.reflect.Array;
import java.util.List;
import java.util.Map;
import org.clipc.runtime.device.TornadoVm.DeviceInfo;

/** Graphs that share their arrays, on one device. */
public final class TornadoPlan implements AutoCloseable {

    private final TornadoTypes types;
    private final Object plan;
    private final List<TornadoGraph> graphs;

    public TornadoPlan(TornadoVm vm, List<TornadoGraph> graphs, DeviceInfo on) {
        types = vm.types();
        this.graphs = List.copyOf(graphs);
        var snapshots = Array.newInstance(types.immutableTaskGraph, graphs.size());
        for (var i = 0; i < graphs.size(); i++) {
            Array.set(snapshots, i, graphs.get(i).snapshot());
        }
        plan = create(types.executionPlan, snapshots);
        call(plan, types.executionPlan, "withDevice", List.of(types.device), on.device());
    }

    /**
     * Has CUDA devices run graphs that have not run yet as graphs of CUDA: captured the first time, and replayed from
     * then on.
     */
    public void captureGraphs() {
        call(plan, types.executionPlan, "withCUDAGraph", List.of());
    }

    /** Runs a graph, compiling its kernels the first time. */
    public void run(TornadoGraph graph) {
        var selected = call(plan, types.executionPlan, "withGraph", List.of(int.class), graphs.indexOf(graph));
        // TornadoVM takes no scheduler for a graph without kernels of its own.
        var scheduled = graph.hasGrids()
                ? call(
                        selected,
                        types.executionPlan,
                        "withGridScheduler",
                        List.of(types.gridScheduler),
                        graph.scheduler())
                : selected;
        call(scheduled, types.executionPlan, "execute", List.of());
    }

    /**
     * As {@link #run}, but one task after the other: nanoseconds that each task's kernel took on the device, by {@code
     * <graph>.<task>}.
     */
    public Map<String, Long> profile(TornadoGraph graph) {
        var mode = TornadoTypes.type("enums.ProfilerMode");
        var silent = call(null, mode, "valueOf", List.of(String.class), "SILENT");
        var selected = call(plan, types.executionPlan, "withGraph", List.of(int.class), graphs.indexOf(graph));
        var scheduled = call(
                selected, types.executionPlan, "withGridScheduler", List.of(types.gridScheduler), graph.scheduler());
        var profiled = call(scheduled, types.executionPlan, "withProfiler", List.of(mode), silent);
        try {
            var result = call(profiled, types.executionPlan, "execute", List.of());
            var times = call(result, TornadoTypes.type("TornadoExecutionResult"), "getProfilerResult", List.of());
            var log = call(times, TornadoTypes.type("TornadoProfilerResult"), "getProfileLog", List.of());
            return TornadoProfile.kernelNanos(String.valueOf(log));
        } finally {
            call(plan, types.executionPlan, "withoutProfiler", List.of());
        }
    }

    @Override
    public void close() {
        call(plan, types.executionPlan, "freeDeviceMemory", List.of());
        call(plan, types.executionPlan, "close", List.of());
    }
}
