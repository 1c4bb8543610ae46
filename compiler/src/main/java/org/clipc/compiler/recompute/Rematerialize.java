package org.clipc.compiler.recompute;

import java.util.OptionalLong;
import java.util.function.Consumer;
import java.util.function.ToIntFunction;
import java.util.function.ToLongFunction;
import org.clipc.compiler.cost.Work;
import org.clipc.compiler.pass.Pass;
import org.clipc.ir.Graph;
import org.clipc.ir.Node;

/**
 * Decides what the backward pass computes again instead of keeping. Always the insides of recompute regions, and what stays
 * in registers. Without a budget, what is cheap for its size too: elementwise ops, normalisations, copies. With one, no more
 * than has to be, those values with the least work per byte first, until the memory plan of what the remaining passes make of
 * the graph fits.
 */
public final class Rematerialize implements Pass {

    /** Ends the names of what is computed again. */
    public static final String AGAIN = ", again";

    /** Bytes kept rather than spending a nanosecond, when nobody says how much memory there is. */
    private static final double CHEAP = 1;

    /** Bytes kept rather than spending a nanosecond, where they fit; memory moves some 15 bytes in one. */
    private static final double FITTING = 10;

    /** Plans made to come closer to the budget, once one is below it. */
    private static final int REFINEMENTS = 6;

    private final ToIntFunction<Graph> lastForward;
    private final OptionalLong budget;
    private final ToLongFunction<Graph> planner;
    private final Consumer<RecomputeReport> told;

    /** A budget that no choice of recomputations meets. */
    public static final class BudgetException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        private final long least;

        BudgetException(long budget, long least) {
            super("model.memory_budget is %d bytes, but the training step needs %d even when it recomputes all it can:"
                            .formatted(budget, least)
                    + " raise the budget or lower model.micro_batch_size");
            this.least = least;
        }

        /** Bytes of the smallest memory plan that was found. */
        public long least() {
            return least;
        }
    }

    /**
     * @param loss the output that ends the forward pass
     * @param budget bytes that the plan may take
     * @param planner the size of the memory plan for a graph
     * @param told what was chosen, each time the pass runs
     */
    public Rematerialize(
            String loss, OptionalLong budget, ToLongFunction<Graph> planner, Consumer<RecomputeReport> told) {
        this(graph -> graph.output(loss).value().node(), budget, planner, told);
    }

    /**
     * @param lastForward index of the node that ends the forward pass
     * @param budget bytes that the plan may take
     * @param planner the size of the memory plan for a graph
     * @param told what was chosen, each time the pass runs
     */
    public Rematerialize(
            ToIntFunction<Graph> lastForward,
            OptionalLong budget,
            ToLongFunction<Graph> planner,
            Consumer<RecomputeReport> told) {
        this.lastForward = lastForward;
        this.budget = budget;
        this.planner = planner;
        this.told = told;
    }

    @Override
    public String name() {
        return "rematerialize";
    }

    @Override
    public Graph apply(Graph graph) {
        var boundary = lastForward.applyAsInt(graph);
        var values = new SavedValues(graph, boundary);
        if (budget.isPresent()) {
            return new Search(graph, boundary, values, values.choose(FITTING)).run();
        }
        var cheap = values.choose(CHEAP);
        var result = Recomputation.apply(graph, boundary, cheap.saved());
        told.accept(RecomputeReport.of(result, cheap.bytes(), null));
        return result;
    }

    /**
     * The least work that fits. What is kept is live all at once between the forward and the backward pass, so a bound on
     * its bytes stands in for the one on the plan: {@link Frontier} knows the least time for each, and the plan tells how
     * far the bound has to be moved. Lowered from the top, not bisected from end to end: keeping next to nothing makes
     * long chains that are computed again all at once, and needs more memory than keeping something here and there.
     */
    private final class Search {

        private final Graph graph;
        private final int boundary;
        private final Frontier frontier;
        private final Trial first;
        private final long limit = budget.orElseThrow();
        private long least;

        /** A choice and the size of its plan. */
        private record Trial(SavedValues.Choice choice, Graph graph, long bytes) {}

        Search(Graph graph, int boundary, SavedValues values, SavedValues.Choice most) {
            this.graph = graph;
            this.boundary = boundary;
            frontier = new Frontier(values, most);
            least = Long.MAX_VALUE;
            first = trial(most);
        }

        private Trial trial(SavedValues.Choice choice) {
            var candidate = Recomputation.apply(graph, boundary, choice.saved());
            var bytes = planner.applyAsLong(candidate);
            least = Math.min(least, bytes);
            return new Trial(choice, candidate, bytes);
        }

        Graph run() {
            var chosen = first.bytes() <= limit ? first : lower();
            var choice = chosen.choice();
            var time = graph.nodes().stream()
                    .mapToDouble(node -> RecomputeTime.nanos(node, graph))
                    .sum();
            told.accept(RecomputeReport.of(
                    chosen.graph(),
                    choice.bytes(),
                    new RecomputeReport.Search(
                            limit, first.bytes(), chosen.bytes(), choice.nanos(), frontier.leastNanos(limit), time)));
            return chosen.graph();
        }

        private Trial lower() {
            var above = first;
            while (true) {
                var step = Math.max(above.bytes() - limit, above.choice().bytes() / 64);
                var choice = frontier.within(above.choice().bytes() - step);
                if (choice.isEmpty()) {
                    throw new BudgetException(limit, least);
                }
                var trial = trial(choice.get());
                if (trial.bytes() <= limit) {
                    return raise(trial, above);
                }
                above = trial;
            }
        }

        /** Comes closer to the budget from below: keeps what still fits. */
        private Trial raise(Trial fitting, Trial above) {
            var best = fitting;
            var low = fitting.choice().bytes();
            var high = above.choice().bytes();
            var next = low + limit - fitting.bytes();
            for (var i = 0; i < REFINEMENTS; i++) {
                var bound = next > low && next < high ? next : low + (high - low) / 2;
                var choice = frontier.within(bound).orElse(best.choice());
                if (choice.bytes() <= best.choice().bytes()) {
                    low = bound;
                    next = -1;
                    continue;
                }
                var trial = trial(choice);
                if (trial.bytes() <= limit) {
                    best = trial;
                    low = choice.bytes();
                    next = low + limit - trial.bytes();
                } else {
                    high = choice.bytes();
                    next = high - (trial.bytes() - limit);
                }
            }
            return best;
        }
    }

    /** Work that a graph spends on computing again what it had before. */
    public static double recomputedFlops(Graph graph) {
        return graph.nodes().stream()
                .filter(Rematerialize::isRecomputed)
                .mapToDouble(node -> flops(node, graph))
                .sum();
    }

    /** Whether a node computes again what the forward pass had. */
    public static boolean isRecomputed(Node node) {
        return node.location().recompute().equals(Recomputation.REGION);
    }

    static double flops(Node node, Graph graph) {
        return Work.of(node.op(), node.operands().stream().map(graph::type).toList(), node.types());
    }
}
