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
import org.clipc.compiler.plan.Recompute.Budget;
import org.clipc.compiler.plan.Recompute.Mode;
import org.clipc.ir.Mesh;

/**
 * The search. For each way to divide the ranks and each mode of recomputation, micro-batches are doubled until one does
 * not fit: then no larger one does. A memory budget is tried where the program does not fit without recomputation.
 *
 * <p>Two things are left out unless they are asked for, since something that fits is faster: recomputation where it is not
 * needed, and small micro-batches. The time of a step is a convex function of its size (of rooflines, and of logits for all
 * pairs of samples), so samples per second have one peak: from the largest size that fits, sizes are halved until that
 * makes it slower.
 */
public final class Planner {

    private static final int LARGEST_BATCH = 1 << 20;

    private final Cluster cluster;
    private final int gpus;
    private final OptionalInt globalBatch;
    private final List<Mode> modes;
    private final boolean exhaustive;
    private final Function<Candidate, Outcome> compiler;

    private Planner(
            Cluster cluster,
            int gpus,
            OptionalInt globalBatch,
            List<Mode> modes,
            boolean exhaustive,
            Function<Candidate, Outcome> compiler) {
        this.cluster = cluster;
        this.gpus = gpus;
        this.globalBatch = globalBatch;
        this.modes = List.copyOf(modes);
        this.exhaustive = exhaustive;
        this.compiler = compiler;
    }

    /**
     * @param gpus ranks; they fill nodes
     * @param globalBatch samples of a step; any number if empty
     * @param modes of recomputation that the model has, beside none
     * @param exhaustive whether to try what is slower than something that fits, too
     * @param compiler makes the training step of a candidate; several threads call it at once
     */
    public static Plan plan(
            Cluster cluster,
            int gpus,
            OptionalInt globalBatch,
            List<Mode> modes,
            boolean exhaustive,
            Function<Candidate, Outcome> compiler) {
        return new Planner(cluster, gpus, globalBatch, modes, exhaustive, compiler).run();
    }

    private Plan run() {
        var results = IntStream.rangeClosed(1, gpus)
                .filter(tensor -> gpus % tensor == 0)
                .parallel()
                .mapToObj(tensor -> search(new Mesh(gpus / tensor, tensor)))
                .flatMap(List::stream)
                .toList();
        Map<String, Integer> refused = new TreeMap<>();
        results.stream().flatMap(r -> r.reasons().stream()).forEach(reason -> refused.merge(reason, 1, Integer::sum));
        var feasible = results.stream()
                .flatMap(r -> r.feasible().stream())
                .sorted(Comparator.comparingDouble(e -> -e.samplesPerSecond()))
                .toList();
        return new Plan(cluster, gpus, feasible, refused);
    }

    private List<Trials.Result> search(Mesh mesh) {
        if (gpus > cluster.gpusPerNode() && cluster.gpusPerNode() % mesh.tensor() != 0) {
            return refusal("tensor-parallel ranks would be on several nodes");
        }
        if (globalBatch.isPresent() && globalBatch.getAsInt() % mesh.data() != 0) {
            return refusal("%d samples do not divide among data-parallel ranks".formatted(globalBatch.getAsInt()));
        }
        var batches = microBatches(mesh);
        var trials = trials(mesh, batches, Mode.NONE);
        var plain = exhaustive ? trials.ascend() : trials.leap();
        if (plain.refused()) {
            return List.of(plain);
        }
        var left = batches.subList(plain.fitting(), batches.size());
        var others = new ArrayList<Trials>();
        modes.forEach(mode -> others.add(trials(mesh, exhaustive ? batches : left, mode)));
        var room = cluster.usable() - plain.fixedBytes();
        if (room > 0) {
            others.add(trials(mesh, left, new Budget(room)));
        }
        var results = new ArrayList<>(List.of(plain));
        results.addAll(others.parallelStream().map(Trials::ascend).toList());
        return results;
    }

    private Trials trials(Mesh mesh, List<Integer> batches, Recompute recompute) {
        return new Trials(cluster, compiler, mesh, batches, recompute);
    }

    private static List<Trials.Result> refusal(String reason) {
        return List.of(new Trials.Result(List.of(), List.of(reason), 0, 0, true));
    }

    private List<Integer> microBatches(Mesh mesh) {
        return globalBatch.isPresent()
                ? List.of(globalBatch.getAsInt() / mesh.data())
                : Stream.iterate(1, batch -> batch <= LARGEST_BATCH / mesh.data(), batch -> 2 * batch)
                        .toList();
    }
}
