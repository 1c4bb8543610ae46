package org.clipc.runtime.device.tornado;

import static org.clipc.runtime.device.tornado.TornadoTypes.call;

import java.lang.reflect.Array;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.clipc.runtime.device.tornado.TornadoVm.DeviceInfo;

/** Graphs that share their arrays, on one device. */
public final class TornadoPlan implements AutoCloseable {

    private final TornadoVm vm;
    private final TornadoTypes types;
    private final Object plan;
    private final List<TornadoGraph> graphs;

    /** Those whose kernels are compiled. */
    private final Set<TornadoGraph> compiled = new HashSet<>();

    private boolean captures;

    public TornadoPlan(TornadoVm vm, List<TornadoGraph> graphs, DeviceInfo on) {
        this.vm = vm;
        types = vm.types();
        this.graphs = List.copyOf(graphs);
        plan = vm.alone(() -> {
            var snapshots = Array.newInstance(types.immutableTaskGraph, graphs.size());
            for (var i = 0; i < graphs.size(); i++) {
                Array.set(snapshots, i, graphs.get(i).snapshot());
            }
            var made = TornadoTypes.create(types.executionPlan, snapshots);
            call(made, types.executionPlan, "withDevice", List.of(types.device), on.device());
            return made;
        });
    }

    /**
     * Has CUDA devices run graphs that have not run yet as graphs of CUDA: captured the first time, and replayed from
     * then on.
     */
    public void captureGraphs() {
        captures = true;
    }

    /** Runs a graph, compiling its kernels the first time. */
    public void run(TornadoGraph graph) {
        if (!graph.hasGrids()) {
            // What functions of libraries start may wait for other ranks, as a thread that holds a lock must not.
            execute(graph);
        } else if (compiled.contains(graph)) {
            vm.together(() -> execute(graph));
        } else {
            vm.alone(() -> execute(graph));
            compiled.add(graph);
        }
    }

    private Object execute(TornadoGraph graph) {
        var selected = call(plan, types.executionPlan, "withGraph", List.of(int.class), graphs.indexOf(graph));
        if (captures) {
            // It is for the graphs that are selected, and takes effect when they first run.
            call(selected, types.executionPlan, "withCUDAGraph", List.of());
        }
        // TornadoVM takes no scheduler for a graph without kernels of its own.
        var scheduled = graph.hasGrids()
                ? call(
                        selected,
                        types.executionPlan,
                        "withGridScheduler",
                        List.of(types.gridScheduler),
                        graph.scheduler())
                : selected;
        return call(scheduled, types.executionPlan, "execute", List.of());
    }

    /**
     * As {@link #run}, but one task after the other: nanoseconds that each task's kernel took on the device, by {@code
     * <graph>.<task>}.
     */
    public Map<String, Long> profile(TornadoGraph graph) {
        return vm.alone(() -> profiled(graph));
    }

    private Map<String, Long> profiled(TornadoGraph graph) {
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
        vm.alone(() -> {
            call(plan, types.executionPlan, "freeDeviceMemory", List.of());
            return call(plan, types.executionPlan, "close", List.of());
        });
    }
}
