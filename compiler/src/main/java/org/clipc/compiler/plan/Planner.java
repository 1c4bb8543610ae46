package org.clipc.compiler.plan;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.SortedMap;
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
        var plain = exhaustive ? ascend(mesh, batches, Mode.NONE) : leap(mesh, batches);
        if (plain.refused()) {
            return plain.found();
        }
        var found = plain.found();
        var left = batches.subList(plain.fitting(), batches.size());
        for (var mode : modes) {
            found = found.and(ascend(mesh, exhaustive ? batches : left, mode).found());
        }
        var room = cluster.usable() - plain.fixedBytes();
        return room <= 0
                ? found
                : found.and(ascend(mesh, left, new Budget(room)).found());
    }

    /**
     * Micro-batches of one mesh and mode.
     *
     * @param fitting how many of them fit, tried or not
     * @param fixedBytes of parameters and the optimizer's state
     * @param refused whether the compiler cannot do it, however small they are
     */
    private record Tried(Found found, int fitting, long fixedBytes, boolean refused) {}

    /** Each of the micro-batches until the first that does not fit. */
    private Tried ascend(Mesh mesh, List<Integer> batches, Recompute recompute) {
        var trials = new Trials(mesh, batches, recompute);
        while (trials.low + 1 < trials.high) {
            trials.run(trials.low + 1);
        }
        return trials.result();
    }

    /** The largest micro-batch that fits, smaller ones down to the fastest, and those tried on the way. */
    private Tried leap(Mesh mesh, List<Integer> batches) {
        var trials = new Trials(mesh, batches, Mode.NONE);
        while (trials.low + 1 < trials.high) {
            trials.run(Math.clamp(trials.guess(), trials.low + 1, trials.high - 1));
        }
        for (var i = trials.low; i > 0 && trials.speed(i - 1) > trials.speed(i); ) {
            i--;
        }
        return trials.result();
    }

    private final class Trials {

        private final Mesh mesh;
        private final List<Integer> batches;
        private final Recompute recompute;
        private final SortedMap<Integer, Estimate> feasible = new TreeMap<>();
        private final List<String> reasons = new ArrayList<>();

        /** Bytes of the workspace by micro-batch. */
        private final SortedMap<Integer, Long> workspaces = new TreeMap<>();

        private long fixed;
        private boolean refused;

        /** Index of the largest micro-batch that is known to fit. */
        private int low = -1;

        /** Index of the smallest that is known not to. */
        private int high;

        Trials(Mesh mesh, List<Integer> batches, Recompute recompute) {
            this.mesh = mesh;
            this.batches = batches;
            this.recompute = recompute;
            high = batches.size();
        }

        void run(int index) {
            var candidate = new Candidate(mesh, cluster.gpusPerNode(), batches.get(index), recompute);
            switch (compiler.apply(candidate)) {
                case Outcome.Refused(var reason) -> {
                    reasons.add(reason);
                    refused = true;
                    high = 0;
                }
                case Outcome.TooLarge _ -> high = index;
                case Outcome.Step step -> {
                    var estimate = Estimate.of(candidate, step, cluster);
                    fixed = estimate.parameters() + estimate.optimizer();
                    workspaces.put(candidate.microBatch(), estimate.workspace());
                    if (estimate.memory() > cluster.usable()) {
                        high = index;
                    } else {
                        low = Math.max(low, index);
                        feasible.put(candidate.microBatch(), estimate);
                    }
                }
            }
        }

        /** Samples per second of a micro-batch that fits, by its index. */
        double speed(int index) {
            if (!feasible.containsKey(batches.get(index))) {
                run(index);
            }
            var estimate = feasible.get(batches.get(index));
            return estimate == null ? 0 : estimate.samplesPerSecond();
        }

        /** Index of the largest micro-batch that should fit, if the workspace grows on as between the last two. */
        int guess() {
            if (workspaces.isEmpty()) {
                return 0;
            }
            var last = workspaces.lastKey();
            var bytes = (double) Objects.requireNonNull(workspaces.get(last));
            var before = workspaces.headMap(last);
            var growth = before.isEmpty()
                    ? bytes / last
                    : (bytes - Objects.requireNonNull(before.get(before.lastKey()))) / (last - before.lastKey());
            var most = last + (cluster.usable() - fixed - bytes) / Math.max(1, growth);
            return (int) batches.stream().filter(batch -> batch <= most).count() - 1;
        }

        Tried result() {
            if (high < batches.size() && !refused) {
                reasons.add(tooLarge());
            }
            return new Tried(new Found(List.copyOf(feasible.values()), reasons), low + 1, fixed, refused);
        }
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
