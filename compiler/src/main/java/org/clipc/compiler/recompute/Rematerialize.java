package org.clipc.compiler.recompute;

import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.ToLongFunction;
import org.clipc.compiler.cost.Cost;
import org.clipc.compiler.pass.Pass;
import org.clipc.ir.Graph;
import org.clipc.ir.Value;

/**
 * Decides what the backward pass computes again instead of keeping. Always what is cheap for its size: elementwise ops,
 * normalisations, copies, and the insides of recompute regions. With a budget, further values, those with the least work
 * per byte first, until the memory plan of what the remaining passes make of the graph fits.
 */
public final class Rematerialize implements Pass {

    /** Bytes kept rather than spending a nanosecond, when memory is no concern. */
    private static final double CHEAP = 1;

    /** The price at which next to everything is computed again. */
    private static final double DEAR = 0.01;

    /** Ratio of prices that are tried one after the other: a class of equal layers flips within one or two. */
    private static final double STEP = 0.8;

    private static final int REFINEMENTS = 3;

    private final String loss;
    private final OptionalLong budget;
    private final ToLongFunction<Graph> planner;

    /** A budget that no choice of recomputations meets. */
    public static final class BudgetException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        BudgetException(long budget, long least) {
            super("model.memory_budget is %d bytes, but the training step needs %d even when it recomputes all it can:"
                            .formatted(budget, least)
                    + " raise the budget or lower model.micro_batch_size");
        }
    }

    /**
     * @param loss the output that ends the forward pass
     * @param budget bytes that the plan may take
     * @param planner the size of the memory plan for a graph
     */
    public Rematerialize(String loss, OptionalLong budget, ToLongFunction<Graph> planner) {
        this.loss = loss;
        this.budget = budget;
        this.planner = planner;
    }

    @Override
    public String name() {
        return "rematerialize";
    }

    @Override
    public Graph apply(Graph graph) {
        var boundary = graph.output(loss).value().node();
        var cheap = new Trial(graph, boundary, SavedValues.choose(graph, boundary, CHEAP));
        if (budget.isEmpty()) {
            return cheap.graph();
        }
        return new Search(graph, boundary, cheap).run();
    }

    /** A choice of what to keep. */
    private record Trial(Set<Value> saved, Graph graph) {

        Trial(Graph graph, int boundary, Set<Value> saved) {
            this(saved, Recomputation.apply(graph, boundary, saved));
        }
    }

    /**
     * The least work that fits. Lowers the price of time step by step until the plan fits, then looks for the highest
     * price between the last two. Not a bisection from end to end: keeping next to nothing makes long chains that are
     * computed again all at once, and needs more memory than keeping something here and there.
     */
    private final class Search {

        private final Graph graph;
        private final int boundary;
        private final Trial cheap;
        private final long limit = budget.orElseThrow();
        private final long cheapBytes;
        private long least;

        Search(Graph graph, int boundary, Trial cheap) {
            this.graph = graph;
            this.boundary = boundary;
            this.cheap = cheap;
            cheapBytes = planner.applyAsLong(cheap.graph());
            least = cheapBytes;
        }

        Graph run() {
            if (cheapBytes <= limit) {
                return cheap.graph();
            }
            return lower(this::isFar).or(() -> lower(_ -> false)).orElseThrow(() -> new BudgetException(limit, least));
        }

        /**
         * Whether what is kept exceeds the budget by so much that no plan, which takes its time to make, need tell: what
         * is kept no more is missing where memory peaks, as a rule.
         */
        private boolean isFar(Set<Value> saved) {
            return cheapBytes - bytes(cheap.saved()) + bytes(saved) > limit + limit / 16;
        }

        private long bytes(Set<Value> saved) {
            return saved.stream().mapToLong(v -> graph.type(v).bytes()).sum();
        }

        private Optional<Graph> lower(Predicate<Set<Value>> exceeds) {
            var last = cheap.saved();
            for (var price = CHEAP * STEP; price >= DEAR; price *= STEP) {
                var saved = SavedValues.choose(graph, boundary, price);
                if (!saved.equals(last)) {
                    last = saved;
                    var trial = new Trial(graph, boundary, saved);
                    if (!exceeds.test(saved) && fits(trial)) {
                        return Optional.of(refine(trial, price, exceeds).graph());
                    }
                }
            }
            return Optional.empty();
        }

        private boolean fits(Trial trial) {
            var bytes = planner.applyAsLong(trial.graph());
            least = Math.min(least, bytes);
            return bytes <= limit;
        }

        private Trial refine(Trial fitting, double price, Predicate<Set<Value>> exceeds) {
            var best = fitting;
            var low = price;
            var high = price / STEP;
            for (var i = 0; i < REFINEMENTS; i++) {
                var middle = Math.sqrt(low * high);
                var saved = SavedValues.choose(graph, boundary, middle);
                if (saved.equals(best.saved())) {
                    low = middle;
                    continue;
                }
                var trial = new Trial(graph, boundary, saved);
                if (!exceeds.test(saved) && fits(trial)) {
                    low = middle;
                    best = trial;
                } else {
                    high = middle;
                }
            }
            return best;
        }
    }

    /** Work that a graph spends on computing again what it had before. */
    public static double recomputedFlops(Graph graph) {
        return graph.nodes().stream()
                .filter(node -> node.location().recompute().equals(Recomputation.REGION))
                .mapToDouble(node -> Cost.flops(
                        node.op(), node.operands().stream().map(graph::type).toList(), node.types()))
                .sum();
    }
}
