package org.clipc.compiler.fuse;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.clipc.compiler.kernel.View;
import org.clipc.compiler.lower.Views;
import org.clipc.ir.Graph;
import org.clipc.ir.Op;
import org.clipc.ir.Value;
import org.jspecify.annotations.Nullable;

/**
 * What a kernel evaluates for one element of a value.
 *
 * @param leaves the tensors that it reads
 * @param size number of ops, shared ones counted each time
 * @param cost in additions
 * @param dot the contraction whose result it starts from, or null
 * @param counting what it holds that depends on where an element stands
 */
record Expression(
        Set<Leaf> leaves, int size, int cost, @Nullable Value dot, Counting counting) {

    /** Dependence on the place of the element, apart from operands. */
    enum Counting {
        NOTHING,
        /** The row-major index, for random numbers: reshapes leave it as it is. */
        ELEMENTS,
        /** A coordinate. */
        AXES
    }

    /**
     * A tensor as it is walked.
     *
     * @param moves data movement from the tensor to the index space, first to last
     * @param isSeed whether it holds the key of random numbers, which is read apart from the index space
     */
    record Leaf(Value root, List<Op.View> moves, boolean isSeed) {

        static Leaf of(Value root) {
            return new Leaf(root, List.of(), false);
        }

        Leaf moved(Op.View move) {
            if (isSeed) {
                return this;
            }
            var all = new ArrayList<>(moves);
            all.add(move);
            return new Leaf(root, List.copyOf(all), false);
        }

        /** As a view of a row-major tensor, if it is one. */
        Optional<View> view(Graph graph) {
            var view = Optional.of(Views.dense(0, graph.type(root)));
            for (var move : moves) {
                view = view.flatMap(v -> Views.apply(move, v));
            }
            return view;
        }

        boolean isAsLargeAs(Value value, Graph graph) {
            return graph.type(root).elements() * 2 > graph.type(value).elements();
        }
    }

    static Expression leaf(Leaf leaf) {
        return new Expression(Set.of(leaf), 0, 0, null, Counting.NOTHING);
    }

    static Expression leafless(int cost, Counting counting) {
        return new Expression(Set.of(), 1, cost, null, counting);
    }

    /** Random numbers by the key that {@code seed} leads to. */
    static Expression random(int cost, Expression seed) {
        Set<Leaf> leaves = new LinkedHashSet<>();
        seed.leaves.forEach(leaf -> leaves.add(new Leaf(leaf.root, leaf.moves, true)));
        return new Expression(leaves, 1, cost, null, Counting.ELEMENTS);
    }

    /** The result of a contraction. */
    static Expression dot(Value dot) {
        return new Expression(Set.of(), 0, 0, dot, Counting.NOTHING);
    }

    boolean isLeaf() {
        return size == 0 && leaves.size() == 1;
    }

    /** An op over several expressions, of which one at most may hold a dot. */
    static Expression combine(int cost, List<Expression> parts) {
        Set<Leaf> leaves = new LinkedHashSet<>();
        var size = 1;
        var total = cost;
        Value dot = null;
        var counting = Counting.NOTHING;
        for (var part : parts) {
            leaves.addAll(part.leaves);
            size += part.size;
            total += part.cost;
            dot = part.dot == null ? dot : part.dot;
            counting = part.counting.compareTo(counting) > 0 ? part.counting : counting;
        }
        return new Expression(leaves, size, total, dot, counting);
    }

    /** The expression behind a data movement. */
    Expression moved(Op.View move) {
        Set<Leaf> moved = new LinkedHashSet<>();
        leaves.forEach(leaf -> moved.add(leaf.moved(move)));
        return new Expression(moved, size, cost, dot, counting);
    }
}
