package org.clipc.runtime.device;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.clipc.program.Choice;
import org.clipc.program.EntryPoint;
import org.clipc.program.KernelCall;
import org.clipc.program.Manifest;
import org.clipc.program.ProgramFile;
import org.clipc.program.Schedule;
import org.clipc.program.TensorSlot;
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
 * <p>All of an entry point is one CUDA graph, unless that is turned off: what changes from run to run lies in memory.
 */
final class CudaProgram implements DeviceProgram {

    /** Bytes that are copied to measure how fast the memory is. */
    private static final long COPIED = 256L << 20;

    /** Rows, columns and depth of the product by which arithmetic is measured. */
    private static final int PROBED = 8192;

    private static final int RUNS = 3;

    private static final AtomicLong COUNT = new AtomicLong();

    private final ProgramFile file;
    private final Manifest manifest;
    private final String path;
    private final CudaOptions options;
    private final String id = "program" + COUNT.incrementAndGet();
    private final TornadoVm.DeviceInfo device;
    private final HeldTensors tensors;
    private final RankedProgram ranks;
    private final Map<String, Entry> entries = new LinkedHashMap<>();
    private final Map<String, Cuda.Kernel> kernels = new HashMap<>();
    private final long bytes;
    private final GemmKernels gemm;
    private @Nullable TornadoPlan plan;
    private @Nullable Cuda cuda;
    private long arena;
    private @Nullable CallObserver observer;

    /**
     * How CUDA is reached.
     */
    @FunctionalInterface
    interface Opener {

        /** @param invocation of a library task, which knows TornadoVM's context and stream */
        Cuda open(Object invocation);
    }

    /** A call, ready to be started. One of no units, which is there for another way to make its neighbours, is not. */
    private record Ready(KernelCall call, Runnable start) {

        boolean isSkipped() {
            return call.units() == 0;
        }
    }

    /** An entry point, whose calls tuning changes. */
    private static final class Entry {

        private final Schedule schedule;
        private final IntArena ints;
        private final long address;
        private final TornadoGraph graph;
        private List<Ready> calls = List.of();

        /** Whether the graph has been played, so that it stays as it is. */
        private boolean isCaptured;

        /** Whether calls have changed since. */
        private boolean isChanged;

        /**
         * @param ints its arena of ints on the host, a copy of that at {@code address}
         * @param graph of one library task
         */
        Entry(Schedule schedule, IntArena ints, long address, TornadoGraph graph) {
            this.schedule = schedule;
            this.ints = ints;
            this.address = address;
            this.graph = graph;
        }

        void start() {
            calls.stream()
                    .filter(call -> !call.isSkipped())
                    .forEach(call -> call.start().run());
        }
    }

    private CudaProgram(
            ProgramFile file,
            List<Schedule> schedules,
            TornadoVm.DeviceInfo device,
            GemmKernels gemm,
            CudaOptions options,
            MeshRank rank) {
        this.file = file;
        this.manifest = file.manifest();
        this.path = file.path().toString();
        this.device = device;
        this.gemm = gemm;
        this.options = options;
        this.tensors = HeldTensors.of(manifest, schedules);
        this.ranks = new RankedProgram(file.path(), manifest, rank, schedules);
        this.bytes = tensors.bytes();
    }

    static CudaProgram load(
            ProgramFile file,
            List<Schedule> schedules,
            TornadoVm vm,
            TornadoVm.DeviceInfo device,
            GemmKernels gemm,
            CudaOptions options,
            MeshRank rank,
            Opener opener)
            throws IOException {
        var program = new CudaProgram(file, schedules, device, gemm, options, rank);
        try {
            program.requireMemory();
            program.open(schedules, vm, opener);
            return program;
        } catch (IOException | RuntimeException e) {
            program.close();
            throw e;
        }
    }

    private void requireMemory() {
        if (bytes > device.memoryBytes()) {
            throw new DeviceException(
                    "%s needs %d MiB, but %s has %d MiB: lower model.micro_batch_size or set model.memory_budget"
                            .formatted(path, bytes >> 20, device.name(), device.memoryBytes() >> 20));
        }
    }

    /** The first graph that runs tells the stream of the plan, on which all that follows happens. */
    private void open(List<Schedule> schedules, TornadoVm vm, Opener opener) throws IOException {
        var unused = vm.ints(Arena.ofAuto().allocate(vm.bytes(1), 128));
        var opening = new TornadoGraph(vm).uploadOnce(unused).libraryTask(function("open"), unused);
        var graphs = new ArrayList<>(List.of(opening));
        var ofEntries = new LinkedHashMap<Schedule, TornadoGraph>();
        for (var schedule : schedules) {
            if (schedule.kernelCalls().size() < schedule.calls().size()) {
                throw new DeviceException(path + ": entry point '" + schedule.entry()
                        + "' is for several ranks, which run on the jvm device only");
            }
            var graph = new TornadoGraph(vm).uploadOnce(unused).libraryTask(function(schedule.entry()), unused);
            graphs.add(graph);
            ofEntries.put(schedule, graph);
        }
        plan = new TornadoPlan(vm, graphs, device);
        TornadoLibrary.add(function("open"), invocation -> cuda = opener.open(invocation));
        plan.run(opening);
        if (options.graph() && device.backend().equals(TornadoDevice.CUDA)) {
            plan.captureGraphs();
        }
        cuda().attach();
        arena = cuda().allocate(bytes);
        kernels.putAll(compile(schedules));
        for (var schedule : schedules) {
            entries.put(schedule.entry(), entry(schedule, Objects.requireNonNull(ofEntries.get(schedule))));
        }
        tune(Map.of());
    }

    private String function(String name) {
        return id + "." + name;
    }

    private Cuda cuda() {
        return Objects.requireNonNull(cuda, "opened by the first graph");
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

    private Entry entry(Schedule schedule, TornadoGraph graph) {
        var size = Math.max(1, schedule.ints()) * (long) Integer.BYTES;
        var ints = Arena.ofAuto().allocate(size, Long.BYTES);
        var entry = new Entry(schedule, new IntArena(schedule, ints), cuda().allocate(size), graph);
        TornadoLibrary.add(function(schedule.entry()), _ -> {
            cuda().attach();
            entry.start();
        });
        return entry;
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
            entry.calls = entry.schedule.with(options).kernelCalls().stream()
                    .map(call -> new Ready(call, start(call, entry.address)))
                    .toList();
        }
    }

    private Runnable start(KernelCall call, long ints) {
        if (wantsLibrary(call)) {
            var product = CudaProduct.of(call.args());
            if (cuda().prepare(product, arena)) {
                return () -> cuda().multiply(product, arena);
            }
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
    public Manifest manifest() {
        return manifest;
    }

    @Override
    public HostTensor read(String tensor) {
        return download(tensors.slot(tensor));
    }

    private HostTensor download(TensorSlot slot) {
        var values = IntArena.tensor(slot.type());
        cuda().attach();
        cuda().download(arena + slot.offset(), values.data());
        return values;
    }

    @Override
    public void write(String tensor, HostTensor value) {
        write("'" + tensor + "'", tensors.slot(tensor), value);
    }

    private void write(String what, TensorSlot slot, HostTensor value) {
        var converted = IntArena.tensor(slot.type());
        DeviceTensors.copy(what, value, slot.type(), converted);
        cuda().attach();
        cuda().upload(arena + slot.offset(), converted.data());
    }

    @Override
    public void write(String tensor, long from, HostTensor part) {
        var slot = tensors.slot(tensor);
        DeviceTensors.requirePart(slot, from, part);
        var dtype = slot.type().dtype();
        var values = Arena.ofAuto().allocate(part.elementCount() * dtype.bytes(), Manifest.ALIGNMENT);
        part.copyTo(new HostTensor(DeviceTensors.hostType(dtype), part.shape(), values));
        cuda().attach();
        cuda().upload(arena + slot.offset() + from * dtype.bytes(), values);
    }

    @Override
    public void clearState() {
        cuda().attach();
        for (var slot : tensors.cleared()) {
            cuda().clear(arena + slot.offset(), slot.type().bytes());
        }
    }

    @Override
    public Map<String, HostTensor> run(
            String entry, Map<String, HostTensor> inputs, @Nullable Collection<String> outputs) {
        if (!entries.containsKey(entry)) {
            throw new DeviceException("entry point '" + entry + "' is not loaded, only " + entries.keySet());
        }
        var point = ranks.shortest(entry, inputs);
        var loaded = Objects.requireNonNull(entries.get(point.name()));
        writeInputs(point, loaded, ranks.inputs(point, inputs));
        if (observer != null) {
            profile(loaded, observer);
        } else {
            play(loaded);
        }
        return results(point, loaded, outputs);
    }

    /** By the graph, unless calls have changed since that was captured. */
    private void play(Entry entry) {
        if (entry.isChanged) {
            cuda().attach();
            entry.start();
        } else {
            entry.isCaptured = true;
            Objects.requireNonNull(plan).run(entry.graph);
        }
    }

    /** Runs calls one by one, each between two events of the device. */
    private void profile(Entry entry, CallObserver told) {
        for (var ready : entry.calls) {
            var start = System.nanoTime();
            var nanos = ready.isSkipped() ? 0 : cuda().nanos(ready.start());
            told.called(entry.schedule.entry(), ready.call(), new CallTiming(start, nanos, List.of()));
        }
    }

    private void writeInputs(EntryPoint point, Entry entry, Map<String, HostTensor> inputs) {
        DeviceTensors.requireInputs(point, inputs);
        for (var slot : point.inputs()) {
            var value = Objects.requireNonNull(inputs.get(slot.name()));
            var what = "input '" + slot.name() + "'";
            if (slot.type().dtype().isFloat()) {
                write(what, slot, value);
            } else {
                entry.ints.write(what, slot, value);
            }
        }
        cuda().attach();
        cuda().upload(entry.address, entry.ints.host());
    }

    private Map<String, HostTensor> results(EntryPoint point, Entry entry, @Nullable Collection<String> outputs) {
        var wanted = point.outputs().stream()
                .filter(slot -> outputs == null || outputs.contains(slot.name()))
                .toList();
        if (wanted.stream().anyMatch(slot -> !slot.type().dtype().isFloat())) {
            cuda().attach();
            cuda().download(entry.address, entry.ints.host());
        }
        var results = new LinkedHashMap<String, HostTensor>();
        wanted.forEach(slot ->
                results.put(slot.name(), slot.type().dtype().isFloat() ? download(slot) : entry.ints.read(slot)));
        return results;
    }

    @Override
    public void observe(@Nullable CallObserver other) {
        observer = other;
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
    public long memoryBytes() {
        return bytes;
    }

    @Override
    public void close() {
        TornadoLibrary.remove(function("open"));
        entries.keySet().forEach(entry -> TornadoLibrary.remove(function(entry)));
        if (cuda != null) {
            cuda.attach();
            entries.values().forEach(entry -> cuda().free(entry.address));
            if (arena != 0) {
                cuda.free(arena);
            }
            cuda.close();
        }
        if (plan != null) {
            plan.close();
        }
    }
}
