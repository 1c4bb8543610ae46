package org.clipc.runtime.device.tornado;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Pattern;
import org.clipc.program.Call;
import org.clipc.program.Choice;
import org.clipc.program.ProgramFile;
import org.clipc.program.Schedule;
import org.clipc.runtime.device.CallTiming;
import org.clipc.runtime.device.DeviceException;
import org.clipc.runtime.device.GemmKernels;
import org.clipc.runtime.device.MeshRank;
import org.clipc.runtime.device.Roofline;
import org.clipc.runtime.device.exchange.Background;
import org.clipc.runtime.device.exchange.ExchangeLayout;
import org.clipc.runtime.device.program.ArenaProgram;
import org.clipc.runtime.device.program.IntArena;
import org.clipc.runtime.device.program.OffHeap;
import org.clipc.runtime.device.tornado.TornadoEntry.Part.Begun;
import org.clipc.runtime.device.tornado.TornadoEntry.Part.Ended;
import org.clipc.runtime.device.tornado.TornadoEntry.Part.Exchanged;
import org.clipc.runtime.device.tornado.TornadoEntry.Part.Kernels;
import org.clipc.runtime.device.tornado.TornadoVm.DeviceArray;
import org.clipc.runtime.io.DataFormatException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A program on a device of TornadoVM. Parameters, workspace and state are one array of floats that never leaves the
 * device; the kernels {@code Upload} and {@code Download}, which every program for TornadoVM has, copy parts of it from and
 * to a small array that does. Ints, token ids above all, travel with each run.
 *
 * <p>Only the thread that loads a program touches TornadoVM for it: what ranks exchange beside kernels is copied before that
 * begins and when it is over.
 */
final class TornadoProgram extends ArenaProgram {

    private static final Logger LOG = LoggerFactory.getLogger(TornadoProgram.class);

    /** Bytes from which on memory is mapped, in huge pages. */
    private static final long MAPPED = 1 << 22;

    private static final long ALIGNMENT = 128;

    /** A task as TornadoVM's messages name it. */
    private static final Pattern TASK = Pattern.compile(TornadoGraph.NAME + "\\.(\\w+)_(\\d+)");

    private final TornadoVm vm;
    private final TornadoKernels kernels;
    private final Arena lifetime = Arena.ofShared();
    private final Background background;
    private final DeviceArray floats;
    private final TornadoTransfers transfers;
    private final Map<String, TornadoEntry> entries = new LinkedHashMap<>();
    private @Nullable TornadoPlan plan;
    private final TornadoVm.DeviceInfo device;
    private final Object probe;
    private final Object copy;

    /** Whether calls were ever made in another way than by default. */
    private boolean isTuned;

    private TornadoProgram(
            ProgramFile program,
            List<Schedule> schedules,
            TornadoVm vm,
            TornadoVm.DeviceInfo device,
            TornadoKernels kernels,
            MeshRank rank)
            throws IOException {
        super(program, schedules, rank);
        this.vm = vm;
        this.kernels = kernels;
        this.device = device;
        this.probe = kernels.fixed("ProbeFlops");
        this.copy = kernels.fixed("Download");
        this.background = new Background("clipc-exchange-" + rank.rank());
        floats = vm.floats(memory(memoryBytes() / Float.BYTES));
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
            device.memory().require(program.path, program.memoryBytes());
            program.link(schedules);
            return program;
        } catch (IOException | RuntimeException e) {
            program.close();
            throw e;
        }
    }

    private void link(List<Schedule> schedules) throws IOException {
        var one = vm.ints(memory(2));
        one.host().setAtIndex(ValueLayout.JAVA_INT, 1, 1);
        var shared = new TornadoEntry.Shared(
                vm, device.lanes(), kernels, ranks, background, floats, one, transfers, this::memory);
        var layouts = schedules.stream().map(shared::layout).toList();
        var most = layouts.stream().mapToLong(ExchangeLayout::bytes).max().orElse(0);
        var exchanged = OffHeap.allocate(Math.max(1, most), lifetime);
        for (var i = 0; i < schedules.size(); i++) {
            checkPlaces(schedules.get(i));
            var entry = new TornadoEntry(shared, schedules.get(i), layouts.get(i), exchanged);
            entries.put(entry.schedule().entry(), entry);
            entry.make(entry.choices().with(Map.of()), false);
        }
        plan = new TornadoPlan(vm, graphs(), device);
        transfers.open(plan());
        transfers.clear(plan(), 0, manifest.parameterBytes());
        if (memoryBytes() > manifest.stateOffset()) {
            transfers.clear(plan(), manifest.stateOffset(), memoryBytes() - manifest.stateOffset());
        }
    }

    private List<TornadoGraph> graphs() {
        var graphs = new ArrayList<>(transfers.graphs());
        entries.values().forEach(entry -> graphs.addAll(entry.graphs()));
        return graphs;
    }

    @Override
    public List<Choice> choices(String entry) {
        var loaded = entries.get(entry);
        return loaded == null ? List.of() : loaded.choices().all();
    }

    @Override
    public void tune(Map<String, String> options) {
        isTuned |= !options.isEmpty();
        var made = new LinkedHashMap<TornadoEntry, TornadoChoices.Made>();
        entries.values().forEach(entry -> made.put(entry, entry.choices().with(options)));
        var before = graphs().size();
        try {
            for (var entry : made.entrySet()) {
                entry.getKey().make(entry.getValue(), isTuned);
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
    protected void upload(long at, MemorySegment values) {
        transfers.write(plan(), at, values);
    }

    @Override
    protected void download(long at, MemorySegment values) {
        transfers.read(plan(), at, values);
    }

    @Override
    protected void clear(long at, long bytes) {
        transfers.clear(plan(), at, bytes);
    }

    @Override
    protected Set<String> loaded() {
        return entries.keySet();
    }

    @Override
    protected IntArena ints(String entry) {
        var loaded = entry(entry);
        return new IntArena(loaded.schedule(), loaded.ints().host());
    }

    private TornadoEntry entry(String name) {
        return Objects.requireNonNull(entries.get(name));
    }

    /** The graphs copy ints, both ways. */
    @Override
    protected void execute(String name, boolean givesInts) {
        var entry = entry(name);
        background.around(ranks.rank(), () -> entry.parts().forEach(part -> run(entry.schedule(), part)));
    }

    private void run(Schedule schedule, TornadoEntry.Part part) {
        var start = System.nanoTime();
        switch (part) {
            case Kernels kernels -> {
                var nanos = runGraph(schedule, kernels.graph());
                tell(schedule, kernels, start, System.nanoTime() - start, nanos);
            }
            case Exchanged(var exchange) -> {
                exchange.download(plan());
                exchange.exchange().run();
                exchange.upload(plan());
                tell(schedule, exchange.exchange().call(), start, System.nanoTime());
            }
            case Begun(var exchange, var beside) -> {
                exchange.download(plan());
                beside.start();
            }
            case Ended(var call, var begun) -> {
                var ran = begun.beside().await();
                begun.exchange().upload(plan());
                tell(schedule, begun.beside().call(), ran.start(), ran.start() + ran.nanos());
                tell(schedule, call, start, System.nanoTime());
            }
        }
    }

    private void tell(Schedule schedule, Call call, long start, long end) {
        var told = observer;
        if (told != null) {
            told.called(schedule.entry(), call, new CallTiming(start, end - start, List.of()));
        }
    }

    /** Nanoseconds of kernels by task, if somebody wants to know each call's; else nothing. */
    private Map<String, Long> runGraph(Schedule schedule, TornadoGraph graph) {
        try {
            if (observer != null && observer.wantsEachCall()) {
                return plan().profile(graph);
            }
            plan().run(graph);
            return Map.of();
        } catch (DeviceException e) {
            throw new DeviceException("%s: entry point '%s': %s".formatted(path, schedule.entry(), explained(e)), e);
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
    private void tell(Schedule schedule, Kernels part, long start, long nanos, Map<String, Long> kernels) {
        var told = observer;
        if (told == null) {
            return;
        }
        // A part that receives has a task before those of its calls.
        var calls = part.calls();
        var tasks = part.graph().tasks();
        var task = tasks.size() - part.tasks();
        var share = nanos / Math.max(1, part.tasks());
        var times = new long[calls.size()];
        for (var i = 0; i < times.length; i++) {
            if (calls.get(i).units() > 0) {
                times[i] = Objects.requireNonNullElse(kernels.get(tasks.get(task++)), share);
            }
        }
        var gap = Math.max(0, nanos - Arrays.stream(times).sum()) / Math.max(1, times.length);
        var at = start;
        for (var i = 0; i < times.length; i++) {
            told.called(schedule.entry(), calls.get(i), new CallTiming(at, times[i], List.of()));
            at += times[i] + gap;
        }
    }

    @Override
    public Roofline roofline() {
        return TornadoRoofline.measure(vm, device, probe, copy, this::memory);
    }

    @Override
    public void close() {
        background.close();
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
