package org.clipc.compiler.schedule;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Finds a stretch of an order in which the nodes fall into a few large groups that do not depend on each other, as the
 * backward passes of two towers do, and lets them run in any order.
 */
final class Branches {

    /** Nodes behind a start that are tried as the beginning of the stretch. */
    private static final int STARTS = 80;

    /** Smallest part of the stretch that counts as a branch of its own. */
    private static final double LEAST = 0.1;

    private static final int MOST = 4;

    private Branches() {}

    /** The order itself and, if it has branches behind position {@code from}, all permutations of these. */
    static List<int[]> permutations(int[] order, int from, Liveness liveness) {
        var found = find(order, from, liveness);
        var orders = new ArrayList<int[]>();
        orders.add(order);
        if (found != null) {
            for (var permutation : permutations(found.branches().size())) {
                orders.add(found.arrange(order, permutation));
            }
        }
        return orders;
    }

    /**
     * @param start first position of the stretch
     * @param end position behind it
     * @param branches positions of each large group, in order; every other position of the stretch is in none
     */
    private record Stretch(int start, int end, List<List<Integer>> branches) {

        /** Small groups first, then the branches in the given order. */
        int[] arrange(int[] order, List<Integer> permutation) {
            var inBranch = new boolean[order.length];
            branches.forEach(b -> b.forEach(p -> inBranch[p] = true));
            var result = order.clone();
            var at = start;
            for (var p = start; p < end; p++) {
                if (!inBranch[p]) {
                    result[at++] = order[p];
                }
            }
            for (var branch : permutation) {
                for (var p : branches.get(branch)) {
                    result[at++] = order[p];
                }
            }
            return result;
        }
    }

    private static @Nullable Stretch find(int[] order, int from, Liveness liveness) {
        Stretch best = null;
        var position = liveness.positions(order);
        for (var start = from; start < Math.min(from + STARTS, order.length); start++) {
            var stretch = stretch(order, start, position, liveness);
            if (stretch != null && (best == null || covered(stretch) > covered(best))) {
                best = stretch;
            }
        }
        return best;
    }

    private static int covered(Stretch stretch) {
        return stretch.branches().stream().mapToInt(List::size).sum();
    }

    /** The longest stretch from {@code start} on before two large groups meet. */
    private static @Nullable Stretch stretch(int[] order, int start, int[] position, Liveness liveness) {
        var large = (int) (LEAST * (order.length - start));
        var parent = IntStream.range(0, order.length).toArray();
        var size = new int[order.length];
        Arrays.fill(size, 1);
        var end = start;
        for (; end < order.length; end++) {
            var operands = liveness.operands(order[end]);
            if (joinsLargeOnes(operands, start, position, parent, size, large)) {
                break;
            }
            for (var operand : operands) {
                if (position[operand] >= start) {
                    var root = root(parent, position[operand]);
                    if (root != end) {
                        parent[root] = end;
                        size[end] += size[root];
                    }
                }
            }
        }
        var branches = branches(start, end, parent, size, large);
        return branches.size() < 2 || branches.size() > MOST ? null : new Stretch(start, end, branches);
    }

    /** Whether operands lie in different large groups. A plain loop: it runs for each node behind each start. */
    private static boolean joinsLargeOnes(
            int[] operands, int start, int[] position, int[] parent, int[] size, int large) {
        var first = -1;
        for (var operand : operands) {
            if (position[operand] >= start) {
                var root = root(parent, position[operand]);
                if (size[root] >= large && root != first) {
                    if (first >= 0) {
                        return true;
                    }
                    first = root;
                }
            }
        }
        return false;
    }

    private static List<List<Integer>> branches(int start, int end, int[] parent, int[] size, int large) {
        var branches = new ArrayList<List<Integer>>();
        var roots = new ArrayList<Integer>();
        for (var p = start; p < end; p++) {
            var root = root(parent, p);
            if (size[root] < large) {
                continue;
            }
            if (!roots.contains(root)) {
                roots.add(root);
                branches.add(new ArrayList<>());
            }
            branches.get(roots.indexOf(root)).add(p);
        }
        return branches;
    }

    private static int root(int[] parent, int p) {
        var root = p;
        while (parent[root] != root) {
            parent[root] = parent[parent[root]];
            root = parent[root];
        }
        return root;
    }

    private static List<List<Integer>> permutations(int count) {
        if (count == 0) {
            return List.of(List.of());
        }
        var result = new ArrayList<List<Integer>>();
        for (var shorter : permutations(count - 1)) {
            for (var at = 0; at <= shorter.size(); at++) {
                var longer = new ArrayList<>(shorter);
                longer.add(at, count - 1);
                result.add(longer);
            }
        }
        return result;
    }
}
