package org.clipc.compiler.plan;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.clipc.compiler.plan.Recompute.Budget;
import org.clipc.compiler.plan.Recompute.Mode;
import org.clipc.ir.Mesh;

/**
 * The search. For each way to divide the ranks and each mode of recomputation, micro-batches are doubled until one does
 * not fit: then no larger one does. A memory budget is tried where the program does not fit without recomputation.
 *
 * <p>Where the number of samples of a step is given, a rank takes its share at once, or in several micro-batches, for
 * which every divisor is possible. Where it is not, several micro-batches are never better than a smaller step of one: they
 * run the towers' forward pass twice, and keep sums of gradients.
 *
 * <p>What is left out unless it is asked for is slower than something that fits:
 *
 * <ul>
 *   <li>Recomputation where it is not needed: it only adds ops.
 *   <li>Of the cuts of a rank's batch, all but the largest micro-batch that fits, and all of them where the whole does. The
 *       time of each op and exchange is at most proportional to the size of a micro-batch but for what it takes whatever the
 *       size (weights to read, launches, latencies): a maximum of functions a + b·size with a, b ≥ 0. So the same samples
 *       take no less time in more parts. What divides the parts evenly, such as samples among tensor-parallel ranks,
 *       divides the whole. This takes for granted that the compiler makes the same ops of all of them, as it does but for
 *       what it finds cheap to compute again ({@link org.clipc.compiler.recompute.Rematerialize}), which in narrow layers,
 *       of 200 features or less, depends on how many samples share the reading of their weights.
 *   <li>Small micro-batches of steps of any size. The time of such a step is a convex function of its size (of rooflines,
 *       and of logits for all pairs of samples), so samples per second have one peak: from the largest size that fits,
 *       sizes are halved until that makes it slower.
 * </ul>
 *
 * <p>Whether a larger micro-batch with recomputation is faster than a smaller one without, or one in whole with it than
 * several without, cannot be told beforehand: both are tried.
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
        if (globalBatch.isEmpty()) {
            return search(mesh, sizes(mesh), Trials::leap, Trials::ascend);
        }
        var samples = globalBatch.getAsInt() / mesh.data();
        var results = new ArrayList<>(search(mesh, List.of(RankBatch.whole(samples)), Trials::ascend, Trials::ascend));
        var whole = results.getFirst();
        if (!whole.refused() && (exhaustive || whole.fitting() == 0)) {
            results.addAll(search(mesh, RankBatch.cuts(samples), Trials::largest, Trials::largest));
        }
        return results;
    }

    /**
     * Tries batches without recomputation and, where they do not fit, with each mode, and with a budget.
     *
     * @param batches the smallest micro-batch first; not empty
     * @param plain how to search among them
     * @param recomputed how to search among the larger ones with a mode
     * @return that without recomputation first
     */
    private List<Trials.Result> search(
            Mesh mesh,
            List<RankBatch> batches,
            Function<Trials, Trials.Result> plain,
            Function<Trials, Trials.Result> recomputed) {
        var trials = trials(mesh, batches, Mode.NONE);
        var first = exhaustive ? trials.ascend() : plain.apply(trials);
        if (first.refused()) {
            return List.of(first);
        }
        var left = batches.subList(first.fitting(), batches.size());
        var searches = new ArrayList<Supplier<Trials.Result>>();
        for (var mode : modes) {
            var others = trials(mesh, exhaustive ? batches : left, mode);
            searches.add(() -> exhaustive ? others.ascend() : recomputed.apply(others));
        }
        var room = cluster.usable() - first.fixedBytes();
        if (room > 0) {
            searches.add(trials(mesh, left, new Budget(room))::ascend);
        }
        var results = new ArrayList<>(List.of(first));
        results.addAll(searches.parallelStream().map(Supplier::get).toList());
        return results;
    }

    private Trials trials(Mesh mesh, List<RankBatch> batches, Recompute recompute) {
        return new Trials(cluster, compiler, mesh, batches, recompute);
    }

    private static List<Trials.Result> refusal(String reason) {
        return List.of(new Trials.Result(List.of(), List.of(reason), 0, 0, true));
    }

    /** Of steps of one micro-batch, of any number of samples. */
    private static List<RankBatch> sizes(Mesh mesh) {
        return Stream.iterate(1, batch -> batch <= LARGEST_BATCH / mesh.data(), batch -> 2 * batch)
                .map(RankBatch::whole)
                .toList();
    }
}
