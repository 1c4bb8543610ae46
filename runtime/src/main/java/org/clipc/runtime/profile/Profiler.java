package org.clipc.runtime.profile;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.clipc.program.Call;
import org.clipc.program.ProgramFile;
import org.clipc.runtime.device.CallTiming;
import org.clipc.runtime.device.DeviceProgram;

/** Runs an entry point, and notes how long it took, and then when each of its kernel calls ran. */
public final class Profiler implements DeviceProgram.CallObserver {

    private final List<Profile.Slice> slices = new ArrayList<>();
    private String entry = "";

    private Profiler() {}

    /**
     * @param file that the program was loaded from
     * @param device one line on what it runs on
     * @param run runs the entry point once
     * @param warmup runs before, for the JIT compiler
     * @param iterations measured runs, at least 1, and as many whose calls are not
     * @throws IOException if the file cannot be read, or its graph is none
     */
    public static Profile profile(
            ProgramFile file, DeviceProgram program, String device, Runnable run, int warmup, int iterations)
            throws IOException {
        for (var i = 0; i < warmup; i++) {
            run.run();
        }
        var unwatched = new ArrayList<Long>();
        for (var i = 0; i < iterations; i++) {
            var start = System.nanoTime();
            run.run();
            unwatched.add(System.nanoTime() - start);
        }
        var profiler = new Profiler();
        var runs = new ArrayList<Profile.Run>();
        program.observe(profiler);
        try {
            for (var i = 0; i < iterations; i++) {
                var start = System.nanoTime();
                run.run();
                var nanos = System.nanoTime() - start;
                runs.add(new Profile.Run(start, nanos, profiler.slices));
                profiler.slices.clear();
            }
        } finally {
            program.observe(null);
        }
        var point = file.manifest().entry(profiler.entry);
        return new Profile(
                profiler.entry, point.batch(), unwatched, runs, file.nodes(profiler.entry), device, program.roofline());
    }

    @Override
    public void called(String ran, Call call, CallTiming timing) {
        entry = ran;
        slices.add(new Profile.Slice(call, timing));
    }

    @Override
    public boolean wantsEachCall() {
        return true;
    }
}
