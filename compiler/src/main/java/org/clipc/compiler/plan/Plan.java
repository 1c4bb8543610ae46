package org.clipc.compiler.plan;

import java.util.List;
import java.util.Map;

/**
 * Ways to train a model on a cluster.
 *
 * @param feasible the fastest first, by samples per second
 * @param infeasible how many other ways there are, by what speaks against them
 */
public record Plan(Cluster cluster, int gpus, List<Estimate> feasible, Map<String, Integer> infeasible) {

    public Plan {
        feasible = List.copyOf(feasible);
    }
}
