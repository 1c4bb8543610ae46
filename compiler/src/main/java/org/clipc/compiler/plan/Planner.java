package org.clipc.compiler.plan;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.clipc.compiler.config.ByteSize;
import org.clipc.compiler.plan.Recompute.Budget;
import org.clipc.compiler.plan.Recompute.Mode;
import org.clipc.ir.Mesh;

/**
 * The search. For each way to divide the ranks and each mode of recomputation, micro-batches are doubled until one does
 * not fit: then no larger one does. A memory budget is tried where the program does not fit without recomputation.
 */
public final class Planner {

    private static final int LARGEST_BATCH = 1 << 20;

    private final Cluster cluster;
    private final int gpus;
    private final OptionalInt globalBatch;
    private final List<Mode> modes;
    private final Function<Candidate, Outcome> compiler;

    private Planner(
            Cluster cluster,
            int gpus,
            OptionalInt globalBatch,
            List<Mode> modes,
            Function<Candidate, Outcome> compiler) {
        this.cluster = cluster;
        this.gpus = gpus;
        this.globalBatch = globalBatch;
        this.modes = List.copyOf(modes);
        this.compiler = compiler;
    }

    /** What came of some candidates. */
    private record Found(List<Estimate> feasible, List<String> refused) {

        static Found refusal(String reason) {
            return new Found(List.of(), List.of(reason));
        }

        Found and(Found other) {
            return new Found(
                    Stream.concat(feasible.stream(), other.feasible.stream()).toList(),
                    Stream.concat(refused.stream(), other.refused.stream()).toList());
        }
    }

    /**
     * @param gpus ranks; they fill nodes
     * @param globalBatch samples of a step; any number if empty
     * @param modes of recomputation that the model has, beside none
     * @param compiler makes the training step of a candidate; several threads call it at once
     */
    public static Plan plan(
            Cluster cluster,
            int gpus,
            OptionalInt globalBatch,
            List<Mode> modes,
            Function<Candidate, Outcome> compiler) {
        return new Planner(cluster, gpus, globalBatch, modes, compiler).run();
    }

    private Plan run() {
        var found = IntStream.rangeClosed(1, gpus)
                .filter(tensor -> gpus % tensor == 0)
                .parallel()
                .mapToObj(tensor -> of(new Mesh(gpus / tensor, tensor)))
                .reduce(new Found(List.of(), List.of()), Found::and);
        var feasible = found.feasible().stream()
                .sorted(Comparator.comparingDouble(e -> -e.samplesPerSecond()))
                .toList();
        Map<String, Integer> refused = new TreeMap<>();
        found.refused().forEach(reason -> refused.merge(reason, 1, Integer::sum));
        return new Plan(cluster, gpus, feasible, refused);
    }

    private Found of(Mesh mesh) {
        var fitsNode = gpus <= cluster.gpusPerNode() || cluster.gpusPerNode() % mesh.tensor() == 0;
        if (!fitsNode) {
            return Found.refusal("tensor-parallel ranks would be on several nodes");
        }
        if (globalBatch.isPresent() && globalBatch.getAsInt() % mesh.data() != 0) {
            return Found.refusal(
                    "%d samples do not divide among data-parallel ranks".formatted(globalBatch.getAsInt()));
        }
        var batches = microBatches(mesh);
        var found = new ArrayList<Found>();
        var withoutBudget = grow(mesh, batches, Mode.NONE);
        found.add(withoutBudget.found());
        if (withoutBudget.refused()) {
            return withoutBudget.found();
        }
        for (var mode : modes) {
            found.add(grow(mesh, batches, mode).found());
        }
        var left = batches.subList(withoutBudget.found().feasible().size(), batches.size());
        var room = cluster.usable() - withoutBudget.fixedBytes();
        if (!left.isEmpty() && room > 0) {
            found.add(grow(mesh, left, new Budget(room)).found());
        }
        return found.stream().reduce(Found::and).orElseThrow();
    }

    /**
     * Micro-batches of one mesh and mode.
     *
     * @param fixedBytes of parameters and the optimizer's state
     * @param refused whether the compiler cannot do it, however small they are
     */
    private record Grown(Found found, long fixedBytes, boolean refused) {}

    /** Each of the micro-batches until the first that does not fit. */
    private Grown grow(Mesh mesh, List<Integer> batches, Recompute recompute) {
        var feasible = new ArrayList<Estimate>();
        var fixed = 0L;
        for (var batch : batches) {
            var candidate = new Candidate(mesh, cluster.gpusPerNode(), batch, recompute);
            switch (compiler.apply(candidate)) {
                case Outcome.Refused(var reason) -> {
                    return new Grown(new Found(feasible, List.of(reason)), fixed, true);
                }
                case Outcome.TooLarge _ -> {
                    return new Grown(new Found(feasible, List.of(tooLarge())), fixed, false);
                }
                case Outcome.Step step -> {
                    var estimate = Estimate.of(candidate, step, cluster);
                    fixed = estimate.parameters() + estimate.optimizer();
                    if (estimate.memory() > cluster.usable()) {
                        return new Grown(new Found(feasible, List.of(tooLarge())), fixed, false);
                    }
                    feasible.add(estimate);
                }
            }
        }
        return new Grown(new Found(feasible, List.of()), fixed, false);
    }

    private String tooLarge() {
        return "more than " + ByteSize.format(cluster.usable()) + " of memory, and so all larger micro-batches";
    }

    private List<Integer> microBatches(Mesh mesh) {
        return globalBatch.isPresent()
                ? List.of(globalBatch.getAsInt() / mesh.data())
                : Stream.iterate(1, batch -> batch <= LARGEST_BATCH / mesh.data(), batch -> 2 * batch)
                        .toList();
    }
}
