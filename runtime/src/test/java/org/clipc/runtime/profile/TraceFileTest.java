package org.clipc.runtime.profile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.clipc.program.KernelCall;

class TraceFileTest {

    private static final double ROUNDING = 1e-3;

    private static JsonNode trace(Profile profile) throws IOException {
        var path = Files.createTempFile("trace", ".json");
        try {
            TraceFile.write(path, profile);
            return new ObjectMapper().readTree(path.toFile());
        } finally {
            Files.delete(path);
        }
    }

    private static List<JsonNode> slices(JsonNode trace, String category) {
        var slices = new ArrayList<JsonNode>();
        for (var event : trace.get("traceEvents")) {
            if (event.path("cat").asText().equals(category)) {
                slices.add(event);
            }
        }
        return slices;
    }

    private static double end(JsonNode slice) {
        return slice.get("ts").asDouble() + slice.get("dur").asDouble();
    }

    private static double sum(List<JsonNode> slices) {
        return slices.stream().mapToDouble(s -> s.get("dur").asDouble()).sum();
    }

    @Property(tries = 100)
    void everyCallIsOneSlice(@ForAll long seed) throws IOException {
        var profile = Profiles.random(new Random(seed));
        var trace = trace(profile);
        var calls =
                profile.runs().stream().flatMap(run -> run.slices().stream()).toList();
        var kernels = slices(trace, "kernel");
        assertThat(kernels).hasSameSizeAs(calls);
        for (var i = 0; i < calls.size(); i++) {
            var call = calls.get(i).call();
            var node = profile.node(call);
            var slice = kernels.get(i);
            var args = slice.get("args");
            assertThat(slice.get("ph").asText()).isEqualTo("X");
            assertThat(call.name()).endsWith("." + slice.get("name").asText());
            assertThat(args.get("flops").asLong()).isEqualTo(call.flops());
            assertThat(args.get("bytes").asLong()).isEqualTo(call.bytes());
            assertThat(args.get("units").asInt()).isEqualTo(((KernelCall) call).units());
            assertThat(args.get("computes").asText()).isEqualTo(node.op());
            assertThat(args.get("module").asText()).isEqualTo(node.path());
        }
        assertThat(sum(kernels))
                .isEqualTo(
                        calls.stream()
                                .mapToDouble(c -> c.timing().nanos() / 1e3)
                                .sum(),
                        within(ROUNDING));
    }

    @Property(tries = 100)
    void runsHoldTheirCallsAndWorkersTheirParts(@ForAll long seed) throws IOException {
        var profile = Profiles.random(new Random(seed));
        var trace = trace(profile);
        var runs = slices(trace, "run");
        assertThat(runs).hasSameSizeAs(profile.runs());
        assertThat(runs.getFirst().get("ts").asDouble()).isZero();
        for (var kernel : slices(trace, "kernel")) {
            assertThat(runs).anySatisfy(run -> {
                assertThat(kernel.get("ts").asDouble())
                        .isGreaterThanOrEqualTo(run.get("ts").asDouble());
                assertThat(end(kernel)).isLessThanOrEqualTo(end(run) + ROUNDING);
            });
        }
        var workers = slices(trace, "worker");
        assertThat(workers).hasSize(2 * slices(trace, "kernel").size());
        assertThat(workers.stream().map(w -> w.get("tid").asInt()).distinct()).containsExactlyInAnyOrder(4, 5);
    }

    /** Viewers draw the slices of a track by nesting: each must lie inside the one that is open, or behind it. */
    @Property(tries = 200)
    void modulesNest(@ForAll long seed) throws IOException {
        var modules = slices(trace(Profiles.random(new Random(seed))), "module");
        modules.sort(Comparator.comparingDouble((JsonNode m) -> m.get("ts").asDouble())
                .thenComparingDouble(m -> -m.get("dur").asDouble()));
        var open = new ArrayDeque<JsonNode>();
        for (var module : modules) {
            while (!open.isEmpty() && end(open.getLast()) <= module.get("ts").asDouble() + ROUNDING) {
                open.removeLast();
            }
            if (!open.isEmpty()) {
                assertThat(end(module)).isLessThanOrEqualTo(end(open.getLast()) + ROUNDING);
            }
            open.addLast(module);
        }
    }
}
