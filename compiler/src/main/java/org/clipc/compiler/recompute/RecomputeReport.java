package org.clipc.compiler.recompute;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.clipc.compiler.cost.Work;
import org.clipc.ir.Graph;
import org.clipc.ir.Node;
import org.clipc.ir.Op;
import org.clipc.ir.TensorType;
import org.jspecify.annotations.Nullable;

/**
 * What a backward pass computes again, and what that costs.
 *
 * @param keptBytes of forward values that are kept for it
 * @param flops of the step without what is computed again
 * @param parts in the order in which they are first computed again, that is from the last layer on
 * @param search how a memory budget was met; null if there is none
 */
public record RecomputeReport(
        long keptBytes,
        double flops,
        List<Part> parts,
        @Nullable Search search) {

    public RecomputeReport {
        parts = List.copyOf(parts);
    }

    /**
     * Modules of one kind.
     *
     * @param module path without numbers of layers
     * @param places number of modules
     * @param bytes of values that are not kept, views aside
     * @param flops to compute them again
     */
    public record Part(String module, int places, long bytes, double flops) {}

    /**
     * How a budget was met. Times are estimates, in one unit.
     *
     * @param without bytes of the plan that keeps what is dear to compute
     * @param planned bytes of the plan that was chosen
     * @param time to compute again what was chosen
     * @param leastTime that every choice takes whose kept values alone fit into the budget
     * @param stepTime of the step without what is computed again
     */
    public record Search(long budget, long without, long planned, double time, double leastTime, double stepTime) {

        /** How much longer a step takes, at most, than with the best choice that fits: 0.01 is a percent. */
        public double gap() {
            return (time - Math.min(time, leastTime)) / (stepTime + Math.min(time, leastTime));
        }
    }

    static RecomputeReport of(Graph graph, long keptBytes, @Nullable Search search) {
        return new RecomputeReport(
                keptBytes, Work.of(graph) - Rematerialize.recomputedFlops(graph), parts(graph), search);
    }

    public double recomputedFlops() {
        return parts.stream().mapToDouble(Part::flops).sum();
    }

    private static List<Part> parts(Graph graph) {
        Map<String, List<Node>> byModule = new LinkedHashMap<>();
        graph.nodes().stream()
                .filter(Rematerialize::isRecomputed)
                .forEach(n -> byModule.computeIfAbsent(kind(n), _ -> new ArrayList<>())
                        .add(n));
        var parts = new ArrayList<Part>();
        byModule.forEach((module, nodes) -> {
            Set<String> places =
                    nodes.stream().map(n -> n.location().path()).collect(Collectors.toCollection(LinkedHashSet::new));
            var bytes = nodes.stream()
                    .filter(n -> !(n.op() instanceof Op.View))
                    .flatMap(n -> n.types().stream())
                    .mapToLong(TensorType::bytes)
                    .sum();
            parts.add(new Part(
                    module,
                    places.size(),
                    bytes,
                    nodes.stream()
                            .mapToDouble(n -> Rematerialize.flops(n, graph))
                            .sum()));
        });
        return parts;
    }

    /** The path of a node's module without the numbers in it. */
    private static String kind(Node node) {
        return Stream.of(node.location().path().split("\\.", -1))
                .filter(part -> !part.chars().allMatch(Character::isDigit) || part.isEmpty())
                .collect(Collectors.joining("."));
    }
}
