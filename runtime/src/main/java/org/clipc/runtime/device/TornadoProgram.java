package org.clipc.runtime.device;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;
import org.clipc.ir.TensorType;
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
    private static final Pattern TASK = Pattern.compile(TornadoVm.GRAPHS + "\\.(\\w+)_(\\d+)");

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
    private TornadoVm.@Nullable Plan plan;
    private final TornadoVm.DeviceInfo device;
    private final Object probe;
    private final Object copy;
    private @Nullable CallObserver observer;

    /** @param calls what the graph runs, besides {@code Receive} */
    private record Part(TornadoVm.Graph graph, List<KernelCall> calls) {}

    /**
     * @param ints its arena of ints
     * @param parts run in order
     */
    private record Entry(Schedule schedule, DeviceArray ints, List<Part> parts) {}

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
            program.link(schedules, device);
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

    private void link(List<Schedule> schedules, TornadoVm.DeviceInfo device) throws IOException {
        var graphs = new ArrayList<>(transfers.graphs());
        for (var schedule : schedules) {
            var entry = entry(schedule);
            entries.put(schedule.entry(), entry);
            entry.parts().forEach(part -> graphs.add(part.graph()));
        }
        plan = vm.new Plan(graphs, device);
        transfers.clear(plan(), 0, manifest.parameterBytes());
        if (bytes > manifest.stateOffset()) {
            transfers.clear(plan(), manifest.stateOffset(), bytes - manifest.stateOffset());
        }
    }

    private Entry entry(Schedule schedule) throws IOException {
        checkPlaces(schedule);
        var ints = vm.ints(memory(schedule.ints()));
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
        var parts = new ArrayList<Part>();
        for (var calls : cut(schedule.kernelCalls())) {
            var graph = vm.new Graph();
            graph.consume(floats);
            if (parts.isEmpty()) {
                graph.upload(ints)
                        .uploadOnce(constants, one)
                        .task(kernels.fixed("Receive"), 1, RECEIVING_GROUP, floats, ints, one, constants);
            } else {
                graph.consume(ints, constants);
            }
            for (var call : calls) {
                add(graph, call, ints, constants);
            }
            parts.add(new Part(graph.persist(floats, ints, constants), calls));
        }
        parts.getLast().graph().download(ints);
        return new Entry(schedule, ints, parts);
    }

    /**
     * Cuts calls into what graphs run, at least one, of which the first has room for {@code Receive}. TornadoVM 5.2 runs
     * every prebuilt task of a graph with the code of the graph's first task (PrebuiltTask.equals holds for tasks of another
     * class only); so a graph either has none, or calls of one such kernel only.
     */
    private List<List<KernelCall>> cut(List<KernelCall> calls) throws IOException {
        var parts = new ArrayList<List<KernelCall>>();
        parts.add(new ArrayList<>());
        var last = "";
        for (var call : calls) {
            var part = parts.getLast();
            var prebuilt = kernels.isPrebuilt(call.kernel()) ? call.kernel() : "";
            if (!prebuilt.equals(last) || part.size() == TASKS) {
                part = new ArrayList<>();
                parts.add(part);
            }
            part.add(call);
            last = prebuilt;
        }
        return parts;
    }

    private void add(TornadoVm.Graph graph, KernelCall call, DeviceArray ints, DeviceArray constants)
            throws IOException {
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

    private TornadoVm.Plan plan() {
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
        for (var part : loaded.parts()) {
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
    private Map<String, Long> runPart(Entry entry, TornadoVm.Graph graph) {
        try {
            if (observer != null && observer.wantsEachCall()) {
                return plan().profile(graph);
            }
            plan().run(graph);
            return Map.of();
        } catch (DeviceException e) {
            throw new DeviceException(
                    "%s: entry point '%s': %s".formatted(path, entry.schedule().entry(), explained(e)), e);
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
        var calls = part.calls();
        // The first part has a task before those of its calls.
        var tasks = part.graph().tasks();
        var before = tasks.size() - calls.size();
        var share = nanos / Math.max(1, calls.size());
        var times = new long[calls.size()];
        Arrays.setAll(times, i -> Objects.requireNonNullElse(kernels.get(tasks.get(before + i)), share));
        var gap = Math.max(0, nanos - Arrays.stream(times).sum()) / Math.max(1, calls.size());
        var at = start;
        for (var i = 0; i < calls.size(); i++) {
            told.called(entry.schedule().entry(), calls.get(i), new CallTiming(at, times[i], List.of()));
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
                new IntArena(entry.schedule(), entry.ints().host()).write(what, slot, value);
            }
        }
    }

    private HostTensor result(Entry entry, TensorSlot slot) {
        if (slot.type().dtype().isFloat()) {
            return download(slot);
        }
        return new IntArena(entry.schedule(), entry.ints().host()).read(slot);
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
