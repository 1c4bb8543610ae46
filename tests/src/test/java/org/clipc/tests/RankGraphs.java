package org.clipc.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.clipc.compiler.elaborate.ElaboratedModel;
import org.clipc.compiler.kernel.Target;
import org.clipc.compiler.pack.CompileOptions;
import org.clipc.compiler.pack.ModelSource;
import org.clipc.compiler.pack.ProgramBuilder;
import org.clipc.compiler.shard.ExpandCollectives;
import org.clipc.compiler.shard.Parallelism;
import org.clipc.ir.Graph;
import org.clipc.ir.Mesh;
import org.clipc.ir.interp.Tensor64;
import org.clipc.program.Parameter;
import org.clipc.program.ProgramFile;
import org.clipc.runtime.collective.CollectiveOptions;
import org.clipc.runtime.collective.local.LocalRanks;
import org.clipc.runtime.device.Device;
import org.clipc.runtime.device.MeshRank;
import org.clipc.runtime.tensor.HostTensor;

/** Runs a graph that data-parallel ranks run together, by threads. */
final class RankGraphs {

    private static final String ENTRY = "go";

    private RankGraphs() {}

    private record OneGraph(ElaboratedModel model, Graph graph) implements ModelSource {

        @Override
        public String name() {
            return model.name();
        }

        @Override
        public List<Parameter> parameters() {
            return ModelSource.of(model).parameters();
        }

        @Override
        public List<String> entryNames() {
            return List.of(ENTRY);
        }

        @Override
        public Graph entry(String name, int batch, boolean training) {
            return new ExpandCollectives().apply(graph);
        }
    }

    /** @param graph as each of the ranks runs it */
    static Path compile(Path folder, ElaboratedModel model, Graph graph, int ranks, Target target) throws IOException {
        var options = CompileOptions.builder(List.of(target))
                .batch(1)
                .training(false)
                .parallelism(new Parallelism(new Mesh(ranks, 1), false, false))
                .verifyEach(true)
                .build();
        var path = folder.resolve("graph.bin");
        ProgramFile.write(
                path, ProgramBuilder.build(new OneGraph(model, graph), options).program());
        return path;
    }

    /**
     * Runs the graph {@code times} times.
     *
     * @param inputs of each rank: those of the graph, and parameters
     * @return each rank's outputs of the last time
     */
    static List<Map<String, Tensor64>> run(
            Path program, List<Map<String, Tensor64>> inputs, int times, Supplier<Device> devices)
            throws IOException, InterruptedException {
        var outputs = new ConcurrentHashMap<Integer, Map<String, Tensor64>>();
        LocalRanks.<IOException>run(inputs.size(), CollectiveOptions.DEFAULT, ends -> {
            try (var file = ProgramFile.open(program);
                    var device = devices.get();
                    var held = device.load(
                            file, List.of(ENTRY), MeshRank.of(file.manifest().mesh(), ends))) {
                var given = new LinkedHashMap<String, HostTensor>();
                inputs.get(ends.rank()).forEach((name, tensor) -> {
                    if (file.manifest().parameters().stream()
                            .anyMatch(p -> p.name().equals(name))) {
                        held.write(name, host(tensor));
                    } else {
                        given.put(name, host(tensor));
                    }
                });
                for (var i = 1; i <= times; i++) {
                    var results = new LinkedHashMap<String, Tensor64>();
                    held.run(ENTRY, given).forEach((name, tensor) -> results.put(name, Golden.tensor(tensor)));
                    outputs.put(ends.rank(), results);
                }
            }
        });
        assertThat(outputs).hasSize(inputs.size());
        return IntStream.range(0, inputs.size())
                .mapToObj(rank -> Objects.requireNonNull(outputs.get(rank)))
                .toList();
    }

    private static HostTensor host(Tensor64 tensor) {
        var shape = tensor.shape().dims().stream().mapToLong(Integer::longValue).toArray();
        if (!tensor.type().dtype().isFloat()) {
            var ints = new int[tensor.size()];
            for (var i = 0; i < ints.length; i++) {
                ints[i] = (int) tensor.get(i);
            }
            return HostTensor.of(ints, shape);
        }
        var floats = new float[tensor.size()];
        for (var i = 0; i < floats.length; i++) {
            floats[i] = (float) tensor.get(i);
        }
        return HostTensor.of(floats, shape);
    }
}
