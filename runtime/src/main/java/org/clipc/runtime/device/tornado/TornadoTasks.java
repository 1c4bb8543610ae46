package org.clipc.runtime.device.tornado;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import org.clipc.runtime.device.cuda.Cuda;
import org.clipc.runtime.device.cuda.CudaTasks;
import org.jspecify.annotations.Nullable;

/** Library tasks of TornadoVM, each alone in its graph, all graphs in one plan and so on one stream. */
public final class TornadoTasks implements CudaTasks {

    private static final AtomicLong COUNT = new AtomicLong();

    private final String id = "program" + COUNT.incrementAndGet();
    private final List<String> functions = new ArrayList<>();
    private final Map<String, TornadoGraph> graphs = new LinkedHashMap<>();
    private @Nullable TornadoPlan plan;
    private @Nullable Cuda cuda;

    private TornadoTasks() {}

    /**
     * @param capture whether CUDA records what a task starts the first time, and does that again
     * @param opener makes CUDA of an invocation of a library task, which knows TornadoVM's context and stream
     */
    public static TornadoTasks open(
            TornadoVm vm,
            TornadoVm.DeviceInfo device,
            boolean capture,
            Function<Object, Cuda> opener,
            Map<String, Runnable> tasks) {
        var opened = new TornadoTasks();
        try {
            opened.plan(vm, device, capture, opener, tasks);
            return opened;
        } catch (RuntimeException e) {
            opened.close();
            throw e;
        }
    }

    /** The first graph that runs tells the stream of the plan, on which all that follows happens. */
    private void plan(
            TornadoVm vm,
            TornadoVm.DeviceInfo device,
            boolean capture,
            Function<Object, Cuda> opener,
            Map<String, Runnable> tasks) {
        var unused = vm.ints(Arena.ofAuto().allocate(vm.bytes(1), 128));
        var opening = graph(vm, unused, "open", invocation -> cuda = opener.apply(invocation));
        var all = new ArrayList<>(List.of(opening));
        tasks.forEach((name, work) -> {
            var graph = graph(vm, unused, name, _ -> work.run());
            graphs.put(name, graph);
            all.add(graph);
        });
        var made = new TornadoPlan(vm, all, device);
        plan = made;
        made.run(opening);
        if (capture) {
            made.captureGraphs();
        }
    }

    private TornadoGraph graph(
            TornadoVm vm, TornadoVm.DeviceArray unused, String name, TornadoLibrary.Function function) {
        TornadoLibrary.add(id + "." + name, function);
        functions.add(id + "." + name);
        return new TornadoGraph(vm).uploadOnce(unused).libraryTask(id + "." + name, unused);
    }

    @Override
    public Cuda cuda() {
        return Objects.requireNonNull(cuda, "opened by the first graph");
    }

    @Override
    public void run(String task) {
        cuda().detach();
        Objects.requireNonNull(plan).run(Objects.requireNonNull(graphs.get(task)));
    }

    @Override
    public void close() {
        functions.forEach(TornadoLibrary::remove);
        if (plan != null) {
            plan.close();
        }
    }
}
