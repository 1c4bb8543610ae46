package org.clipc.runtime.device.tornado;

import static org.clipc.runtime.device.tornado.TornadoTypes.call;

import java.lang.reflect.Array;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.clipc.runtime.device.tornado.TornadoVm.DeviceArray;
import org.jspecify.annotations.Nullable;

/**
 * A chain of kernel calls under construction, which run one after the other.
 *
 * <p>TornadoVM keeps compiled kernels by the names of graph and task. So all graphs have the same name, and a task that
 * of its kernel, with a number: the third call of a kernel in one graph shares its code with the third in any other.
 */
public final class TornadoGraph {

    /** What all graphs are called. */
    static final String NAME = "clipc";

    /** Transfer modes. */
    private static final int FIRST_EXECUTION = 0;

    private static final int EVERY_EXECUTION = 1;

    /** Positions of what a kernel does with an array in TornadoVM's enum. */
    private static final int READ_ONLY = 1;

    private static final int READ_WRITE = 3;

    private final TornadoVm vm;
    private final TornadoTypes types;
    private final Object context;
    private final Object graph;
    private final Object scheduler;
    private final Map<String, Integer> calls = new HashMap<>();
    private final List<String> tasks = new ArrayList<>();
    private boolean hasGrids;
    private @Nullable Object snapshot;

    public TornadoGraph(TornadoVm vm) {
        this.vm = vm;
        types = vm.types();
        context = vm.context();
        graph = vm.alone(() -> TornadoTypes.create(types.taskGraph, NAME));
        scheduler = TornadoTypes.create(types.gridScheduler);
    }

    /** Uses arrays that the graph of the plan that runs before this one, whichever it is, leaves on the device. */
    public TornadoGraph consume(DeviceArray... arrays) {
        call(graph, types.taskGraph, "consumeFromDevice", List.of(Object[].class), (Object) objects(arrays));
        return this;
    }

    /** Copies arrays to the device before the first run. */
    public TornadoGraph uploadOnce(DeviceArray... arrays) {
        return upload(FIRST_EXECUTION, arrays);
    }

    /** Copies arrays to the device before every run. */
    public TornadoGraph upload(DeviceArray... arrays) {
        return upload(EVERY_EXECUTION, arrays);
    }

    private TornadoGraph upload(int mode, DeviceArray... arrays) {
        call(graph, types.taskGraph, "transferToDevice", List.of(int.class, Object[].class), mode, objects(arrays));
        return this;
    }

    /** Copies arrays to the host after every run. */
    public TornadoGraph download(DeviceArray... arrays) {
        call(
                graph,
                types.taskGraph,
                "transferToHost",
                List.of(int.class, Object[].class),
                EVERY_EXECUTION,
                objects(arrays));
        return this;
    }

    /** Leaves arrays on the device for other graphs. */
    public TornadoGraph persist(DeviceArray... arrays) {
        call(graph, types.taskGraph, "persistOnDevice", List.of(Object[].class), (Object) objects(arrays));
        return this;
    }

    /**
     * Calls a kernel that TornadoVM compiles.
     *
     * @param kernel an instance of its class
     * @param arrays f, n, args and constants
     */
    public TornadoGraph task(Object kernel, int groupCount, int groupSize, DeviceArray... arrays) {
        var parameters = new ArrayList<Class<?>>(List.of(String.class, types.task5));
        parameters.addAll(Collections.nCopies(5, Object.class));
        var id = id(kernel.getClass().getSimpleName());
        var arguments = new ArrayList<Object>(List.of(id, kernel, context));
        Arrays.stream(arrays).map(DeviceArray::array).forEach(arguments::add);
        vm.alone(() -> call(graph, types.taskGraph, "task", parameters, arguments.toArray()));
        addGrid(id, groupCount, groupSize);
        return this;
    }

    /**
     * Calls a kernel that the device's driver compiles.
     *
     * @param kernel its name
     * @param source the file of its source
     * @param arrays f, n, args and constants
     */
    public TornadoGraph prebuiltTask(String kernel, Path source, int groupCount, int groupSize, DeviceArray... arrays) {
        var id = id(kernel);
        var parameters = TornadoTypes.create(types.accessors, arrays.length);
        for (var i = 0; i < arrays.length; i++) {
            var use = types.access.getEnumConstants()[i < 2 ? READ_WRITE : READ_ONLY];
            call(
                    parameters,
                    types.accessors,
                    "set",
                    List.of(int.class, Object.class, types.access),
                    i,
                    arrays[i].array(),
                    use);
        }
        vm.alone(() -> call(
                graph,
                types.taskGraph,
                "prebuiltTask",
                List.of(String.class, String.class, String.class, types.accessors),
                id,
                kernel,
                source.toString(),
                parameters));
        addGrid(id, groupCount, groupSize);
        return this;
    }

    /**
     * Calls a function of {@link TornadoLibrary}.
     *
     * @param array anything: a task without an argument is none to TornadoVM
     */
    public TornadoGraph libraryTask(String function, DeviceArray array) {
        var id = id("library");
        var accesses = Array.newInstance(types.access, 1);
        Array.set(accesses, 0, types.access.getEnumConstants()[READ_ONLY]);
        var task = Proxy.newProxyInstance(
                TornadoGraph.class.getClassLoader(), new Class<?>[] {types.libraryTask}, (proxy, method, arguments) -> {
                    var described = TornadoTypes.create(types.descriptor);
                    call(described, types.descriptor, "withLibrary", List.of(String.class), TornadoLibrary.NAME);
                    call(described, types.descriptor, "withFunction", List.of(String.class), function);
                    call(described, types.descriptor, "withParameters", List.of(Object[].class), (Object)
                            objects(array));
                    call(described, types.descriptor, "withAccess", List.of(accesses.getClass()), accesses);
                    return described;
                });
        call(
                graph,
                types.taskGraph,
                "libraryTask",
                List.of(String.class, types.libraryTask, Object.class),
                id,
                task,
                array.array());
        return this;
    }

    private String id(String kernel) {
        var id = kernel + "_" + calls.merge(kernel, 1, Integer::sum);
        tasks.add(NAME + "." + id);
        return id;
    }

    /** The names of its tasks, {@code <graph>.<task>}, in order. */
    public List<String> tasks() {
        return Collections.unmodifiableList(tasks);
    }

    /** Whether it has kernels of its own. */
    boolean hasGrids() {
        return hasGrids;
    }

    Object scheduler() {
        return scheduler;
    }

    private void addGrid(String id, int groupCount, int groupSize) {
        hasGrids = true;
        var grid = TornadoTypes.create(types.workerGrid1D, Math.multiplyExact(groupCount, groupSize));
        call(
                grid,
                types.workerGrid,
                "setLocalWork",
                List.of(long.class, long.class, long.class),
                (long) groupSize,
                1L,
                1L);
        call(
                scheduler,
                types.gridScheduler,
                "addWorkerGrid",
                List.of(String.class, types.workerGrid),
                NAME + "." + id,
                grid);
    }

    /** The same for all plans: what one of them leaves on the device, and compiles, the next one finds. */
    Object snapshot() {
        if (snapshot == null) {
            snapshot = call(graph, types.taskGraph, "snapshot", List.of());
        }
        return snapshot;
    }

    private static Object[] objects(DeviceArray... arrays) {
        return Arrays.stream(arrays).map(DeviceArray::array).toArray();
    }
}
