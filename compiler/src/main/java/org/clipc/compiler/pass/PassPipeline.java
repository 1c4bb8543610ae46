package org.clipc.compiler.pass;

import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;
import org.clipc.ir.Graph;
import org.clipc.ir.Verifier;

/**
 * Passes in order.
 *
 * @param verifyEach whether to verify the graph after every pass
 * @param after called with each pass and the graph that it made, for printing
 */
public record PassPipeline(List<Pass> passes, boolean verifyEach, BiConsumer<Pass, Graph> after) {

    /** How long one pass took and what it did to the node count. */
    public record Timing(String pass, long nanos, int nodesBefore, int nodesAfter) {}

    /** The last pass's graph, and the timings in order. */
    public record Result(Graph graph, List<Timing> timings) {
        public Result {
            timings = List.copyOf(timings);
        }
    }

    public PassPipeline {
        passes = List.copyOf(passes);
    }

    public static PassPipeline of(Pass... passes) {
        return new PassPipeline(List.of(passes), false, (_, _) -> {});
    }

    public PassPipeline verifyingEach() {
        return new PassPipeline(passes, true, after);
    }

    /** The same pipeline, telling {@code observer} too. */
    public PassPipeline observed(BiConsumer<Pass, Graph> observer) {
        return new PassPipeline(passes, verifyEach, after.andThen(observer));
    }

    /** @throws IllegalStateException if a pass makes an illegal graph and each is verified */
    public Result run(Graph graph) {
        var timings = new ArrayList<Timing>();
        var current = graph;
        for (var pass : passes) {
            var before = current.nodes().size();
            var start = System.nanoTime();
            current = pass.apply(current);
            timings.add(new Timing(
                    pass.name(),
                    System.nanoTime() - start,
                    before,
                    current.nodes().size()));
            after.accept(pass, current);
            if (verifyEach) {
                verify(pass, current);
            }
        }
        return new Result(current, timings);
    }

    private static void verify(Pass pass, Graph graph) {
        var problems = Verifier.verify(graph);
        if (!problems.isEmpty()) {
            throw new IllegalStateException("pass " + pass.name() + " made an illegal graph " + graph.name() + ":\n  "
                    + String.join("\n  ", problems));
        }
    }
}
