package org.clipc.runtime.device.tornado;

import static org.clipc.runtime.device.tornado.TornadoTypes.call;
import static org.clipc.runtime.device.tornado.TornadoTypes.type;
import static org.clipc.runtime.device.tornado.TornadoTypes.typeOf;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;
import jdk.incubator.vector.VectorShape;
import org.clipc.runtime.device.DeviceException;
import org.clipc.runtime.device.program.DeviceMemory;
import org.jspecify.annotations.Nullable;

/**
 * TornadoVM's API, as far as it is used here. By reflection: its jars are in no repository that a build could name, and so
 * one build serves machines with and without it. They are on the module path of a Java that was started with the SDK's
 * argument file, as {@code clip-run} does where TORNADOVM_HOME is set.
 */
public final class TornadoVm {

    private static final String NEEDED =
            "TornadoVM: install an SDK of version 5.2.0 for JDK 25 and set TORNADOVM_HOME to its folder";

    /**
     * Settings without which kernels would be wrong or slow, made before TornadoVM's classes read them: a kernel that does not
     * compile is an error, and is not run as plain Java, where every work item would be item 0; the array headers keep
     * elements aligned to 128 bytes; memory is limited by the device alone; a graph may have many tasks; what one of them
     * waits for has room for as many events as a graph of ours has, and no more, since every run clears all of it; NaN and
     * infinities are what they are, which the guard against them in training needs; and drivers contract products and sums,
     * since TornadoVM's own search for them fails at the sum of a product with itself.
     */
    private static final Map<String, String> SETTINGS = Map.of(
            "tornado.recover.bailout", "false",
            "tornado.panama.objectHeader", "128",
            "tornado.device.memory", "100000GB",
            "tornado.tvm.maxbytecodesize", "1048576",
            "tornado.max.events", "1024",
            "tornado.enable.fma", "false",
            "tornado.opencl.compiler.flags", "-cl-mad-enable -w");

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
     * @param lanes floats that its vectors hold; 0 of a GPU, whose work items have none
     * @param memoryBytes memory that it has
     * @param mostBytes memory that one array may take
     */
    public record DeviceInfo(
            String place,
            String backend,
            String name,
            boolean gpu,
            int lanes,
            long memoryBytes,
            long mostBytes,
            Object device) {

        /** What it is, without its memory: PoCL tells how much a machine has at the moment, which may change. */
        String identity() {
            return name + " by TornadoVM's " + backend + " backend";
        }

        DeviceMemory memory() {
            return new DeviceMemory(name, memoryBytes, mostBytes);
        }

        boolean compilesOpenCl() {
            return backend.equals("OPENCL");
        }
    }

    private final TornadoTypes types = new TornadoTypes();
    private final Object context = TornadoTypes.create(type("KernelContext"));
    private final long headerBytes;

    /**
     * Threads run plans of their own at the same time: what a run uses belongs to a plan, a thread or OpenCL. But kernels are
     * compiled by one at a time, since TornadoVM 5.2's compiler keeps some of its state for the process; the profiler is on or
     * off for the process; and closing a plan takes a device's buffers and queues from tables.
     */
    private final ReadWriteLock threads = new ReentrantReadWriteLock();

    private TornadoVm() {
        headerBytes = Long.getLong("tornado.panama.objectHeader", 0);
    }

    TornadoTypes types() {
        return types;
    }

    /** TornadoVM's object by which kernels know their work item. */
    Object context() {
        return context;
    }

    /** Does what no other thread may do anything of this kind beside. */
    <T> T alone(Supplier<T> work) {
        return locked(threads.writeLock(), work);
    }

    /** Does what threads may do at the same time, but not beside what one does {@link #alone}. */
    <T> T together(Supplier<T> work) {
        return locked(threads.readLock(), work);
    }

    private static <T> T locked(Lock lock, Supplier<T> work) {
        lock.lock();
        try {
            return work.get();
        } finally {
            lock.unlock();
        }
    }

    /** Whether this Java was started with TornadoVM. */
    public static boolean isPresent() {
        try {
            Class.forName(TornadoTypes.API + "TaskGraph", false, TornadoVm.class.getClassLoader());
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
        System.setProperty("tornado.load.annotation.implementation", NoParallelLoops.define());
        TornadoLibrary.define();
        instance = new TornadoVm();
        return instance;
    }

    /** Address of CUDA's stream on which what a library task starts is in order with all else. */
    public long nativeStream(Object invocation) {
        return fromDevice(invocation, "getNativeStream");
    }

    /** Address of CUDA's context of that stream. */
    public long nativeContext(Object invocation) {
        return fromDevice(invocation, "getNativeContext");
    }

    private static long fromDevice(Object invocation, String method) {
        var type = typeOf(TornadoTypes.RUNTIME + "library.spi.LibraryInvocation");
        var on = call(invocation, type, "getDevice", List.of());
        var plan = call(invocation, type, "getExecutionPlanId", List.of());
        var support = typeOf(TornadoTypes.RUNTIME + "library.spi.TornadoNativeStreamSupport");
        if (!support.isInstance(on)) {
            throw new DeviceException("TornadoVM does not tell the stream of this device");
        }
        return (Long) call(on, support, method, List.of(long.class), plan);
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
        var physical = call(found, types.device, "getPhysicalDevice", List.of());
        var gpu = String.valueOf(call(found, types.device, "getDeviceType", List.of()))
                .equals("GPU");
        return new DeviceInfo(
                backend + ":" + index,
                String.valueOf(call(found, types.device, "getTornadoVMBackend", List.of())),
                String.valueOf(call(physical, type("TornadoTargetDevice"), "getDeviceName", List.of()))
                        .strip(),
                gpu,
                // TornadoVM does not tell a device's vectors; a CPU that is a device is this one.
                gpu ? 0 : VectorShape.preferredShape().vectorBitSize() / Float.SIZE,
                (Long) call(found, types.device, "getMaxGlobalMemory", List.of()),
                (Long) call(found, types.device, "getMaxAllocMemory", List.of()),
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
        return array(types.floatArray, memory);
    }

    /** @param memory {@link #bytes} of it, from a multiple of 128 on */
    public DeviceArray ints(MemorySegment memory) {
        return array(types.intArray, memory);
    }

    private DeviceArray array(Class<?> type, MemorySegment memory) {
        var array = call(null, type, "fromSegmentShallow", List.of(MemorySegment.class), memory);
        return new DeviceArray(array, memory.asSlice(headerBytes));
    }
}
