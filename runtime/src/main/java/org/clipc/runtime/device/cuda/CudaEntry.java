package org.clipc.runtime.device.cuda;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.clipc.program.AwaitCall;
import org.clipc.program.Schedule;
import org.clipc.runtime.device.CallTiming;
import org.clipc.runtime.device.DeviceProgram.CallObserver;
import org.clipc.runtime.device.program.IntArena;

/** An entry point, whose calls tuning changes. */
final class CudaEntry {

    private final Schedule schedule;
    private final IntArena ints;
    private final long address;

    /** Where the streams part, if they do, and where collectives are over, by the index of their calls. */
    private final Map<Integer, Cuda.Point> points = new HashMap<>();

    private List<CudaCall> calls = List.of();
    private List<CudaExchange> exchanges = List.of();

    /** Whether it has run with these calls. */
    private boolean hasRun;

    /** Whether the graph has been played, so that it stays as it is. */
    private boolean isCaptured;

    /** Whether calls have changed since. */
    private boolean isChanged;

    /** @param ints its arena of ints on the host, a copy of that at {@code address} */
    CudaEntry(Schedule schedule, IntArena ints, long address) {
        this.schedule = schedule;
        this.ints = ints;
        this.address = address;
    }

    String name() {
        return schedule.entry();
    }

    /** As it was compiled, whatever tuning chose. */
    Schedule schedule() {
        return schedule;
    }

    IntArena ints() {
        return ints;
    }

    long address() {
        return address;
    }

    List<CudaExchange> exchanges() {
        return exchanges;
    }

    /** @param call index of a collective's call; -1 for where the streams part */
    Cuda.Point point(Cuda cuda, int call) {
        return points.computeIfAbsent(call, _ -> cuda.newPoint());
    }

    /** Makes the calls those of a schedule, which is this one's with choices made. */
    void link(CudaLinker linker, Schedule chosen, CudaLinker.Groups groups) {
        isChanged |= isCaptured;
        hasRun = false;
        var linked = linker.link(this, chosen, groups);
        calls = linked.calls();
        exchanges = linked.exchanges();
    }

    /** Starts all calls, without waiting for them. */
    void start(Cuda cuda) {
        cuda.enter();
        calls.stream()
                .filter(call -> !call.isSkipped())
                .forEach(call -> call.start().run());
        cuda.leave();
    }

    /**
     * Runs by the graph, unless calls have changed since that was captured. The first run is without: CUDA loads the code of
     * kernels and libraries when they first start, and NCCL connects the ranks when they first exchange something, none of
     * which can be captured.
     */
    void play(CudaTasks tasks) {
        var cuda = tasks.cuda();
        if (isChanged || !hasRun) {
            start(cuda);
        } else {
            isCaptured = true;
            tasks.run(name());
        }
        cuda.attach();
        cuda.synchronize();
        hasRun = true;
    }

    /** Runs calls one by one, each between two events of the device, those too that would go on beside others. */
    void profile(Cuda cuda, CallObserver told) {
        cuda.attach();
        for (var ready : calls) {
            var start = System.nanoTime();
            var nanos = ready.isSkipped() || ready.call() instanceof AwaitCall
                    ? 0
                    : cuda.nanos(() -> {
                        ready.start().run();
                        ready.end().run();
                    });
            told.called(name(), ready.call(), new CallTiming(start, nanos, List.of()));
        }
    }
}
