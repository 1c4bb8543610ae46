package org.clipc.runtime.device.jvm;

import java.io.IOException;
import java.util.Collection;
import java.util.LinkedHashMap;
import org.clipc.program.ProgramFile;
import org.clipc.program.Schedule;
import org.clipc.runtime.device.Device;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.device.MeshRank;
import org.clipc.runtime.device.TuningFile;
import org.clipc.runtime.device.program.DeviceChoices;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The CPU, by generated Java kernels on the Vector API. */
public final class JvmDevice implements Device {

    private static final Logger LOG = LoggerFactory.getLogger(JvmDevice.class);

    private final WorkerPool pool;
    private final int machineBits;
    private final int cacheBytes;

    /** With a thread for each core that this process may use. */
    public JvmDevice() {
        this(Runtime.getRuntime().availableProcessors());
    }

    /** @param threads at least 1; more than there are cores makes it slower */
    public JvmDevice(int threads) {
        this(threads, CpuCache.firstLevelBytes());
    }

    /** @param cacheBytes of a core's first-level data cache, by which programs choose how they run */
    JvmDevice(int threads, int cacheBytes) {
        pool = new WorkerPool(threads);
        machineBits = JvmTargets.machineBits();
        this.cacheBytes = cacheBytes;
    }

    @Override
    public String name() {
        return "jvm";
    }

    @Override
    public String description() {
        return "JVM kernels on " + JvmTargets.cpu() + ", " + pool.threads()
                + (pool.threads() == 1 ? " thread, " : " threads, ") + machineBits + "-bit vectors";
    }

    @Override
    public DeviceProgram load(ProgramFile program, Collection<String> entries, MeshRank rank) throws IOException {
        var targets = program.manifest().targets();
        var target = JvmTargets.choose(program.path(), targets, machineBits);
        JvmTargets.slowdown(target, JvmTargets.scheduling()).ifPresent(LOG::warn);
        var schedules = new LinkedHashMap<String, Schedule>();
        for (var entry : entries) {
            schedules.put(entry, program.schedule(target, entry));
            for (var shorter : program.manifest().forShorterTexts(entry)) {
                schedules.put(shorter.name(), program.schedule(target, shorter.name()));
            }
        }
        var choices = schedules.values().stream()
                .map(schedule -> new DeviceChoices(schedule, cacheBytes))
                .toList();
        var loaded = JvmProgram.load(program, choices, pool, rank);
        TuningFile.apply(program, identity(), loaded).ifPresent(LOG::warn);
        LOG.info(
                "{}: {} kernels on {} {}, {} MiB",
                program.path().getFileName(),
                target,
                pool.threads(),
                pool.threads() == 1 ? "thread" : "threads",
                loaded.memoryBytes() >> 20);
        return loaded;
    }

    @Override
    public void close() {
        pool.close();
    }
}
