package org.clipc.runtime.device.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.clipc.compiler.jvm.CudaEmulator;
import org.clipc.runtime.device.tornado.TornadoDevice;
import org.clipc.runtime.device.tornado.TornadoGraph;
import org.clipc.runtime.device.tornado.TornadoLibrary;
import org.clipc.runtime.device.tornado.TornadoPlan;
import org.clipc.runtime.device.tornado.TornadoVm;
import org.jspecify.annotations.Nullable;

/** Runs kernels in CUDA C on TornadoVM's first device, where that is CUDA's. */
public final class CudaDevice {

    private static @Nullable CudaDevice instance;

    private final Map<String, Cuda.Kernel> kernels = new HashMap<>();
    private @Nullable Cuda cuda;

    /** A kernel with all that it is called with. */
    public record Call(String name, String source, int groups, int groupSize, List<Long> args) {

        public Call {
            args = List.copyOf(args);
        }

        private long[] longs() {
            return args.stream().mapToLong(Long::longValue).toArray();
        }
    }

    private CudaDevice() {
        var vm = TornadoVm.get();
        var unused = vm.ints(Arena.global().allocate(vm.bytes(1), 128));
        var opening = new TornadoGraph(vm).uploadOnce(unused).libraryTask("lab", unused);
        TornadoLibrary.add(
                "lab",
                invocation ->
                        cuda = new CudaNative(vm.nativeContext(invocation), vm.nativeStream(invocation), false, false));
        // Open until this Java ends.
        new TornadoPlan(vm, List.of(opening), vm.devices().getFirst()).run(opening);
    }

    public static boolean isPresent() {
        return TornadoVm.isPresent()
                && TornadoVm.get().devices().getFirst().backend().equals(TornadoDevice.CUDA);
    }

    public static synchronized CudaDevice get() {
        if (instance == null) {
            instance = new CudaDevice();
        }
        return instance;
    }

    /** Runs calls in order, on copies of an arena and an arena of ints that come back changed. */
    public void run(List<Call> calls, MemorySegment arena, MemorySegment ints) {
        var device = Objects.requireNonNull(cuda);
        device.attach();
        var onDevice = device.allocate(arena.byteSize());
        var intsOnDevice = device.allocate(ints.byteSize());
        try {
            device.upload(onDevice, arena);
            device.upload(intsOnDevice, ints);
            for (var call : calls) {
                var kernel = kernels.computeIfAbsent(call.name(), name -> device.compile(name, call.source()));
                device.launch(kernel, call.groups(), call.groupSize(), onDevice, intsOnDevice, call.longs());
            }
            device.download(onDevice, arena);
            device.download(intsOnDevice, ints);
        } finally {
            device.free(onDevice);
            device.free(intsOnDevice);
        }
    }

    /** As {@link #run}, by {@link CudaEmulator}, in place. */
    public static void emulate(List<Call> calls, MemorySegment arena, MemorySegment ints) {
        var sources = new HashMap<String, String>();
        calls.forEach(call -> sources.put(call.name(), call.source()));
        CudaEmulator.compile(sources);
        try (var scope = Arena.ofConfined()) {
            for (var call : calls) {
                var args = scope.allocateFrom(ValueLayout.JAVA_LONG, call.longs());
                CudaEmulator.run(call.name(), arena, ints, args, call.groups(), call.groupSize());
            }
        }
    }
}
