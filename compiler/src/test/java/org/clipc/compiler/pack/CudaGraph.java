package org.clipc.compiler.pack;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;
import org.clipc.compiler.tornado.TornadoTarget;
import org.clipc.ir.Graph;
import org.clipc.ir.interp.Tensor64;
import org.clipc.program.ProgramFile;
import org.clipc.runtime.collective.nccl.MemoryNccl;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.device.MeshRank;
import org.clipc.runtime.device.cuda.EmulatedCuda;
import org.clipc.runtime.device.cuda.EmulatedCuda.Behaviour;

/** A graph without parameters, compiled for CUDA. */
record CudaGraph(Graph graph, Path folder) {

    /**
     * Random inputs, of few digits.
     *
     * @param largest by the input's name
     */
    Map<String, Tensor64> inputs(ToDoubleFunction<String> largest) {
        var random = new Random(5);
        var inputs = new TreeMap<String, Tensor64>();
        graph.inputs().forEach(input -> {
            var tensor = Tensor64.zeros(input.type());
            for (var i = 0; i < tensor.size(); i++) {
                tensor.data()[i] = random.nextInt(-64, 65) / 64.0 * largest.applyAsDouble(input.name());
            }
            inputs.put(input.name(), tensor);
        });
        return inputs;
    }

    /** The program's file. */
    Path compile() throws IOException {
        var options = CompileOptions.builder(List.of(TornadoTarget.cuda()))
                .batch(3)
                .training(false)
                .verifyEach(true)
                .build();
        var file = folder.resolve("graph.bin");
        ProgramFile.write(
                file, ProgramBuilder.build(new OneGraph(graph), options).program());
        return file;
    }

    /** @param doesMore whether the emulated library does more than products */
    DeviceProgram emulated(boolean doesMore) throws IOException {
        var behaviour = new Behaviour(false, 0, Duration.ZERO, _ -> {}, doesMore);
        var nccl = new MemoryNccl(new MemoryNccl.Network());
        return EmulatedCuda.load(compile(), List.of(graph.name()), MeshRank.alone(), nccl, behaviour);
    }

    /** How many kernels of some names a run starts. */
    static long kernels(DeviceProgram program, Predicate<String> names, Runnable run) {
        var started = new AtomicLong();
        program.observe((_, call, timing) -> {
            if (timing.nanos() > 0 && names.test(call.name())) {
                started.incrementAndGet();
            }
        });
        run.run();
        program.observe(null);
        return started.get();
    }
}
