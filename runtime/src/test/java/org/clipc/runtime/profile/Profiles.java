package org.clipc.runtime.profile;

import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import org.clipc.program.KernelCall;
import org.clipc.program.NodeInfo;
import org.clipc.runtime.device.CallTiming;
import org.clipc.runtime.device.Roofline;

/** Profiles made up for tests. */
final class Profiles {

    static final NodeInfo PRODUCT = new NodeInfo("dot_general+add", "visual.blocks.3.mlp", "std/mlp.clip:7");

    /** 100 GFLOP/s and 10 GB/s. */
    static final Roofline ROOFLINE = new Roofline(100e9, 10e9);

    private Profiles() {}

    static KernelCall call(String kernel, int node, long flops, long bytes) {
        return new KernelCall("org.clipc.kernels.jvm256." + kernel, List.of(), 7, 1, 0, 0, node, flops, bytes);
    }

    static Profile.Slice slice(KernelCall call, long start, long nanos) {
        return new Profile.Slice(call, new CallTiming(start, nanos, List.of()));
    }

    static Profile of(List<NodeInfo> nodes, List<Profile.Run> runs) {
        var unwatched = runs.stream().map(Profile.Run::nanos).toList();
        return new Profile("loss", 4, unwatched, runs, nodes, "a device", ROOFLINE);
    }

    /** Runs of calls, one after the other, on two workers, for nodes in random modules. */
    static Profile random(RandomGenerator random) {
        var nodes = new ArrayList<NodeInfo>();
        for (var i = 0; i < 6; i++) {
            var path = new ArrayList<String>();
            for (var depth = random.nextInt(4); depth > 0; depth--) {
                path.add("m" + random.nextInt(3));
            }
            nodes.add(new NodeInfo("op" + i, String.join(".", path), ""));
        }
        var runs = new ArrayList<Profile.Run>();
        var time = random.nextLong(1_000_000_000);
        for (var r = 0; r < 1 + random.nextInt(3); r++) {
            var start = time;
            var slices = new ArrayList<Profile.Slice>();
            for (var c = 0; c < random.nextInt(1, 30); c++) {
                time += random.nextInt(2000);
                var nanos = random.nextInt(1, 1_000_000);
                var parts = List.of(
                        new CallTiming.Part(0, time, nanos, 4), new CallTiming.Part(1, time + nanos / 2, nanos / 2, 3));
                var call = call(
                        "Kernel_" + random.nextInt(4),
                        random.nextInt(-1, 6),
                        random.nextLong(1 << 20),
                        random.nextLong(1 << 20));
                slices.add(new Profile.Slice(call, new CallTiming(time, nanos, parts)));
                time += nanos;
            }
            time += random.nextInt(2000);
            runs.add(new Profile.Run(start, time - start, slices));
            time += random.nextInt(100_000);
        }
        return of(nodes, runs);
    }
}
