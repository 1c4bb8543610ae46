package org.clipc.runtime.device.cuda;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import org.clipc.program.Choice;
import org.clipc.program.CollectiveCall;
import org.clipc.program.KernelCall;
import org.clipc.program.ProgramFile;
import org.clipc.program.Schedule;
import org.clipc.program.TensorSlot;
import org.clipc.runtime.collective.StreamGroup;
import org.clipc.runtime.device.DeviceException;
import org.clipc.runtime.device.DeviceTensors;
import org.clipc.runtime.device.GemmKernels;
import org.clipc.runtime.device.MeshRank;
import org.clipc.runtime.device.Roofline;
import org.clipc.runtime.device.program.ArenaProgram;
import org.clipc.runtime.device.program.DeviceMemory;
import org.clipc.runtime.device.program.IntArena;
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
public final class CudaProgram extends ArenaProgram {

    private final ProgramFile file;
    private final DeviceMemory memory;
    private final Map<String, CudaEntry> entries = new LinkedHashMap<>();
    private final GemmKernels gemm;
    private final ExchangeWatch watch;
    private @Nullable CudaTasks tasks;
    private @Nullable CudaStaging staging;
    private @Nullable CudaLinker linker;
    private long arena;

    private CudaProgram(
            ProgramFile file, List<Schedule> schedules, DeviceMemory memory, GemmKernels gemm, MeshRank rank) {
        super(file, schedules, rank);
        this.file = file;
        this.memory = memory;
        this.gemm = gemm;
        this.watch = new ExchangeWatch(rank);
    }

    /**
     * Compiles kernels and takes memory for entry points with these schedules.
     *
     * @param opener lends the stream
     * @throws DataFormatException if the file lacks a kernel's source
     * @throws DeviceException if the device has too little memory, or ranks would not exchange over NCCL
     */
    public static CudaProgram load(
            ProgramFile file,
            List<Schedule> schedules,
            DeviceMemory memory,
            GemmKernels gemm,
            MeshRank rank,
            CudaTasks.Opener opener)
            throws IOException {
        var program = new CudaProgram(file, schedules, memory, gemm, rank);
        try {
            memory.require(program.path, program.memoryBytes());
            program.open(schedules, opener);
            return program;
        } catch (IOException | RuntimeException e) {
            program.closeAfter(e);
            throw e;
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
        linker = new CudaLinker(path, memory.device(), cuda(), arena, compile(schedules), gemm);
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

    private CudaEntry newEntry(Schedule schedule) {
        var size = Math.max(1, schedule.ints()) * (long) Integer.BYTES;
        var ints = Arena.ofAuto().allocate(size, Long.BYTES);
        return new CudaEntry(schedule, new IntArena(schedule, ints), cuda().allocate(size));
    }

    @Override
    public List<Choice> choices(String entry) {
        var loaded = entries.get(entry);
        return loaded == null ? List.of() : loaded.schedule().choices();
    }

    @Override
    public void tune(Map<String, String> options) {
        cuda().attach();
        for (var entry : entries.values()) {
            var schedule = entry.schedule();
            entry.link(
                    Objects.requireNonNull(linker),
                    schedule.with(options),
                    (call, beside) -> streams(schedule, call, beside));
        }
    }

    @Override
    protected void write(TensorSlot slot, HostTensor value) {
        Objects.requireNonNull(staging)
                .upload(
                        arena + slot.offset(),
                        DeviceTensors.hostType(slot.type().dtype()),
                        value);
    }

    @Override
    protected void upload(long at, MemorySegment values) {
        cuda().attach();
        cuda().upload(arena + at, values);
    }

    @Override
    protected void download(long at, MemorySegment values) {
        cuda().attach();
        cuda().download(arena + at, values);
    }

    @Override
    protected void clear(long at, long bytes) {
        cuda().attach();
        cuda().clear(arena + at, bytes);
    }

    @Override
    protected Set<String> loaded() {
        return entries.keySet();
    }

    @Override
    protected IntArena ints(String entry) {
        return entry(entry).ints();
    }

    private CudaEntry entry(String name) {
        return Objects.requireNonNull(entries.get(name));
    }

    @Override
    protected void execute(String name, boolean givesInts) {
        var entry = entry(name);
        cuda().attach();
        cuda().upload(entry.address(), entry.ints().host());
        var told = observer;
        watch.run(cuda(), name, entry.exchanges(), () -> {
            if (told != null) {
                entry.profile(cuda(), told);
            } else {
                entry.play(Objects.requireNonNull(tasks));
            }
        });
        if (givesInts) {
            cuda().attach();
            cuda().download(entry.address(), entry.ints().host());
        }
    }

    @Override
    public Roofline roofline() {
        cuda().attach();
        return CudaRoofline.measure(cuda());
    }

    @Override
    public void close() {
        watch.close();
        if (tasks == null) {
            return;
        }
        try {
            free();
        } finally {
            tasks.close();
        }
    }

    private void free() {
        cuda().attach();
        if (staging != null) {
            staging.close();
        }
        entries.values().forEach(entry -> cuda().free(entry.address()));
        if (arena != 0) {
            cuda().free(arena);
        }
        cuda().close();
    }

    /** A device on which something has failed may fail at this, too, which is not what went wrong. */
    private void closeAfter(Exception failure) {
        try {
            close();
        } catch (RuntimeException e) {
            failure.addSuppressed(e);
        }
    }
}
