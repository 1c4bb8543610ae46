package org.clipc.runtime.device;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;
import org.clipc.ir.TensorType;
import org.clipc.program.Choice;
import org.clipc.program.EntryPoint;
import org.clipc.program.KernelCall;
import org.clipc.program.Manifest;
import org.clipc.program.ProgramFile;
import org.clipc.program.Schedule;
import org.clipc.program.TensorSlot;
import org.clipc.runtime.device.TornadoVm.DeviceArray;
import org.clipc.runtime.io.DataFormatException;
import org.clipc.runtime.tensor.HostTensor;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A program on a device of TornadoVM. Parameters, workspace and state are one array of floats that never leaves the
 * device; the kernels {@code Upload} and {@code Download}, which every program for TornadoVM has, copy parts of it from and
 * to a small array that does. Ints, token ids above all, travel with each run.
 *
 * <p>An entry point is a chain of graphs, since TornadoVM limits how many tasks a graph may have.
 */
final class TornadoProgram implements DeviceProgram {

    private static final Logger LOG = LoggerFactory.getLogger(TornadoProgram.class);

    /** Tasks of a graph: 256 are the most, and the transfers of their arguments count too. */
    private static final int TASKS = 100;

    private static final int RECEIVING_GROUP = 256;

    /** Bytes from which on memory is mapped, in huge pages. */
    private static final long MAPPED = 1 << 22;

    private static final long ALIGNMENT = 128;

    /** A task as TornadoVM's messages name it. */
    private static final Pattern TASK = Pattern.compile(TornadoGraph.NAME + "\\.(\\w+)_(\\d+)");

    private final Path path;
    private final Manifest manifest;
    private final TornadoVm vm;
    private final TornadoKernels kernels;
    private final RankedProgram ranks;
    private final Arena lifetime = Arena.ofShared();
    private final DeviceArray floats;
    private final DeviceArray one;
    private final TornadoTransfers transfers;
    private final HeldTensors tensors;
    private final Map<String, Entry> entries = new LinkedHashMap<>();
    private final long bytes;
    private @Nullable TornadoPlan plan;
    private final TornadoVm.DeviceInfo device;
    private final Object probe;
    private final Object copy;
    private @Nullable CallObserver observer;

    /** Whether calls were ever made in another way than by default. */
    private boolean isTuned;

    /**
     * @param calls what the graph runs, besides {@code Receive}; those of no groups, which are there for another way to make
     *     their neighbours, it does not have
     */
    private record Part(TornadoGraph graph, List<KernelCall> calls) {

        int tasks() {
            return (int) calls.stream().filter(call -> call.units() > 0).count();
        }
    }

    /**
     * What a graph runs.
     *
     * @param prebuilt the kernel in C that all its calls are of; empty if they are of others
     */
    private record Piece(List<KernelCall> calls, String prebuilt, boolean first, boolean last) {

        Piece {
            calls = List.copyOf(calls);
        }
    }

    /** An entry point, whose calls tuning changes. */
    private static final class Entry {

        private final Schedule schedule;
        private final TornadoChoices choices;
        private final DeviceArray ints;
        private final DeviceArray constants;

        /** Every part that was ever run, so that tuning compiles nothing twice. */
        private final Map<Piece, Part> made = new HashMap<>();

        /** Run in order. */
        private List<Part> parts = List.of();

        /** @param ints its arena of ints */
        Entry(Schedule schedule, TornadoChoices choices, DeviceArray ints, DeviceArray constants) {
            this.schedule = schedule;
            this.choices = choices;
            this.ints = ints;
            this.constants = constants;
        }
    }

    private TornadoProgram(
            ProgramFile program,
            List<Schedule> schedules,
            TornadoVm vm,
            TornadoVm.DeviceInfo device,
            TornadoKernels kernels,
            MeshRank rank)
            throws IOException {
        this.path = program.path();
        this.manifest = program.manifest();
        this.vm = vm;
        this.kernels = kernels;
        this.ranks = new RankedProgram(path, manifest, rank, schedules);
        this.device = device;
        this.probe = kernels.fixed("ProbeFlops");
        this.copy = kernels.fixed("Download");
        this.tensors = HeldTensors.of(manifest, schedules);
        this.bytes = tensors.bytes();
        floats = vm.floats(memory(bytes / Float.BYTES));
        one = vm.ints(memory(2));
        one.host().setAtIndex(ValueLayout.JAVA_INT, 1, 1);
        transfers = new TornadoTransfers(vm, kernels, floats, this::memory);
    }

    /** Memory for an array: mapped if it is large, so that the host has no copy of what lives on the device only. */
    private MemorySegment memory(long elements) {
        var size = vm.bytes(Math.max(1, elements));
        return size < MAPPED ? lifetime.allocate(size, ALIGNMENT) : OffHeap.allocate(size, lifetime);
    }

    static TornadoProgram load(
            ProgramFile file,
            String target,
            List<Schedule> schedules,
            TornadoVm vm,
            TornadoVm.DeviceInfo device,
            GemmKernels gemm,
            MeshRank rank)
            throws IOException {
        var loader = new TornadoKernels(file, target, gemm, device.compilesOpenCl(), vm.headerBytes());
        var program = new TornadoProgram(file, schedules, vm, device, loader, rank);
        try {
            program.requireMemory(device);
            program.link(schedules);
            return program;
        } catch (IOException | RuntimeException e) {
            program.close();
            throw e;
        }
    }

    private void requireMemory(TornadoVm.DeviceInfo device) {
        if (bytes > device.mostBytes() || bytes > device.memoryBytes()) {
            throw new DeviceException(
                    "%s needs %d MiB in one piece, but %s has %d MiB and gives %d MiB at most: lower model.micro_batch_size or set model.memory_budget"
                            .formatted(
                                    path,
                                    bytes >> 20,
                                    device.name(),
                                    device.memoryBytes() >> 20,
                                    device.mostBytes() >> 20));
        }
        if (bytes / Float.BYTES > Integer.MAX_VALUE) {
            throw new DeviceException(
                    "%s needs %d MiB, but TornadoVM's arrays have 8192 MiB at most: lower model.micro_batch_size or set model.memory_budget"
                            .formatted(path, bytes >> 20));
        }
    }

    private void link(List<Schedule> schedules) throws IOException {
        for (var schedule : schedules) {
            entries.put(schedule.entry(), entry(schedule));
        }
        for (var entry : entries.values()) {
            remake(entry, entry.choices.with(Map.of()), false);
        }
        plan = new TornadoPlan(vm, graphs(), device);
        transfers.clear(plan(), 0, manifest.parameterBytes());
        if (bytes > manifest.stateOffset()) {
            transfers.clear(plan(), manifest.stateOffset(), bytes - manifest.stateOffset());
        }
    }

    private List<TornadoGraph> graphs() {
        var graphs = new ArrayList<>(transfers.graphs());
        entries.values().forEach(entry -> entry.made.values().forEach(part -> graphs.add(part.graph())));
        return graphs;
    }

    private Entry entry(Schedule schedule) throws IOException {
        checkPlaces(schedule);
        var constants = vm.floats(memory(schedule.constants().size()));
        for (var i = 0; i < schedule.constants().size(); i++) {
            constants
                    .host()
                    .setAtIndex(ValueLayout.JAVA_FLOAT, i, schedule.constants().get(i));
        }
        if (schedule.kernelCalls().size() < schedule.calls().size()) {
            throw new DeviceException(path + ": entry point '" + schedule.entry()
                    + "' is for several ranks, which run on the jvm device only");
        }
        var choices = new TornadoChoices(schedule, kernels.inBoth(schedule));
        return new Entry(schedule, choices, vm.ints(memory(schedule.ints())), constants);
    }

    /**
     * Has an entry point make its calls in these ways, in graphs that there are or new ones.
     *
     * @param apart whether calls that have a choice are in graphs of their own, so that others' choices leave these as they
     *     are
     */
    private void remake(Entry entry, TornadoChoices.Made made, boolean apart) throws IOException {
        kernels.renderInJava(made.inJava());
        var parts = new ArrayList<Part>();
        for (var piece : cut(made.schedule().kernelCalls(), apart ? made.starts() : new BitSet())) {
            var known = entry.made.get(piece);
            if (known == null) {
                known = part(entry, piece);
                entry.made.put(piece, known);
            }
            parts.add(known);
        }
        entry.parts = parts;
    }

    private Part part(Entry entry, Piece piece) throws IOException {
        var graph = new TornadoGraph(vm);
        graph.consume(floats);
        if (piece.first()) {
            graph.upload(entry.ints)
                    .uploadOnce(entry.constants, one)
                    .task(kernels.fixed("Receive"), 1, RECEIVING_GROUP, floats, entry.ints, one, entry.constants);
        } else {
            graph.consume(entry.ints, entry.constants);
        }
        for (var call : piece.calls()) {
            if (call.units() > 0) {
                add(graph, call, entry.ints, entry.constants);
            }
        }
        graph.persist(floats, entry.ints, entry.constants);
        return new Part(piece.last() ? graph.download(entry.ints) : graph, piece.calls());
    }

    /**
     * Cuts calls into what graphs run, at least one, of which the first has room for {@code Receive}. TornadoVM 5.2 runs
     * every prebuilt task of a graph with the code of the graph's first task (PrebuiltTask.equals holds for tasks of another
     * class only); so a graph either has none, or calls of one such kernel only.
     *
     * @param starts where else to cut
     */
    private List<Piece> cut(List<KernelCall> calls, BitSet starts) throws IOException {
        var pieces = new ArrayList<Piece>();
        var piece = new ArrayList<KernelCall>();
        var tasks = 1;
        var last = "";
        for (var i = 0; i < calls.size(); i++) {
            var call = calls.get(i);
            var isSkipped = call.units() == 0;
            var prebuilt = !isSkipped && kernels.isPrebuilt(call) ? call.kernel() : "";
            var fits = isSkipped || (prebuilt.equals(last) && tasks < TASKS);
            // No graph is without a task.
            if (tasks > 0 && (!fits || starts.get(i))) {
                pieces.add(new Piece(piece, last, pieces.isEmpty(), false));
                piece = new ArrayList<>();
                tasks = 0;
            }
            piece.add(call);
            if (!isSkipped) {
                last = prebuilt;
                tasks++;
            }
        }
        if (tasks == 0) {
            var before = pieces.removeLast();
            piece.addAll(0, before.calls());
            last = before.prebuilt();
        }
        pieces.add(new Piece(piece, last, pieces.isEmpty(), true));
        return pieces;
    }

    @Override
    public List<Choice> choices(String entry) {
        var loaded = entries.get(entry);
        return loaded == null ? List.of() : loaded.choices.all();
    }

    @Override
    public void tune(Map<String, String> options) {
        isTuned |= !options.isEmpty();
        var made = new LinkedHashMap<Entry, TornadoChoices.Made>();
        entries.values().forEach(entry -> made.put(entry, entry.choices.with(options)));
        var before = graphs().size();
        try {
            for (var entry : made.entrySet()) {
                remake(entry.getKey(), entry.getValue(), isTuned);
            }
        } catch (IOException e) {
            throw new DeviceException("%s: cannot be tuned: %s".formatted(path, e.getMessage()), e);
        }
        if (graphs().size() > before) {
            // The graphs of a plan are those that it begins with.
            var next = new TornadoPlan(vm, graphs(), device);
            transfers.handOver(plan(), next);
            plan = next;
        }
    }

    private void add(TornadoGraph graph, KernelCall call, DeviceArray ints, DeviceArray constants) throws IOException {
        var args = vm.ints(memory(call.args().size()));
        for (var i = 0; i < call.args().size(); i++) {
            args.host()
                    .setAtIndex(
                            ValueLayout.JAVA_INT, i, Math.toIntExact(call.args().get(i)));
        }
        graph.uploadOnce(args);
        kernels.add(call, graph, floats, ints, args, constants);
    }

    /** Every input and output of an int type must have its place in the arena of ints, and fit. */
    private void checkPlaces(Schedule schedule) {
        var point = manifest.entry(schedule.entry());
        for (var slots : List.of(point.inputs(), point.outputs())) {
            for (var slot : slots) {
                var place = schedule.places().get(slot.name());
                var fits = place != null && place + slot.type().elements() <= schedule.ints();
                if (!slot.type().dtype().isFloat() && place != null && !fits) {
                    throw new DataFormatException(
                            path, "schedule of " + schedule.entry(), "has no room for '" + slot.name() + "'");
                }
            }
        }
    }

    private TornadoPlan plan() {
        return Objects.requireNonNull(plan, "linked when loaded");
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
        var values = host(slot.type());
        transfers.download(plan(), slot.offset() / Float.BYTES, values.data());
        return values;
    }

    /** A new tensor on the host. Behind its last element there is room for the rest of a float. */
    private static HostTensor host(TensorType type) {
        var bytes = type.bytes();
        return new HostTensor(
                DeviceTensors.hostType(type.dtype()),
                DeviceTensors.hostShape(type.shape()),
                Arena.ofAuto()
                        .allocate(TornadoTransfers.wholeFloats(bytes) * Float.BYTES, Manifest.ALIGNMENT)
                        .asSlice(0, bytes));
    }

    @Override
    public void write(String tensor, HostTensor value) {
        var slot = tensors.slot(tensor);
        write("'" + tensor + "'", slot, value);
    }

    private void write(String what, TensorSlot slot, HostTensor value) {
        var converted = host(slot.type());
        DeviceTensors.copy(what, value, slot.type(), converted);
        transfers.upload(plan(), slot.offset() / Float.BYTES, converted.data());
    }

    @Override
    public void write(String tensor, long from, HostTensor part) {
        var slot = tensors.slot(tensor);
        DeviceTensors.requirePart(slot, from, part);
        var dtype = slot.type().dtype();
        var bytes = part.elementCount() * dtype.bytes();
        var start = slot.offset() + from * dtype.bytes();
        var before = start % Float.BYTES;
        // A part of bf16 may begin and end within a float, of which the other half stays.
        var floats =
                Arena.ofAuto().allocate(TornadoTransfers.wholeFloats(before + bytes) * Float.BYTES, Manifest.ALIGNMENT);
        if (floats.byteSize() != bytes) {
            transfers.download(plan(), start / Float.BYTES, floats);
        }
        part.copyTo(new HostTensor(DeviceTensors.hostType(dtype), part.shape(), floats.asSlice(before, bytes)));
        transfers.upload(plan(), start / Float.BYTES, floats);
    }

    @Override
    public void clearState() {
        for (var slot : tensors.cleared()) {
            transfers.clear(plan(), slot.offset(), Manifest.align(slot.type().bytes()));
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
        for (var part : loaded.parts) {
            var start = System.nanoTime();
            var nanos = runPart(loaded, part.graph());
            tell(loaded, part, start, System.nanoTime() - start, nanos);
        }
        var results = new LinkedHashMap<String, HostTensor>();
        for (var slot : point.outputs()) {
            if (outputs == null || outputs.contains(slot.name())) {
                results.put(slot.name(), result(loaded, slot));
            }
        }
        return results;
    }

    /** Nanoseconds of kernels by task, if somebody wants to know each call's; else nothing. */
    private Map<String, Long> runPart(Entry entry, TornadoGraph graph) {
        try {
            if (observer != null && observer.wantsEachCall()) {
                return plan().profile(graph);
            }
            plan().run(graph);
            return Map.of();
        } catch (DeviceException e) {
            throw new DeviceException(
                    "%s: entry point '%s': %s".formatted(path, entry.schedule.entry(), explained(e)), e);
        }
    }

    /** TornadoVM's message with the kernel's name for the task's. */
    private static String explained(DeviceException e) {
        var message = String.valueOf(e.getMessage()).replaceAll("(?s)\\s*Stacktrace: .*", "");
        var task = TASK.matcher(message);
        if (!task.find()) {
            return message;
        }
        return "kernel %s (call %s of it) fails: %s%nIts source is in the program if that was compiled with --keep-sources"
                .formatted(task.group(1), task.group(2), message);
    }

    /**
     * Where a kernel's time is not known, calls of a graph share the graph's. Kernels are taken to run one after the other,
     * at equal distances.
     *
     * @param kernels nanoseconds by task
     */
    private void tell(Entry entry, Part part, long start, long nanos, Map<String, Long> kernels) {
        var told = observer;
        if (told == null) {
            return;
        }
        // The first part has a task before those of its calls.
        var tasks = part.graph().tasks();
        var task = tasks.size() - part.tasks();
        var share = nanos / Math.max(1, part.tasks());
        var times = new long[part.calls().size()];
        for (var i = 0; i < times.length; i++) {
            if (part.calls().get(i).units() > 0) {
                times[i] = Objects.requireNonNullElse(kernels.get(tasks.get(task++)), share);
            }
        }
        var gap = Math.max(0, nanos - Arrays.stream(times).sum()) / Math.max(1, times.length);
        var at = start;
        for (var i = 0; i < times.length; i++) {
            told.called(entry.schedule.entry(), part.calls().get(i), new CallTiming(at, times[i], List.of()));
            at += times[i] + gap;
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
                new IntArena(entry.schedule, entry.ints.host()).write(what, slot, value);
            }
        }
    }

    private HostTensor result(Entry entry, TensorSlot slot) {
        if (slot.type().dtype().isFloat()) {
            return download(slot);
        }
        return new IntArena(entry.schedule, entry.ints.host()).read(slot);
    }

    @Override
    public void observe(@Nullable CallObserver other) {
        observer = other;
    }

    @Override
    public Roofline roofline() {
        return TornadoRoofline.measure(vm, device, probe, copy, this::memory);
    }

    @Override
    public long memoryBytes() {
        return bytes;
    }

    @Override
    public void close() {
        if (plan != null) {
            plan.close();
        }
        lifetime.close();
        try {
            kernels.close();
        } catch (IOException e) {
            LOG.warn("{}: cannot remove its kernels' sources: {}", path, e.getMessage());
        }
    }
}
