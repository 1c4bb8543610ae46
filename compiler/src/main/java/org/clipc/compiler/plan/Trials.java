package org.clipc.compiler.plan;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;
import org.clipc.compiler.config.ByteSize;
import org.clipc.compiler.plan.Recompute.Budget;
import org.clipc.ir.Mesh;

/** The search among batches of a rank, from small micro-batches to large, for one mesh and mode of recomputation. */
final class Trials {

    private final Cluster cluster;
    private final Function<Candidate, Outcome> compiler;
    private final Mesh mesh;
    private final List<RankBatch> batches;
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

    Trials(
            Cluster cluster,
            Function<Candidate, Outcome> compiler,
            Mesh mesh,
            List<RankBatch> batches,
            Recompute recompute) {
        this.cluster = cluster;
        this.compiler = compiler;
        this.mesh = mesh;
        this.batches = batches;
        this.recompute = recompute;
        high = batches.size();
    }

    /**
     * What came of it.
     *
     * @param reasons against what is not feasible, one each time that something was tried in vain
     * @param fitting how many of the micro-batches fit, tried or not
     * @param fixedBytes of everything but the workspace
     * @param refused whether the compiler cannot do it, however small they are
     */
    record Result(List<Estimate> feasible, List<String> reasons, int fitting, long fixedBytes, boolean refused) {
        Result {
            feasible = List.copyOf(feasible);
            reasons = List.copyOf(reasons);
        }
    }

    /** Each of the micro-batches until the first that does not fit. */
    Result ascend() {
        while (low + 1 < high) {
            run(low + 1, recompute);
        }
        return result();
    }

    /** The largest micro-batch that fits, and those tried on the way. */
    Result largest() {
        while (low + 1 < high) {
            run(Math.clamp(guess(), low + 1, high - 1), recompute);
        }
        return result();
    }

    /** The largest micro-batch that fits, smaller ones down to the fastest, and those tried on the way. */
    Result leap() {
        largest();
        for (var i = low; i > 0 && speed(i - 1) > speed(i); ) {
            i--;
        }
        return result();
    }

    private void run(int index, Recompute mode) {
        var candidate = new Candidate(mesh, cluster.gpusPerNode(), batches.get(index), mode);
        switch (compiler.apply(candidate)) {
            case Outcome.Refused(var reason) -> {
                reasons.add(reason);
                refused = true;
                high = 0;
            }
            case Outcome.TooLarge _ -> high = index;
            case Outcome.Step step -> judge(index, Estimate.of(candidate, step, cluster));
        }
    }

    private void judge(int index, Estimate estimate) {
        fixed = estimate.memory() - estimate.workspace();
        var batch = estimate.candidate().batch().microBatch();
        workspaces.put(batch, estimate.workspace());
        var excess = estimate.memory() - cluster.usable();
        if (excess <= 0) {
            low = Math.max(low, index);
            feasible.put(batch, estimate);
        } else if (recompute instanceof Budget(var bytes)
                && estimate.candidate().recompute().equals(recompute)
                && bytes > excess) {
            // What kernels need for a moment comes on top of what a budget bounds.
            run(index, new Budget(bytes - excess));
        } else {
            high = index;
        }
    }

    /** Samples per second of a micro-batch that fits, by its index. */
    private double speed(int index) {
        if (!feasible.containsKey(batches.get(index).microBatch())) {
            run(index, recompute);
        }
        var estimate = feasible.get(batches.get(index).microBatch());
        return estimate == null ? 0 : estimate.samplesPerSecond();
    }

    /** Index of the largest micro-batch that should fit, if the workspace grows on as between the last two. */
    private int guess() {
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
        return (int) batches.stream()
                        .filter(batch -> batch.microBatch() <= most)
                        .count()
                - 1;
    }

    private Result result() {
        if (high < batches.size() && !refused) {
            reasons.add(
                    "more than " + ByteSize.format(cluster.usable()) + " of memory, and so all larger micro-batches");
        }
        return new Result(List.copyOf(feasible.values()), reasons, low + 1, fixed, refused);
    }
}
