package org.clipc.runtime.device;

import java.lang.classfile.ClassFile;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.reflect.Array;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * TornadoVM's API, as far as it is used here. By reflection: its jars are in no repository that a build could name, and so
 * one build serves machines with and without it. They are on the module path of a Java that was started with the SDK's
 * argument file, as {@code clip-run} does where TORNADOVM_HOME is set.
 */
public final class TornadoVm {

    private static final String API = "uk.ac.manchester.tornado.api.";
    private static final String RUNTIME = "uk.ac.manchester.tornado.runtime.";

    private static final String NEEDED =
            "TornadoVM: install an SDK of version 5.2.0 for JDK 25 and set TORNADOVM_HOME to its folder";

    /**
     * Settings without which kernels would be wrong or slow, made before TornadoVM's classes read them: a kernel that does not
     * compile is an error, and is not run as plain Java, where every work item would be item 0; the array headers keep
     * elements aligned to 128 bytes; memory is limited by the device alone; a graph may have many tasks; and NaN and
     * infinities are what they are, which the guard against them in training needs.
     */
    private static final Map<String, String> SETTINGS = Map.of(
            "tornado.recover.bailout", "false",
            "tornado.panama.objectHeader", "128",
            "tornado.device.memory", "100000GB",
            "tornado.tvm.maxbytecodesize", "1048576",
            "tornado.opencl.compiler.flags", "-cl-mad-enable -w");

    /** Transfer modes. */
    private static final int FIRST_EXECUTION = 0;

    private static final int EVERY_EXECUTION = 1;

    /** Positions of what a kernel does with an array in TornadoVM's enum. */
    private static final int READ_ONLY = 1;

    private static final int READ_WRITE = 3;

    /** What all graphs are called. */
    static final String GRAPHS = "clipc";

    private static @Nullable TornadoVm instance;

    /**
     * Memory that host and device both have.
     *
     * @param array TornadoVM's object
     * @param host its elements on the host, as last copied
     */
    public record DeviceArray(Object array, MemorySegment host) {}

    /**
     * A device.
     *
     * @param place {@code <backend>:<device>}, as {@code --device tornado:} takes it
     * @param gpu whether it is one
     * @param memoryBytes memory that it has
     * @param mostBytes memory that one array may take
     */
    public record DeviceInfo(
            String place, String backend, String name, boolean gpu, long memoryBytes, long mostBytes, Object device) {

        boolean compilesOpenCl() {
            return backend.equals("OPENCL");
        }
    }

    private final Class<?> taskGraph = type("TaskGraph");
    private final Class<?> immutableTaskGraph = type("ImmutableTaskGraph");
    private final Class<?> executionPlan = type("TornadoExecutionPlan");
    private final Class<?> gridScheduler = type("GridScheduler");
    private final Class<?> workerGrid = type("WorkerGrid");
    private final Class<?> workerGrid1D = type("WorkerGrid1D");
    private final Class<?> floatArray = type("types.arrays.FloatArray");
    private final Class<?> intArray = type("types.arrays.IntArray");
    private final Class<?> device = type("common.TornadoDevice");
    private final Class<?> task5 = type("common.TornadoFunctions$Task5");
    private final Class<?> libraryTask = type("common.TornadoFunctions$LibraryTask1");
    private final Class<?> descriptor = type("common.LibraryTaskDescriptor");
    private final Class<?> accessors = type("AccessorParameters");
    private final Class<?> access = type("common.Access");
    private final Object context = create(type("KernelContext"));
    private final long headerBytes;

    private TornadoVm() {
        headerBytes = Long.getLong("tornado.panama.objectHeader", 0);
    }

    /** Whether this Java was started with TornadoVM. */
    public static boolean isPresent() {
        try {
            Class.forName(API + "TaskGraph", false, TornadoVm.class.getClassLoader());
            return true;
        } catch (ClassNotFoundException e) {
            return false;
        }
    }

    /** @throws DeviceException if this Java was started without TornadoVM, or it has no backend that works */
    public static synchronized TornadoVm get() {
        if (instance != null) {
            return instance;
        }
        if (!isPresent()) {
            throw new DeviceException("the device tornado needs " + NEEDED);
        }
        SETTINGS.forEach(System::setProperty);
        System.setProperty("tornado.load.annotation.implementation", defineAnnotations());
        TornadoLibrary.define();
        instance = new TornadoVm();
        return instance;
    }

    /**
     * Defines the class that TornadoVM asks for the parallel loops of a method; returns its name. Its own class reads the
     * method's class file, which it finds only on the class path; kernels have no annotated loops.
     */
    private static String defineAnnotations() {
        var name = TornadoVm.class.getPackageName() + ".NoParallelLoops";
        var provider = ClassDesc.of(RUNTIME + "common.ParallelAnnotationProvider");
        var bytes = ClassFile.of()
                .build(
                        ClassDesc.of(name),
                        type -> type.withFlags(ClassFile.ACC_PUBLIC)
                                .withInterfaceSymbols(ClassDesc.of(RUNTIME + "ASMClassVisitorProvider"))
                                .withMethodBody(
                                        ConstantDescs.INIT_NAME,
                                        ConstantDescs.MTD_void,
                                        ClassFile.ACC_PUBLIC,
                                        code -> code.aload(0)
                                                .invokespecial(
                                                        ConstantDescs.CD_Object,
                                                        ConstantDescs.INIT_NAME,
                                                        ConstantDescs.MTD_void)
                                                .return_())
                                .withMethodBody(
                                        "getParallelAnnotations",
                                        MethodTypeDesc.of(
                                                provider.arrayType(),
                                                ClassDesc.of("jdk.vm.ci.meta.ResolvedJavaMethod")),
                                        ClassFile.ACC_PUBLIC,
                                        code -> code.iconst_0()
                                                .anewarray(provider)
                                                .areturn()));
        try {
            MethodHandles.lookup().defineClass(bytes);
            return name;
        } catch (IllegalAccessException | LinkageError e) {
            throw new DeviceException("this TornadoVM is none of version 5.2.0: " + e.getMessage(), e);
        }
    }

    private static Class<?> type(String name) {
        return typeOf(API + name);
    }

    private static Class<?> typeOf(String name) {
        try {
            return Class.forName(name);
        } catch (ClassNotFoundException | LinkageError e) {
            throw new DeviceException("this TornadoVM is none of version 5.2.0: it lacks " + name, e);
        }
    }

    /** Address of CUDA's stream on which what a library task starts is in order with all else. */
    long nativeStream(Object invocation) {
        return fromDevice(invocation, "getNativeStream");
    }

    /** Address of CUDA's context of that stream. */
    long nativeContext(Object invocation) {
        return fromDevice(invocation, "getNativeContext");
    }

    private static long fromDevice(Object invocation, String method) {
        var type = typeOf(RUNTIME + "library.spi.LibraryInvocation");
        var on = call(invocation, type, "getDevice", List.of());
        var plan = call(invocation, type, "getExecutionPlanId", List.of());
        var support = typeOf(RUNTIME + "library.spi.TornadoNativeStreamSupport");
        if (!support.isInstance(on)) {
            throw new DeviceException("TornadoVM does not tell the stream of this device");
        }
        return (Long) call(on, support, method, List.of(long.class), plan);
    }

    private static Object create(Class<?> type, Object... arguments) {
        try {
            for (var constructor : type.getConstructors()) {
                if (constructor.getParameterCount() == arguments.length
                        && accepts(constructor.getParameterTypes(), arguments)) {
                    return constructor.newInstance(arguments);
                }
            }
        } catch (InvocationTargetException e) {
            throw failed(Objects.requireNonNullElse(e.getCause(), e));
        } catch (ReflectiveOperationException e) {
            throw failed(e);
        }
        throw new DeviceException(
                "this TornadoVM is none of version 5.2.0: " + type.getName() + " has other constructors");
    }

    private static boolean accepts(Class<?>[] types, Object[] arguments) {
        for (var i = 0; i < types.length; i++) {
            var isInt = types[i] == int.class && arguments[i] instanceof Integer;
            if (!isInt && !types[i].isInstance(arguments[i])) {
                return false;
            }
        }
        return true;
    }

    private static Object call(
            @Nullable Object target, Class<?> owner, String name, List<Class<?>> types, Object... arguments) {
        Method method;
        try {
            method = owner.getMethod(name, types.toArray(new Class<?>[0]));
        } catch (NoSuchMethodException e) {
            throw new DeviceException("this TornadoVM is none of version 5.2.0: it lacks " + e.getMessage(), e);
        }
        try {
            return method.invoke(target, arguments);
        } catch (InvocationTargetException e) {
            throw failed(Objects.requireNonNullElse(e.getCause(), e));
        } catch (IllegalAccessException e) {
            throw failed(e);
        }
    }

    private static DeviceException failed(Throwable cause) {
        var root = cause;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        // Its messages are in colours.
        var message = String.valueOf(root.getMessage()).replaceAll("\u001b\\[[0-9;]*m", "");
        return new DeviceException("TornadoVM failed: " + root.getClass().getSimpleName() + ": " + message, cause);
    }

    /** Every device of every backend. */
    public List<DeviceInfo> devices() {
        var provider = type("runtime.TornadoRuntimeProvider");
        var runtime = call(null, provider, "getTornadoRuntime", List.of());
        var runtimeType = type("TornadoRuntime");
        var backendType = type("TornadoBackend");
        var devices = new ArrayList<DeviceInfo>();
        var backends = (Integer) call(runtime, runtimeType, "getNumBackends", List.of());
        for (var b = 0; b < backends; b++) {
            var backend = call(runtime, runtimeType, "getBackend", List.of(int.class), b);
            var count = (Integer) call(backend, backendType, "getNumDevices", List.of());
            for (var d = 0; d < count; d++) {
                devices.add(info(b, d, call(backend, backendType, "getDevice", List.of(int.class), d)));
            }
        }
        return devices;
    }

    private DeviceInfo info(int backend, int index, Object found) {
        var physical = call(found, device, "getPhysicalDevice", List.of());
        return new DeviceInfo(
                backend + ":" + index,
                String.valueOf(call(found, device, "getTornadoVMBackend", List.of())),
                String.valueOf(call(physical, type("TornadoTargetDevice"), "getDeviceName", List.of()))
                        .strip(),
                String.valueOf(call(found, device, "getDeviceType", List.of())).equals("GPU"),
                (Long) call(found, device, "getMaxGlobalMemory", List.of()),
                (Long) call(found, device, "getMaxAllocMemory", List.of()),
                found);
    }

    /** Bytes before an array's first element. */
    public long headerBytes() {
        return headerBytes;
    }

    /** Bytes that an array of elements of 4 bytes takes. */
    public long bytes(long elements) {
        return headerBytes + elements * Float.BYTES;
    }

    /** @param memory {@link #bytes} of it, from a multiple of 128 on */
    public DeviceArray floats(MemorySegment memory) {
        return array(floatArray, memory);
    }

    /** @param memory {@link #bytes} of it, from a multiple of 128 on */
    public DeviceArray ints(MemorySegment memory) {
        return array(intArray, memory);
    }

    private DeviceArray array(Class<?> type, MemorySegment memory) {
        var array = call(null, type, "fromSegmentShallow", List.of(MemorySegment.class), memory);
        return new DeviceArray(array, memory.asSlice(headerBytes));
    }

    /**
     * A chain of kernel calls under construction, which run one after the other.
     *
     * <p>TornadoVM keeps compiled kernels by the names of graph and task. So all graphs have the same name, and a task that
     * of its kernel, with a number: the third call of a kernel in one graph shares its code with the third in any other.
     */
    public final class Graph {

        private final Object graph = create(taskGraph, GRAPHS);
        private final Object scheduler = create(gridScheduler);
        private final Map<String, Integer> calls = new HashMap<>();
        private final List<String> tasks = new ArrayList<>();
        private boolean hasGrids;
        private @Nullable Object snapshot;

        /** Uses arrays that the graph of the plan that runs before this one, whichever it is, leaves on the device. */
        public Graph consume(DeviceArray... arrays) {
            call(graph, taskGraph, "consumeFromDevice", List.of(Object[].class), (Object) objects(arrays));
            return this;
        }

        /** Copies arrays to the device before the first run. */
        public Graph uploadOnce(DeviceArray... arrays) {
            return upload(FIRST_EXECUTION, arrays);
        }

        /** Copies arrays to the device before every run. */
        public Graph upload(DeviceArray... arrays) {
            return upload(EVERY_EXECUTION, arrays);
        }

        private Graph upload(int mode, DeviceArray... arrays) {
            call(graph, taskGraph, "transferToDevice", List.of(int.class, Object[].class), mode, objects(arrays));
            return this;
        }

        /** Copies arrays to the host after every run. */
        public Graph download(DeviceArray... arrays) {
            call(
                    graph,
                    taskGraph,
                    "transferToHost",
                    List.of(int.class, Object[].class),
                    EVERY_EXECUTION,
                    objects(arrays));
            return this;
        }

        /** Leaves arrays on the device for other graphs. */
        public Graph persist(DeviceArray... arrays) {
            call(graph, taskGraph, "persistOnDevice", List.of(Object[].class), (Object) objects(arrays));
            return this;
        }

        /**
         * Calls a kernel that TornadoVM compiles.
         *
         * @param kernel an instance of its class
         * @param arrays f, n, args and constants
         */
        public Graph task(Object kernel, int groupCount, int groupSize, DeviceArray... arrays) {
            var types = new ArrayList<Class<?>>(List.of(String.class, task5));
            types.addAll(Collections.nCopies(5, Object.class));
            var id = id(kernel.getClass().getSimpleName());
            var arguments = new ArrayList<Object>(List.of(id, kernel, context));
            Arrays.stream(arrays).map(DeviceArray::array).forEach(arguments::add);
            call(graph, taskGraph, "task", types, arguments.toArray());
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
        public Graph prebuiltTask(String kernel, Path source, int groupCount, int groupSize, DeviceArray... arrays) {
            var id = id(kernel);
            var parameters = create(accessors, arrays.length);
            for (var i = 0; i < arrays.length; i++) {
                var use = access.getEnumConstants()[i < 2 ? READ_WRITE : READ_ONLY];
                call(parameters, accessors, "set", List.of(int.class, Object.class, access), i, arrays[i].array(), use);
            }
            call(
                    graph,
                    taskGraph,
                    "prebuiltTask",
                    List.of(String.class, String.class, String.class, accessors),
                    id,
                    kernel,
                    source.toString(),
                    parameters);
            addGrid(id, groupCount, groupSize);
            return this;
        }

        /**
         * Calls a function of {@link TornadoLibrary}.
         *
         * @param array anything: a task without an argument is none to TornadoVM
         */
        public Graph libraryTask(String function, DeviceArray array) {
            var id = id("library");
            var accesses = Array.newInstance(access, 1);
            Array.set(accesses, 0, access.getEnumConstants()[READ_ONLY]);
            var task = Proxy.newProxyInstance(
                    TornadoVm.class.getClassLoader(), new Class<?>[] {libraryTask}, (proxy, method, arguments) -> {
                        var described = create(descriptor);
                        call(described, descriptor, "withLibrary", List.of(String.class), TornadoLibrary.NAME);
                        call(described, descriptor, "withFunction", List.of(String.class), function);
                        call(described, descriptor, "withParameters", List.of(Object[].class), (Object) objects(array));
                        call(described, descriptor, "withAccess", List.of(accesses.getClass()), accesses);
                        return described;
                    });
            call(
                    graph,
                    taskGraph,
                    "libraryTask",
                    List.of(String.class, libraryTask, Object.class),
                    id,
                    task,
                    array.array());
            return this;
        }

        private String id(String kernel) {
            var id = kernel + "_" + calls.merge(kernel, 1, Integer::sum);
            tasks.add(GRAPHS + "." + id);
            return id;
        }

        /** The names of its tasks, {@code <graph>.<task>}, in order. */
        public List<String> tasks() {
            return Collections.unmodifiableList(tasks);
        }

        private void addGrid(String id, int groupCount, int groupSize) {
            hasGrids = true;
            var grid = create(workerGrid1D, Math.multiplyExact(groupCount, groupSize));
            call(
                    grid,
                    workerGrid,
                    "setLocalWork",
                    List.of(long.class, long.class, long.class),
                    (long) groupSize,
                    1L,
                    1L);
            call(scheduler, gridScheduler, "addWorkerGrid", List.of(String.class, workerGrid), GRAPHS + "." + id, grid);
        }

        /** The same for all plans: what one of them leaves on the device, and compiles, the next one finds. */
        private Object snapshot() {
            if (snapshot == null) {
                snapshot = call(graph, taskGraph, "snapshot", List.of());
            }
            return snapshot;
        }
    }

    /** Graphs that share their arrays, on one device. */
    public final class Plan implements AutoCloseable {

        private final Object plan;
        private final List<Graph> graphs;

        public Plan(List<Graph> graphs, DeviceInfo on) {
            this.graphs = List.copyOf(graphs);
            var snapshots = Array.newInstance(immutableTaskGraph, graphs.size());
            for (var i = 0; i < graphs.size(); i++) {
                Array.set(snapshots, i, graphs.get(i).snapshot());
            }
            plan = create(executionPlan, snapshots);
            call(plan, executionPlan, "withDevice", List.of(device), on.device());
        }

        /**
         * Has CUDA devices run graphs that have not run yet as graphs of CUDA: captured the first time, and replayed from
         * then on.
         */
        public void captureGraphs() {
            call(plan, executionPlan, "withCUDAGraph", List.of());
        }

        /** Runs a graph, compiling its kernels the first time. */
        public void run(Graph graph) {
            var selected = call(plan, executionPlan, "withGraph", List.of(int.class), graphs.indexOf(graph));
            // TornadoVM takes no scheduler for a graph without kernels of its own.
            var scheduled = graph.hasGrids
                    ? call(selected, executionPlan, "withGridScheduler", List.of(gridScheduler), graph.scheduler)
                    : selected;
            call(scheduled, executionPlan, "execute", List.of());
        }

        /**
         * As {@link #run}, but one task after the other: nanoseconds that each task's kernel took on the device, by {@code
         * <graph>.<task>}.
         */
        public Map<String, Long> profile(Graph graph) {
            var mode = type("enums.ProfilerMode");
            var silent = call(null, mode, "valueOf", List.of(String.class), "SILENT");
            var selected = call(plan, executionPlan, "withGraph", List.of(int.class), graphs.indexOf(graph));
            var scheduled = call(selected, executionPlan, "withGridScheduler", List.of(gridScheduler), graph.scheduler);
            var profiled = call(scheduled, executionPlan, "withProfiler", List.of(mode), silent);
            try {
                var result = call(profiled, executionPlan, "execute", List.of());
                var times = call(result, type("TornadoExecutionResult"), "getProfilerResult", List.of());
                var log = call(times, type("TornadoProfilerResult"), "getProfileLog", List.of());
                return TornadoProfile.kernelNanos(String.valueOf(log));
            } finally {
                call(plan, executionPlan, "withoutProfiler", List.of());
            }
        }

        @Override
        public void close() {
            call(plan, executionPlan, "freeDeviceMemory", List.of());
            call(plan, executionPlan, "close", List.of());
        }
    }

    private static Object[] objects(DeviceArray... arrays) {
        return Arrays.stream(arrays).map(DeviceArray::array).toArray();
    }
}
