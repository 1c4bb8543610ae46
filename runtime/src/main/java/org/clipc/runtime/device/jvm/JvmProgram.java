package org.clipc.runtime.device.jvm;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import org.clipc.program.AwaitCall;
import org.clipc.program.Choice;
import org.clipc.program.CollectiveCall;
import org.clipc.program.EntryPoint;
import org.clipc.program.KernelCall;
import org.clipc.program.Manifest;
import org.clipc.program.ProgramFile;
import org.clipc.program.Schedule;
import org.clipc.program.TensorSlot;
import org.clipc.runtime.device.CallTiming;
import org.clipc.runtime.device.DeviceException;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.device.DeviceTensors;
import org.clipc.runtime.device.MeshRank;
import org.clipc.runtime.device.Roofline;
import org.clipc.runtime.device.exchange.Background;
import org.clipc.runtime.device.exchange.BackgroundExchange;
import org.clipc.runtime.device.exchange.Exchange;
import org.clipc.runtime.device.program.DeviceChoices;
import org.clipc.runtime.device.program.HeldTensors;
import org.clipc.runtime.device.program.OffHeap;
import org.clipc.runtime.device.program.RankedProgram;
import org.clipc.runtime.io.DataFormatException;
import org.clipc.runtime.kernel.KernelClasses;
import org.clipc.runtime.kernel.KernelLoader;
import org.clipc.runtime.tensor.HostTensor;
import org.jspecify.annotations.Nullable;

/** A program in this process's memory: one arena, the kernels' scratch, and the calls of each entry point. */
final class JvmProgram implements DeviceProgram {

    private final Path path;
    private final Manifest manifest;
    private final WorkerPool pool;
    private final Arena lifetime = Arena.ofShared();
    private final MemorySegment arena;
    private final HeldTensors tensors;
    private final Map<String, DeviceChoices> schedules = new LinkedHashMap<>();
    private final Map<String, MethodHandle> kernels = new HashMap<>();
    private final RankedProgram ranks;
    private final Background background;
    private final Map<String, List<Runnable>> calls = new LinkedHashMap<>();

    private @Nullable CallObserver observer;

    private JvmProgram(Path path, Manifest manifest, WorkerPool pool, MeshRank rank, List<DeviceChoices> loaded) {
        var schedules = loaded.stream().map(DeviceChoices::schedule).toList();
        this.path = path;
        this.manifest = manifest;
        this.pool = pool;
        this.ranks = new RankedProgram(path, manifest, rank, schedules);
        this.background = new Background("clipc-exchange-" + rank.rank());
        this.tensors = HeldTensors.of(manifest, schedules);
        this.arena = OffHeap.allocate(tensors.bytes(), lifetime);
    }

    static JvmProgram load(ProgramFile file, List<DeviceChoices> schedules, WorkerPool pool, MeshRank rank)
            throws IOException {
        var manifest = file.manifest();
        var program = new JvmProgram(file.path(), manifest, pool, rank, schedules);
        try {
            program.link(file, schedules);
            return program;
        } catch (IOException | RuntimeException e) {
            program.close();
            throw e;
        }
    }

    private void link(ProgramFile file, List<DeviceChoices> all) throws IOException {
        var target = all.isEmpty() ? "" : all.getFirst().schedule().target();
        var loader = new KernelLoader(path, kernel -> file.kernel(target, kernel), KernelClasses.ofJvm());
        for (var choices : all) {
            var schedule = choices.schedule();
            checkSlots(schedule);
            for (var call : schedule.kernelCalls()) {
                kernels.put(call.kernel(), loader.kernel(call.kernel()));
            }
            schedules.put(schedule.entry(), choices);
        }
        tune(Map.of());
    }

    @Override
    public List<Choice> choices(String entry) {
        var schedule = schedules.get(entry);
        return schedule == null ? List.of() : schedule.all();
    }

    @Override
    public void tune(Map<String, String> options) {
        var tuned = schedules.values().stream().map(s -> s.with(options)).toList();
        var all = tuned.stream().flatMap(s -> s.kernelCalls().stream()).toList();
        var locals = new float[pool.threads()][];
        Arrays.setAll(
                locals,
                _ -> scratch(all.stream().mapToInt(KernelCall::localFloats).max()));
        var shared = scratch(all.stream().mapToInt(KernelCall::sharedFloats).max());
        for (var schedule : tuned) {
            calls.put(schedule.entry(), linked(schedule, locals, shared));
        }
    }

    private List<Runnable> linked(Schedule schedule, float[][] locals, float[] shared) {
        var entry = schedule.entry();
        var awaited = schedule.awaited();
        var begun = new HashMap<Integer, BackgroundExchange>();
        var linked = new ArrayList<Runnable>(schedule.calls().size());
        for (var call : schedule.calls()) {
            var index = linked.size();
            linked.add(
                    switch (call) {
                        case KernelCall kernel -> {
                            var code = Objects.requireNonNull(kernels.get(kernel.kernel()));
                            var work = new JvmCall(kernel, code, arena, locals, shared);
                            yield () -> runKernel(entry, index, work);
                        }
                        case CollectiveCall collective -> {
                            var isAwaited = awaited.get(index);
                            var exchange = Exchange.in(arena, collective, ranks.group(schedule, collective, isAwaited));
                            if (!isAwaited) {
                                yield () -> runExchange(entry, exchange);
                            }
                            var beside = new BackgroundExchange(exchange, background);
                            begun.put(index, beside);
                            yield beside::start;
                        }
                        case AwaitCall await -> {
                            var beside = Objects.requireNonNull(begun.get(await.started()));
                            yield () -> endExchange(entry, await, beside);
                        }
                    });
        }
        return linked;
    }

    private static float[] scratch(OptionalInt floats) {
        try {
            return new float[floats.orElse(0)];
        } catch (OutOfMemoryError e) {
            throw new DeviceException(
                    "the kernels' scratch of " + (floats.orElse(0) >> 18)
                            + " MiB does not fit the Java heap: give it more with -Xmx",
                    e);
        }
    }

    /** Inputs and outputs must lie in the part of the workspace that the schedule says it uses. */
    private void checkSlots(Schedule schedule) {
        var entry = manifest.entry(schedule.entry());
        for (var slots : List.of(entry.inputs(), entry.outputs())) {
            for (var slot : slots) {
                if (slot.offset() + slot.type().bytes() > arena.byteSize()) {
                    throw new DataFormatException(
                            path,
                            "schedule of " + schedule.entry(),
                            "uses less workspace than '" + slot.name() + "' needs");
                }
            }
        }
    }

    @Override
    public Manifest manifest() {
        return manifest;
    }

    @Override
    public HostTensor read(String tensor) {
        return view(tensors.slot(tensor), true);
    }

    @Override
    public void write(String tensor, HostTensor value) {
        var slot = tensors.slot(tensor);
        DeviceTensors.copy("'" + tensor + "'", value, slot.type(), view(slot, false));
    }

    @Override
    public void write(String tensor, long from, HostTensor part) {
        var slot = tensors.slot(tensor);
        DeviceTensors.requirePart(slot, from, part);
        var count = part.elementCount();
        var width = slot.type().dtype().bytes();
        var bytes = arena.asSlice(slot.offset() + from * width, count * width);
        part.copyTo(new HostTensor(DeviceTensors.hostType(slot.type().dtype()), part.shape(), bytes));
    }

    @Override
    public void clearState() {
        for (var slot : tensors.cleared()) {
            arena.asSlice(slot.offset(), slot.type().bytes()).fill((byte) 0);
        }
    }

    @Override
    public Map<String, HostTensor> run(
            String entry, Map<String, HostTensor> inputs, @Nullable Collection<String> outputs) {
        if (!calls.containsKey(entry)) {
            throw new DeviceException("entry point '" + entry + "' is not loaded, only " + calls.keySet());
        }
        var point = ranks.shortest(entry, inputs);
        writeInputs(point, ranks.inputs(point, inputs));
        var linked = Objects.requireNonNull(calls.get(point.name()));
        background.around(ranks.rank(), () -> linked.forEach(Runnable::run));
        var results = new LinkedHashMap<String, HostTensor>();
        for (var slot : point.outputs()) {
            if (outputs == null || outputs.contains(slot.name())) {
                results.put(slot.name(), view(slot, true));
            }
        }
        return results;
    }

    private void writeInputs(EntryPoint entry, Map<String, HostTensor> inputs) {
        DeviceTensors.requireInputs(entry, inputs);
        for (var slot : entry.inputs()) {
            var value = Objects.requireNonNull(inputs.get(slot.name()));
            DeviceTensors.copy("input '" + slot.name() + "'", value, slot.type(), view(slot, false));
        }
    }

    private void runExchange(String entry, Exchange exchange) {
        var told = observer;
        var start = told == null ? 0 : System.nanoTime();
        exchange.run();
        if (told != null) {
            told.called(entry, exchange.call(), new CallTiming(start, System.nanoTime() - start, List.of()));
        }
    }

    private void endExchange(String entry, AwaitCall call, BackgroundExchange exchange) {
        var told = observer;
        var start = told == null ? 0 : System.nanoTime();
        var timing = exchange.await();
        if (told != null) {
            told.called(entry, exchange.call(), timing);
            told.called(entry, call, new CallTiming(start, System.nanoTime() - start, List.of()));
        }
    }

    private void runKernel(String entry, int index, JvmCall call) {
        var told = observer;
        var parts = told == null ? null : new PartTimes(call, pool.threads());
        var start = told == null ? 0 : System.nanoTime();
        try {
            pool.run(call.call().units(), parts == null ? call : parts);
        } catch (RuntimeException | Error e) {
            throw new DeviceException(
                    "%s: entry point '%s', call %d: kernel %s failed (%s); the program is damaged or was compiled wrongly"
                            .formatted(path, entry, index, call.call().kernel(), e),
                    e);
        }
        if (told != null && parts != null) {
            var nanos = System.nanoTime() - start;
            told.called(entry, call.call(), new CallTiming(start, nanos, parts.parts()));
        }
    }

    private HostTensor view(TensorSlot slot, boolean readOnly) {
        var bytes = arena.asSlice(slot.offset(), slot.type().bytes());
        return new HostTensor(
                DeviceTensors.hostType(slot.type().dtype()),
                DeviceTensors.hostShape(slot.type().shape()),
                readOnly ? bytes.asReadOnly() : bytes);
    }

    @Override
    public void observe(@Nullable CallObserver other) {
        observer = other;
    }

    @Override
    public Roofline roofline() {
        return JvmRoofline.measure(pool);
    }

    @Override
    public long memoryBytes() {
        return arena.byteSize();
    }

    @Override
    public void close() {
        background.close();
        lifetime.close();
    }
}
