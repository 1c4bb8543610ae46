package org.clipc.runtime.device.cuda;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;
import java.util.function.Supplier;
import org.clipc.compiler.jvm.CudaEmulator;
import org.clipc.compiler.kernel.TanhGelu;
import org.clipc.ir.DType;
import org.clipc.ir.interp.Scalars;
import org.clipc.program.ProgramFile;
import org.clipc.program.Schedule;
import org.clipc.runtime.collective.nccl.MemoryNccl;
import org.clipc.runtime.collective.nccl.MemoryStream;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.device.GemmKernels;
import org.clipc.runtime.device.MeshRank;
import org.clipc.runtime.device.cuda.CudaProduct.Matrix;
import org.clipc.runtime.device.program.DeviceMemory;
import org.clipc.runtime.device.tornado.TornadoTasks;
import org.clipc.runtime.device.tornado.TornadoVm;

/**
 * CUDA in the host's memory, with streams that run by themselves: what does not wait for what it needs comes too early. Products
 * are computed as cuBLASLt's manual defines them, on matrices stored by columns.
 */
public final class EmulatedCuda implements Cuda {

    private final MemoryNccl memory;
    private final Behaviour behaviour;
    private final Map<Lane, MemoryStream> streams = new EnumMap<>(Lane.class);
    private final Map<Lane, AtomicInteger> told = new EnumMap<>(Lane.class);
    private final List<MemoryStream.Event> points = new ArrayList<>();
    private final List<String> kernels = new ArrayList<>();
    private final Map<String, String> waiting = new HashMap<>();

    /** Kernels and products that have run. */
    private final Set<Object> started = new HashSet<>();

    private boolean isCapturing;

    /**
     * How a device behaves.
     *
     * @param tornado whether TornadoVM runs its programs, or this process alone
     * @param number of the device
     * @param delay before each piece of work beside the main stream
     * @param telling is given what a stream tells, by it
     * @param doesMore whether its library does more than products, and what is added to them
     */
    public record Behaviour(boolean tornado, int number, Duration delay, IntConsumer telling, boolean doesMore) {

        public static Behaviour of(boolean tornado, Duration delay) {
            return new Behaviour(tornado, 0, delay, _ -> {}, true);
        }
    }

    EmulatedCuda() {
        this(new MemoryNccl(new MemoryNccl.Network()), Behaviour.of(true, Duration.ZERO));
    }

    /** @param memory of the device */
    private EmulatedCuda(MemoryNccl memory, Behaviour behaviour) {
        this.memory = memory;
        this.behaviour = behaviour;
        streams.put(Lane.MAIN, MemoryStream.open(Duration.ZERO));
        streams.put(Lane.BESIDE, MemoryStream.open(behaviour.delay()));
        for (var lane : Lane.values()) {
            told.put(lane, new AtomicInteger());
        }
    }

    /** A program with its kernels and products emulated, in a library task of TornadoVM's first device. */
    public static DeviceProgram load(Path program, List<String> entries) throws IOException {
        return load(program, entries, MeshRank.alone(), new EmulatedCuda());
    }

    /** A rank's program with its kernels, products and exchanges emulated. */
    public static DeviceProgram load(
            Path program, List<String> entries, MeshRank rank, MemoryNccl nccl, Behaviour behaviour)
            throws IOException {
        return load(program, entries, rank, new EmulatedCuda(nccl, behaviour));
    }

    private static DeviceProgram load(Path program, List<String> entries, MeshRank rank, EmulatedCuda cuda)
            throws IOException {
        try (var file = ProgramFile.open(program)) {
            var schedules = new ArrayList<Schedule>();
            for (var entry : entries) {
                schedules.add(file.schedule("tornadocuda", entry));
            }
            if (!cuda.behaviour.tornado()) {
                return CudaProgram.load(
                        file, schedules, MEMORY, GemmKernels.AUTO, rank, (tasks, _) -> new Alone(cuda, tasks));
            }
            var vm = TornadoVm.get();
            var device = vm.devices().getFirst();
            return CudaProgram.load(
                    file,
                    schedules,
                    MEMORY,
                    GemmKernels.AUTO,
                    rank,
                    (tasks, _) -> InTurns.open(() -> TornadoTasks.open(vm, device, false, _ -> cuda, tasks)));
        }
    }

    private static final DeviceMemory MEMORY = new DeviceMemory("memory", Long.MAX_VALUE, Long.MAX_VALUE);

    /** Tasks without TornadoVM. */
    private record Alone(EmulatedCuda cuda, Map<String, Runnable> tasks) implements CudaTasks {

        @Override
        public void run(String task) {
            cuda.isCapturing = true;
            Objects.requireNonNull(tasks.get(task)).run();
            cuda.isCapturing = false;
        }

        @Override
        public void close() {}
    }

    /** TornadoVM is for one thread at a time, but ranks that are threads share it. */
    private record InTurns(CudaTasks tasks) implements CudaTasks {

        static CudaTasks open(Supplier<CudaTasks> tasks) {
            synchronized (InTurns.class) {
                return new InTurns(tasks.get());
            }
        }

        @Override
        public Cuda cuda() {
            return tasks.cuda();
        }

        @Override
        public void run(String task) {
            synchronized (InTurns.class) {
                tasks.run(task);
            }
        }

        @Override
        public void close() {
            synchronized (InTurns.class) {
                tasks.close();
            }
        }
    }

    /** CUDA loads code when that first starts, which it cannot do while it captures a graph. */
    private void start(Object code) {
        if (started.add(code) && isCapturing) {
            throw new IllegalStateException("captured before it ever ran: " + code);
        }
    }

    private MemoryStream main() {
        return of(Lane.MAIN);
    }

    private MemoryStream of(Lane lane) {
        return Objects.requireNonNull(streams.get(lane));
    }

    private AtomicInteger word(Lane lane) {
        return Objects.requireNonNull(told.get(lane));
    }

    @Override
    public int device() {
        return behaviour.number();
    }

    @Override
    public void attach() {}

    @Override
    public void enter() {}

    @Override
    public void leave() {}

    @Override
    public void detach() {}

    @Override
    public long stream(Lane lane) {
        return of(lane).handle();
    }

    @Override
    public Point newPoint() {
        points.add(new MemoryStream.Event());
        return new Point(points.size() - 1);
    }

    @Override
    public void reach(Lane lane, Point point) {
        points.get(point.number()).reach(of(lane));
    }

    @Override
    public void await(Lane lane, Point point) {
        points.get(point.number()).await(of(lane));
    }

    @Override
    public void tell(Lane lane, int number) {
        of(lane).start(() -> {
            word(lane).set(number);
            behaviour.telling().accept(number);
        });
    }

    @Override
    public int told(Lane lane) {
        return word(lane).get();
    }

    @Override
    public void resetTold() {
        told.values().forEach(word -> word.set(0));
    }

    @Override
    public void synchronize() {
        main().await();
    }

    @Override
    public long allocate(long bytes) {
        return memory.allocate(Math.max(1, bytes));
    }

    /** Waits for the device, as CUDA's does. */
    @Override
    public void free(long address) {
        streams.values().forEach(MemoryStream::drain);
        memory.free(address);
    }

    @SuppressWarnings("restricted") // addresses are of memory that was allocated here
    private static MemorySegment at(long address, long bytes) {
        return MemorySegment.ofAddress(address).reinterpret(bytes);
    }

    @Override
    public MemorySegment allocateHost(long bytes) {
        return at(memory.allocate(Math.max(1, bytes)), bytes);
    }

    @Override
    public void freeHost(MemorySegment freed) {
        free(freed.address());
    }

    @Override
    public void upload(long to, MemorySegment from) {
        startUpload(to, from);
        synchronize();
    }

    @Override
    public void startUpload(long to, MemorySegment from) {
        main().start(() -> at(to, from.byteSize()).copyFrom(from));
    }

    @Override
    public void download(long from, MemorySegment to) {
        main().start(() -> to.copyFrom(at(from, to.byteSize())));
        synchronize();
    }

    @Override
    public void clear(long at, long bytes) {
        main().start(() -> at(at, bytes).fill((byte) 0));
        synchronize();
    }

    @Override
    public void copy(long from, long to, long bytes) {
        main().start(() -> at(to, bytes).copyFrom(at(from, bytes)));
    }

    /** Compiled together, before the first runs. */
    @Override
    public synchronized Kernel compile(String name, String source) {
        waiting.put(name, source);
        kernels.add(name);
        return new Kernel(kernels.size() - 1);
    }

    @Override
    public void launch(Kernel kernel, int groups, int groupSize, long arena, long ints, long[] args) {
        CudaEmulator.compile(waiting);
        waiting.clear();
        var name = kernels.get(kernel.number());
        start(name);
        main().start(() -> {
            try (var arguments = Arena.ofConfined()) {
                CudaEmulator.run(
                        name,
                        MemorySegment.ofAddress(arena),
                        MemorySegment.ofAddress(ints),
                        arguments.allocateFrom(ValueLayout.JAVA_LONG, args),
                        groups,
                        groupSize);
            }
        });
    }

    @Override
    public boolean prepare(CudaProduct product, long arena) {
        return behaviour.doesMore() || !(product.hasSums() || product.isActivated());
    }

    @Override
    public void multiply(CudaProduct product, long arena) {
        start(product);
        main().start(() -> {
            // First, since the library may have some before it reads all of the factors.
            if (product.hasSums()) {
                sum(product, arena);
            }
            compute(product, arena);
        });
    }

    /** BGRADA sums the rows of op(A), BGRADB the columns of op(B). */
    private static void sum(CudaProduct product, long arena) {
        var ofFirst = product.sums().ofFirst();
        var factor = ofFirst ? product.first() : product.second();
        var count = ofFirst ? product.result().rows() : product.result().columns();
        for (var i = 0; i < count; i++) {
            var sum = 0.0;
            for (var k = 0; k < product.depth(); k++) {
                var alongRows = ofFirst == factor.transposed();
                sum += get(arena, alongRows ? index(factor, k, i) : index(factor, i, k), product.bf16());
            }
            put(arena, product.sums().place() + i, product.bf16Result(), sum);
        }
    }

    /** D = op(A) · op(B) + C + bias, a bias being a column. */
    private static void compute(CudaProduct product, long arena) {
        for (var outer = 0; outer < product.outer(); outer++) {
            for (var batch = 0; batch < product.batch(); batch++) {
                for (var column = 0; column < product.result().columns(); column++) {
                    for (var row = 0; row < product.result().rows(); row++) {
                        element(product, arena, outer, batch, row, column);
                    }
                }
            }
        }
    }

    private static void element(CudaProduct product, long arena, int outer, int batch, int row, int column) {
        var sum = 0.0;
        for (var k = 0; k < product.depth(); k++) {
            var a = product.first().transposed() ? index(product.first(), k, row) : index(product.first(), row, k);
            var b = product.second().transposed()
                    ? index(product.second(), column, k)
                    : index(product.second(), k, column);
            sum += get(arena, a + batches(product.first(), outer, batch), product.bf16())
                    * get(arena, b + batches(product.second(), outer, batch), product.bf16());
        }
        if (product.addend().place() >= 0) {
            var at = index(product.addend(), row, column) + batches(product.addend(), outer, batch);
            sum += get(arena, at, product.bf16Result());
        }
        if (product.bias() >= 0) {
            sum += get(arena, product.bias() + row, product.bf16Result());
        }
        var at = index(product.stored(), row, column) + batches(product.stored(), outer, batch);
        put(arena, at, product.bf16Result(), activated(product, arena, row, column, sum));
    }

    /** GELU, with its argument kept where that is wanted, or a gradient by it. */
    private static double activated(CudaProduct product, long arena, int row, int column, double sum) {
        var argument = product.behind().argument();
        var at = index(argument, row, column);
        return switch (product.behind().activation()) {
            case NONE -> sum;
            case GELU -> {
                if (argument.place() >= 0) {
                    put(arena, at, product.bf16Result(), sum);
                }
                yield TanhGelu.value(sum);
            }
            case GELU_GRADIENT -> sum * TanhGelu.derivative(get(arena, at, product.bf16Result()));
        };
    }

    private static void put(long arena, long index, boolean bf16, double value) {
        if (bf16) {
            var bits = Float.floatToRawIntBits((float) Scalars.round(DType.BF16, value)) >>> 16;
            at(arena + index * Short.BYTES, Short.BYTES).set(ValueLayout.JAVA_SHORT, 0, (short) bits);
        } else {
            at(arena + index * Float.BYTES, Float.BYTES).set(ValueLayout.JAVA_FLOAT, 0, (float) value);
        }
    }

    private static long index(Matrix matrix, long row, long column) {
        return matrix.place() + row + column * matrix.step();
    }

    private static long batches(Matrix matrix, int outer, int batch) {
        return outer * matrix.outerStep() + batch * matrix.batchStep();
    }

    private static double get(long arena, long index, boolean bf16) {
        return bf16
                ? Float.intBitsToFloat(
                        at(arena + index * Short.BYTES, Short.BYTES).get(ValueLayout.JAVA_SHORT, 0) << 16)
                : at(arena + index * Float.BYTES, Float.BYTES).get(ValueLayout.JAVA_FLOAT, 0);
    }

    @Override
    public long nanos(Runnable work) {
        var start = System.nanoTime();
        work.run();
        synchronize();
        return Math.max(1, System.nanoTime() - start);
    }

    @Override
    public void close() {
        streams.values().forEach(MemoryStream::close);
    }
}
