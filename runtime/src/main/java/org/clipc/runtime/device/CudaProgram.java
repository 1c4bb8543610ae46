package org.clipc.runtime.device;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.clipc.program.AwaitCall;
import org.clipc.program.Call;
import org.clipc.program.Choice;
import org.clipc.program.CollectiveCall;
import org.clipc.program.KernelCall;
import org.clipc.program.ProgramFile;
import org.clipc.program.Schedule;
import org.clipc.program.TensorSlot;
import org.clipc.runtime.collective.StreamGroup;
import org.clipc.runtime.io.DataFormatException;
import org.clipc.runtime.tensor.HostTensor;
import org.jspecify.annotations.Nullable;

/**
 * A program on a CUDA device of TornadoVM, by kernels in CUDA C and a library of matrix products. TornadoVM has the device,
 * its stream and the graphs of work; an entry point is one library task of it, which starts all of the entry point's calls
 * on the stream. Its own tasks for prebuilt kernels would not do: of several in one graph, all run the first one's code
 * (TornadoVM 5.2: PrebuiltTask.equals holds for tasks of another class only), an array has 8 GiB at most, and an argument
 * is no place of two bytes in an array of floats.
 *
 * <p>All of an entry point is one CUDA graph, unless that is turned off: what changes from run to run lies in memory. What
 * ranks exchange is started by NCCL between the kernels, or on a second stream beside them where the schedule awaits it later,
 * and is part of that graph. No copy goes through the host, which waits only for the end of a run.
 */
final class CudaProgram extends ArenaProgram {

    /** Bytes that are copied to measure how fast the memory is. */
    private static final long COPIED = 256L << 20;

    /** Rows, columns and depth of the product by which arithmetic is measured. */
    private static final int PROBED = 8192;

    private static final int RUNS = 3;

    private final ProgramFile file;
    private final TornadoVm.DeviceInfo device;
    private final Map<String, Entry> entries = new LinkedHashMap<>();
    private final Map<String, Cuda.Kernel> kernels = new HashMap<>();
    private final GemmKernels gemm;
    private final ExchangeWatch watch;
    private @Nullable CudaTasks tasks;
    private @Nullable CudaStaging staging;
    private long arena;

    /**
     * A call, ready to be started.
     *
     * @param start starts it
     * @param end has what is started later wait for it, where that does not go without saying
     * @param isSkipped whether it is not to be started
     */
    private record Ready(Call call, Runnable start, Runnable end, boolean isSkipped) {

        Ready(Call call, Runnable start, Runnable end) {
            this(call, start, end, false);
        }

        /** One of no units is there for another way to make its neighbours. */
        static Ready of(KernelCall call, Runnable start) {
            return new Ready(call, start, () -> {}, call.units() == 0);
        }

        /** One whose work another call does. */
        static Ready done(KernelCall call) {
            return new Ready(call, () -> {}, () -> {}, true);
        }
    }

    /** An entry point, whose calls tuning changes. */
    private static final class Entry {

        private final Schedule schedule;
        private final IntArena ints;
        private final long address;

        /** Where the streams part, if they do, and where collectives are over, by the index of their calls. */
        private final Map<Integer, Cuda.Point> points = new HashMap<>();

        private List<Ready> calls = List.of();
        private List<CudaExchange> exchanges = List.of();

        /** Whether it has run. */
        private boolean hasRun;

        /** Whether the graph has been played, so that it stays as it is. */
        private boolean isCaptured;

        /** Whether calls have changed since. */
        private boolean isChanged;

        /** @param ints its arena of ints on the host, a copy of that at {@code address} */
        Entry(Schedule schedule, IntArena ints, long address) {
            this.schedule = schedule;
            this.ints = ints;
            this.address = address;
        }

        String name() {
            return schedule.entry();
        }

        Cuda.Point point(Cuda cuda, int call) {
            return points.computeIfAbsent(call, _ -> cuda.newPoint());
        }

        void start(Cuda cuda) {
            cuda.enter();
            calls.stream()
                    .filter(call -> !call.isSkipped())
                    .forEach(call -> call.start().run());
            cuda.leave();
        }
    }

    private CudaProgram(
            ProgramFile file, List<Schedule> schedules, TornadoVm.DeviceInfo device, GemmKernels gemm, MeshRank rank) {
        super(file, schedules, rank);
        this.file = file;
        this.device = device;
        this.gemm = gemm;
        this.watch = new ExchangeWatch(rank);
    }

    static CudaProgram load(
            ProgramFile file,
            List<Schedule> schedules,
            TornadoVm.DeviceInfo device,
            GemmKernels gemm,
            MeshRank rank,
            CudaTasks.Opener opener)
            throws IOException {
        var program = new CudaProgram(file, schedules, device, gemm, rank);
        try {
            program.requireMemory();
            program.open(schedules, opener);
            return program;
        } catch (IOException | RuntimeException e) {
            program.close();
            throw e;
        }
    }

    private void requireMemory() {
        if (memoryBytes() > device.memoryBytes()) {
            throw new DeviceException(
                    "%s needs %d MiB, but %s has %d MiB: lower model.micro_batch_size or set model.memory_budget"
                            .formatted(path, memoryBytes() >> 20, device.name(), device.memoryBytes() >> 20));
        }
    }

    private void open(List<Schedule> schedules, CudaTasks.Opener opener) throws IOException {
        var exchanging = schedules.stream()
                .filter(schedule -> schedule.calls().stream().anyMatch(CollectiveCall.class::isInstance))
                .toList();
        exchanging.forEach(this::requireStreams);
        var works = new LinkedHashMap<String, Runnable>();
        schedules.forEach(schedule ->
                works.put(schedule.entry(), () -> entry(schedule.entry()).start(cuda())));
        tasks = opener.open(works, !exchanging.isEmpty());
        cuda().attach();
        staging = new CudaStaging(cuda());
        arena = cuda().allocate(memoryBytes());
        kernels.putAll(compile(schedules));
        schedules.forEach(schedule -> entries.put(schedule.entry(), newEntry(schedule)));
        tune(Map.of());
    }

    /** Groups that exchange on streams are NCCL's. */
    private void requireStreams(Schedule schedule) {
        for (var call : schedule.calls()) {
            if (call instanceof CollectiveCall collective) {
                streams(schedule, collective, false);
            }
        }
    }

    private StreamGroup streams(Schedule schedule, CollectiveCall call, boolean beside) {
        if (ranks.group(schedule, call, beside) instanceof StreamGroup group) {
            return group;
        }
        throw new DeviceException(
                "%s: entry point '%s' is for %d ranks, which exchange over NCCL on CUDA devices, each a process with a GPU of its own: start them with torchrun or srun, or by hand with RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT set, and leave --ranks and mpirun out"
                        .formatted(path, schedule.entry(), manifest.mesh().size()));
    }

    private Cuda cuda() {
        return Objects.requireNonNull(tasks, "loaded").cuda();
    }

    /** All kernels, several at once: the compiler takes a while for each. */
    private Map<String, Cuda.Kernel> compile(List<Schedule> schedules) throws IOException {
        var sources = new HashMap<String, String>();
        for (var schedule : schedules) {
            for (var name : new TreeSet<>(
                    schedule.kernelCalls().stream().map(KernelCall::kernel).toList())) {
                sources.put(
                        name,
                        file.prebuilt(schedule.target(), name)
                                .orElseThrow(() ->
                                        new DataFormatException(file.path(), "has no source of the kernel " + name)));
            }
        }
        var compiled = new ConcurrentHashMap<String, Cuda.Kernel>();
        sources.entrySet().parallelStream()
                .forEach(kernel ->
                        compiled.put(kernel.getKey(), cuda().compile(simpleName(kernel.getKey()), kernel.getValue())));
        return compiled;
    }

    private static String simpleName(String kernel) {
        return kernel.substring(kernel.lastIndexOf('.') + 1);
    }

    private Entry newEntry(Schedule schedule) {
        var size = Math.max(1, schedule.ints()) * (long) Integer.BYTES;
        var ints = Arena.ofAuto().allocate(size, Long.BYTES);
        return new Entry(schedule, new IntArena(schedule, ints), cuda().allocate(size));
    }

    @Override
    public List<Choice> choices(String entry) {
        var loaded = entries.get(entry);
        return loaded == null ? List.of() : loaded.schedule.choices();
    }

    @Override
    public void tune(Map<String, String> options) {
        cuda().attach();
        for (var entry : entries.values()) {
            entry.isChanged |= entry.isCaptured;
            link(entry, entry.schedule.with(options));
        }
    }

    /**
     * Indices of the calls whose work the library does along with a product before: what is made of the product is that of the
     * same node, a factor's sums are the next node's.
     */
    private BitSet doneBefore(List<Call> calls) {
        var done = new BitSet();
        for (var i = 0; i + 1 < calls.size(); i++) {
            if (calls.get(i) instanceof KernelCall call) {
                var next = i + 1;
                product(call)
                        .filter(product -> product.isActivated() || product.hasSums())
                        .ifPresent(_ -> markNode(calls, next, done));
            }
        }
        return done;
    }

    /** All that a node calls from an index on. */
    private static void markNode(List<Call> calls, int from, BitSet marked) {
        var node = calls.get(from).node();
        for (var i = from; i < calls.size() && calls.get(i).node() == node; i++) {
            marked.set(i);
        }
    }

    /** The order of the schedule is that in which all ranks give work to NCCL, whatever the streams. */
    private void link(Entry entry, Schedule schedule) {
        var awaited = schedule.awaited();
        var exchanges = new TreeMap<Integer, CudaExchange>();
        var linked = new ArrayList<Ready>(schedule.calls().size());
        var done = doneBefore(schedule.calls());
        for (var call : schedule.calls()) {
            var index = linked.size();
            linked.add(
                    switch (call) {
                        case KernelCall kernel when done.get(index) -> Ready.done(kernel);
                        case KernelCall kernel -> Ready.of(kernel, start(kernel, entry.address));
                        case CollectiveCall collective -> {
                            var exchange = exchange(entry, collective, index, exchanges.size(), awaited.get(index));
                            exchanges.put(index, exchange);
                            yield new Ready(collective, () -> exchange.start(cuda()), () -> exchange.await(cuda()));
                        }
                        case AwaitCall await -> {
                            var exchange = Objects.requireNonNull(exchanges.get(await.started()));
                            yield new Ready(await, () -> exchange.await(cuda()), () -> {});
                        }
                    });
        }
        entry.calls = List.copyOf(linked);
        entry.exchanges = List.copyOf(exchanges.values());
    }

    private CudaExchange exchange(Entry entry, CollectiveCall call, int index, int number, boolean beside) {
        var group = streams(entry.schedule, call, beside);
        if (group.device() != cuda().device()) {
            throw new DeviceException(
                    "%s: NCCL has this rank on GPU %d, that of its local rank, but %s is GPU %d: leave the number of the device out of --device, or set LOCAL_RANK to that"
                            .formatted(path, group.device(), device.name(), cuda().device()));
        }
        return new CudaExchange(
                call,
                group,
                arena,
                number,
                "exchange " + (number + 1) + " of " + entry.name(),
                beside ? Cuda.Lane.BESIDE : Cuda.Lane.MAIN,
                entry.point(cuda(), -1),
                entry.point(cuda(), index));
    }

    /** What the library computes for a call: with all that is wanted besides if it can; nothing if it takes no such product. */
    private Optional<CudaProduct> product(KernelCall call) {
        if (!wantsLibrary(call)) {
            return Optional.empty();
        }
        var wanted = CudaProduct.of(call.args());
        return Stream.of(wanted, wanted.alone())
                .filter(product -> cuda().prepare(product, arena))
                .findFirst();
    }

    private Runnable start(KernelCall call, long ints) {
        var product = product(call);
        if (product.isPresent()) {
            return () -> cuda().multiply(product.get(), arena);
        }
        var kernel = Objects.requireNonNull(kernels.get(call.kernel()));
        var args = call.args().stream().mapToLong(Long::longValue).toArray();
        return () -> cuda().launch(kernel, call.units(), call.groupSize(), arena, ints, args);
    }

    private boolean wantsLibrary(KernelCall call) {
        if (!CudaProduct.isProduct(call.kernel()) || call.args().size() < CudaProduct.ARGUMENTS) {
            return false;
        }
        return switch (CudaProduct.way(call.args())) {
            case DEFAULT -> gemm != GemmKernels.PREBUILT;
            case KERNEL -> false;
            case LIBRARY -> true;
        };
    }

    @Override
    void write(TensorSlot slot, HostTensor value) {
        Objects.requireNonNull(staging)
                .upload(
                        arena + slot.offset(),
                        DeviceTensors.hostType(slot.type().dtype()),
                        value);
    }

    @Override
    void upload(long at, MemorySegment values) {
        cuda().attach();
        cuda().upload(arena + at, values);
    }

    @Override
    void download(long at, MemorySegment values) {
        cuda().attach();
        cuda().download(arena + at, values);
    }

    @Override
    void clear(long at, long bytes) {
        cuda().attach();
        cuda().clear(arena + at, bytes);
    }

    @Override
    Set<String> loaded() {
        return entries.keySet();
    }

    @Override
    IntArena ints(String entry) {
        return entry(entry).ints;
    }

    private Entry entry(String name) {
        return Objects.requireNonNull(entries.get(name));
    }

    @Override
    void execute(String name, boolean givesInts) {
        var entry = entry(name);
        cuda().attach();
        cuda().upload(entry.address, entry.ints.host());
        var told = observer;
        watch.run(cuda(), name, entry.exchanges, () -> {
            if (told != null) {
                profile(entry, told);
            } else {
                play(entry);
            }
        });
        if (givesInts) {
            cuda().attach();
            cuda().download(entry.address, entry.ints.host());
        }
    }

    /**
     * By the graph, unless calls have changed since that was captured. The first run is without: CUDA loads the code of kernels
     * and libraries when they first start, and NCCL connects the ranks when they first exchange something, none of which can be
     * captured.
     */
    private void play(Entry entry) {
        if (entry.isChanged || !entry.hasRun) {
            entry.start(cuda());
        } else {
            entry.isCaptured = true;
            Objects.requireNonNull(tasks).run(entry.name());
        }
        cuda().attach();
        cuda().synchronize();
        entry.hasRun = true;
    }

    /** Runs calls one by one, each between two events of the device, those too that would go on beside others. */
    private void profile(Entry entry, CallObserver told) {
        cuda().attach();
        for (var ready : entry.calls) {
            var start = System.nanoTime();
            var nanos = ready.isSkipped() || ready.call() instanceof AwaitCall
                    ? 0
                    : cuda().nanos(() -> {
                        ready.start().run();
                        ready.end().run();
                    });
            told.called(entry.name(), ready.call(), new CallTiming(start, nanos, List.of()));
        }
    }

    /** Arithmetic by the library's product of large matrices of bf16, memory by copying. */
    @Override
    public Roofline roofline() {
        cuda().attach();
        var elements = (long) PROBED * PROBED;
        var scratch = cuda().allocate(Math.max(2 * COPIED, 3 * elements * Short.BYTES));
        try {
            var product = CudaProduct.square(PROBED);
            if (!cuda().prepare(product, scratch)) {
                throw new DeviceException("the library computes no product of bf16, by which arithmetic is measured");
            }
            var multiplying = least(() -> cuda().multiply(product, scratch));
            var copying = least(() -> cuda().copy(scratch, scratch + COPIED, COPIED));
            return new Roofline(2.0 * elements * PROBED / multiplying * 1e9, 2.0 * COPIED / copying * 1e9);
        } finally {
            cuda().free(scratch);
        }
    }

    private long least(Runnable work) {
        var least = Long.MAX_VALUE;
        for (var run = 0; run < RUNS; run++) {
            least = Math.min(least, Math.max(1, cuda().nanos(work)));
        }
        return least;
    }

    @Override
    public void close() {
        watch.close();
        if (tasks == null) {
            return;
        }
        cuda().attach();
        if (staging != null) {
            staging.close();
        }
        entries.values().forEach(entry -> cuda().free(entry.address));
        if (arena != 0) {
            cuda().free(arena);
        }
        cuda().close();
        tasks.close();
    }
}
