package org.clipc.compiler.schedule;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.clipc.ir.FusionKind;
import org.clipc.ir.Graph;
import org.clipc.ir.Op;
import org.clipc.ir.Value;

/**
 * How much memory an order of nodes needs, close to what the memory plan will say: a tensor lives from the node that
 * computes it to the last that reads it or a view of it. Inputs, and what replaces them, are not counted.
 *
 * <p>Orders are of steps: of the nodes that do something. Moves and constants have no place of their own, and a reduction
 * of one tensor runs with the step that computes it: the tensor is still in the caches then, and often not needed any
 * longer. Or it runs with a product whose library can give its sums, see {@link FactorSums}.
 */
final class Liveness {

    /**
     * A result of a node.
     *
     * @param untilEnd whether it is an output
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared, and read in the innermost loop of the search
    private record Tensor(int definition, long bytes, int[] users, boolean untilEnd) {}

    private final int nodes;
    private final List<Tensor> tensors = new ArrayList<>();
    private final int[][] operands;
    private final int[][] users;
    private final int[] hosts;
    private final int[] order;

    Liveness(Graph graph) {
        this(graph, Map.of(), false);
    }

    /**
     * @param products that reductions run with, by the node of these
     * @param numbersApart whether reductions to a number are steps of their own
     */
    Liveness(Graph graph, Map<Integer, Integer> products, boolean numbersApart) {
        nodes = graph.nodes().size();
        hosts = hosts(graph, products, numbersApart);
        order = IntStream.range(0, nodes).filter(i -> hosts[i] == i).toArray();
        operands = new int[nodes][];
        users = new int[nodes][];
        Map<Value, List<Integer>> readers = new HashMap<>();
        var operandLists = new ArrayList<List<Integer>>();
        IntStream.range(0, nodes).forEach(_ -> operandLists.add(new ArrayList<>()));
        for (var i = 0; i < nodes; i++) {
            if (hosts[i] < 0) {
                continue;
            }
            for (var operand : graph.nodes().get(i).operands()) {
                var root = root(graph, operand);
                var host = hosts[root.node()];
                if (host != hosts[i]) {
                    readers.computeIfAbsent(root, _ -> new ArrayList<>()).add(hosts[i]);
                    if (host >= 0) {
                        operandLists.get(hosts[i]).add(host);
                    }
                }
            }
        }
        Map<Value, Boolean> plain = new HashMap<>();
        graph.outputs().forEach(o -> plain.merge(root(graph, o.value()), o.updates() == null, Boolean::logicalOr));
        var userLists = new ArrayList<List<Integer>>();
        IntStream.range(0, nodes).forEach(_ -> userLists.add(new ArrayList<>()));
        for (var i = 0; i < nodes; i++) {
            for (var r = 0; hosts[i] >= 0 && r < graph.nodes().get(i).types().size(); r++) {
                var value = new Value(i, r);
                var readBy = readers.getOrDefault(value, List.of());
                userLists.get(hosts[i]).addAll(readBy);
                if (!Boolean.FALSE.equals(plain.get(value))) {
                    var bytes = graph.type(value).bytes();
                    tensors.add(new Tensor(hosts[i], bytes, distinct(readBy), plain.containsKey(value)));
                }
            }
        }
        for (var i : order) {
            operands[i] = distinct(operandLists.get(i));
            users[i] = distinct(userLists.get(i));
        }
    }

    /** By node: the step that it runs with, itself as a rule; -1 for what is no step. */
    private static int[] hosts(Graph graph, Map<Integer, Integer> products, boolean numbersApart) {
        var hosts = new int[graph.nodes().size()];
        for (var i = 0; i < hosts.length; i++) {
            var node = graph.nodes().get(i);
            hosts[i] = node.op() instanceof Op.Input || isFree(node.op()) ? -1 : i;
            var product = products.get(i);
            if (product != null) {
                hosts[i] = product;
            } else if (isReduction(node.op())) {
                var read = node.operands().stream()
                        .mapToInt(v -> hosts[root(graph, v).node()])
                        .filter(host -> host >= 0)
                        .distinct()
                        .toArray();
                // What a product further down gives is not there yet.
                var apart = numbersApart && node.types().getFirst().elements() == 1 && read.length == 1 && read[0] < i;
                hosts[i] = read.length == 1 && !apart && !isExchange(graph, read[0]) ? read[0] : i;
            }
        }
        return hosts;
    }

    /** Whose results may be on their way for a while. */
    private static boolean isExchange(Graph graph, int node) {
        return graph.nodes().get(node).op() instanceof Op.Collective;
    }

    static boolean isReduction(Op op) {
        return op instanceof Op.Reduce || (op instanceof Op.Fused(var kind, var _) && kind == FusionKind.REDUCE);
    }

    private static int[] distinct(List<Integer> list) {
        return list.stream().mapToInt(Integer::intValue).distinct().toArray();
    }

    private static boolean isFree(Op op) {
        return op instanceof Op.View || op instanceof Op.Constant || op instanceof Op.Iota;
    }

    private static Value root(Graph graph, Value value) {
        var root = value;
        while (isFree(graph.op(root)) && !graph.node(root).operands().isEmpty()) {
            root = graph.node(root).operand(0);
        }
        return root;
    }

    /** By step: the nodes that run with it, right behind it, in order. */
    Map<Integer, List<Integer>> guests() {
        var guests = new HashMap<Integer, List<Integer>>();
        for (var i = 0; i < nodes; i++) {
            if (hosts[i] >= 0 && hosts[i] != i) {
                guests.computeIfAbsent(hosts[i], _ -> new ArrayList<>()).add(i);
            }
        }
        return guests;
    }

    /** The order of the graph itself. */
    int[] order() {
        return order.clone();
    }

    /** The steps whose results a step reads, directly or as a view. */
    int[] operands(int node) {
        return operands[node];
    }

    int[] users(int node) {
        return users[node];
    }

    /**
     * The need of memory over an order.
     *
     * @param peak the most bytes at once
     * @param at position in the order where that is, for the first time
     * @param width number of positions that need nearly as much
     */
    record Profile(long peak, int at, int width) {

        boolean isBetterThan(Profile other) {
            return peak < other.peak || (peak == other.peak && width < other.width);
        }
    }

    Profile profile(int[] candidate) {
        var position = positions(candidate);
        var live = new long[candidate.length + 1];
        for (var tensor : tensors) {
            live[position[tensor.definition()]] += tensor.bytes();
            live[last(tensor, position, candidate.length) + 1] -= tensor.bytes();
        }
        // Plain loops: schedules try thousands of orders, and this is most of the time that takes.
        var at = 0;
        for (var i = 1; i < candidate.length; i++) {
            live[i] += live[i - 1];
            at = live[i] > live[at] ? i : at;
        }
        var peak = live[at];
        var width = 0;
        for (var i = 0; i < candidate.length; i++) {
            width += live[i] >= peak - peak / 200 ? 1 : 0;
        }
        return new Profile(peak, at, width);
    }

    /** Position by node. */
    int[] positions(int[] candidate) {
        var position = new int[nodes];
        for (var i = 0; i < candidate.length; i++) {
            position[candidate[i]] = i;
        }
        return position;
    }

    private static int last(Tensor tensor, int[] position, int length) {
        if (tensor.untilEnd()) {
            return length - 1;
        }
        var last = position[tensor.definition()];
        for (var user : tensor.users()) {
            last = Math.max(last, position[user]);
        }
        return last;
    }

    private record Candidate(int node, long bytes) {}

    /** Nodes before position {@code at} whose results are first read behind it, largest first: they could run later. */
    List<Integer> idle(int at, int[] position) {
        return largest(tensors.stream()
                .filter(t -> position[t.definition()] <= at && !t.untilEnd())
                .filter(t -> Arrays.stream(users[t.definition()]).allMatch(u -> position[u] > at))
                .map(t -> new Candidate(t.definition(), t.bytes()))
                .toList());
    }

    /** Nodes behind position {@code at} that alone still read what lives there, largest first: they could run earlier. */
    List<Integer> finishers(int at, int[] position) {
        return largest(tensors.stream()
                .filter(t -> position[t.definition()] < at && !t.untilEnd())
                .map(t -> new Candidate(onlyUserBehind(t, at, position), t.bytes()))
                .filter(c -> c.node() >= 0)
                .toList());
    }

    private static int onlyUserBehind(Tensor tensor, int at, int[] position) {
        var behind = Arrays.stream(tensor.users()).filter(u -> position[u] > at).toArray();
        return behind.length == 1 ? behind[0] : -1;
    }

    private static List<Integer> largest(List<Candidate> candidates) {
        return candidates.stream()
                .sorted(Comparator.comparingLong((Candidate c) -> -c.bytes()).thenComparingInt(Candidate::node))
                .map(Candidate::node)
                .distinct()
                .toList();
    }
}
