package org.clipc.compiler.schedule;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.clipc.compiler.pass.Pass;
import org.clipc.compiler.schedule.Liveness.Profile;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.MeshAxis;
import org.clipc.ir.Op;
import org.clipc.ir.Output;
import org.clipc.ir.Value;

/**
 * Orders nodes so that less memory is in use at once. Starts from the order it finds, which follows the source and then
 * the way back; tries which tower to go back through first; then, where
 * memory peaks, moves what is not read yet behind the peak and what reads something for the last time before it.
 */
public final class Schedule implements Pass {

    private static final int IMPROVEMENTS = 200;
    private static final int CANDIDATES = 12;

    private final boolean exchangesEarly;
    private final boolean forLibrary;

    public Schedule() {
        this(false, false);
    }

    /**
     * @param exchangesEarly whether data-parallel ranks exchange as soon as they can, whatever memory that takes
     * @param forLibrary whether sums do not stand behind what they sum, which a CPU finds in its caches there: those that a
     *     product's library can give stand behind the product, and those of whole tensors, as of the gradient's norm, together
     */
    public Schedule(boolean exchangesEarly, boolean forLibrary) {
        this.exchangesEarly = exchangesEarly;
        this.forLibrary = forLibrary;
    }

    @Override
    public String name() {
        return "schedule";
    }

    @Override
    public Graph apply(Graph graph) {
        var liveness = forLibrary ? new Liveness(graph, FactorSums.products(graph), true) : new Liveness(graph);
        var best = liveness.order();
        for (var from : List.of(0, firstOutput(graph, best))) {
            best = least(Branches.permutations(best, from, liveness), liveness);
        }
        var order = improve(best, liveness);
        return reorder(graph, exchangesEarly ? exchangedEarly(graph, order, liveness) : order, liveness);
    }

    /** Exchanges of data-parallel ranks right behind the last of their operands, so that most can go on meanwhile. */
    private static int[] exchangedEarly(Graph graph, int[] order, Liveness liveness) {
        var result = order;
        for (var node : order) {
            if (graph.nodes().get(node).op() instanceof Op.Collective collective
                    && collective.axis() == MeshAxis.DATA) {
                var position = liveness.positions(result);
                result = move(result, position[node], behindOperands(node, liveness, position));
            }
        }
        return result;
    }

    private static int[] least(List<int[]> orders, Liveness liveness) {
        var best = orders.getFirst();
        var profile = liveness.profile(best);
        for (var order : orders) {
            var other = liveness.profile(order);
            if (other.isBetterThan(profile)) {
                best = order;
                profile = other;
            }
        }
        return best;
    }

    /** Position of the first plain output: where the way back begins, in a training step. */
    private static int firstOutput(Graph graph, int[] order) {
        var outputs = graph.outputs().stream()
                .filter(o -> o.updates() == null)
                .map(o -> o.value().node())
                .toList();
        for (var i = 0; i < order.length; i++) {
            if (outputs.contains(order[i])) {
                return i + 1;
            }
        }
        return order.length;
    }

    private static int[] improve(int[] start, Liveness liveness) {
        var order = start;
        var profile = liveness.profile(order);
        for (var i = 0; i < IMPROVEMENTS; i++) {
            var better = improvement(order, profile, liveness);
            if (better.isEmpty()) {
                break;
            }
            order = better.get();
            profile = liveness.profile(order);
        }
        return order;
    }

    /** A better order one move away. */
    private static Optional<int[]> improvement(int[] order, Profile profile, Liveness liveness) {
        var at = profile.at();
        var position = liveness.positions(order);
        var candidates = new ArrayList<int[]>();
        liveness.idle(at, position).stream()
                .limit(CANDIDATES)
                .forEach(node -> candidates.add(move(order, position[node], beforeUsers(node, liveness, position))));
        liveness.finishers(at, position).stream()
                .limit(CANDIDATES)
                .filter(node -> behindOperands(node, liveness, position) <= at)
                .forEach(node -> candidates.add(move(order, position[node], behindOperands(node, liveness, position))));
        return candidates.stream()
                .filter(candidate -> liveness.profile(candidate).isBetterThan(profile))
                .findFirst();
    }

    private static int beforeUsers(int node, Liveness liveness, int[] position) {
        return Arrays.stream(liveness.users(node)).map(u -> position[u]).min().orElse(position[node] + 1) - 1;
    }

    private static int behindOperands(int node, Liveness liveness, int[] position) {
        return Arrays.stream(liveness.operands(node))
                        .map(o -> position[o])
                        .max()
                        .orElse(-1)
                + 1;
    }

    /** The order with what is at {@code from} at {@code to} instead. */
    private static int[] move(int[] order, int from, int to) {
        var moved = order.clone();
        if (from < to) {
            System.arraycopy(order, from + 1, moved, from, to - from);
        } else {
            System.arraycopy(order, to, moved, to + 1, from - to);
        }
        moved[to] = order[from];
        return moved;
    }

    /** Inputs first, then the steps and their guests in order; moves and constants where they are first used. */
    private static Graph reorder(Graph graph, int[] order, Liveness liveness) {
        var b = new GraphBuilder(graph.name());
        var values = new HashMap<Value, Value>();
        for (var i = 0; i < graph.nodes().size(); i++) {
            if (graph.nodes().get(i).op() instanceof Op.Input) {
                emit(graph, i, b, values);
            }
        }
        var guests = liveness.guests();
        for (var node : order) {
            emit(graph, node, b, values);
            guests.getOrDefault(node, List.of()).forEach(guest -> emit(graph, guest, b, values));
        }
        for (var output : graph.outputs()) {
            b.output(new Output(output.name(), value(graph, output.value(), b, values), output.updates()));
        }
        return b.build();
    }

    private static void emit(Graph graph, int index, GraphBuilder b, Map<Value, Value> values) {
        var node = graph.nodes().get(index);
        var operands =
                node.operands().stream().map(v -> value(graph, v, b, values)).toList();
        var results = b.at(node.location()).addAll(node.op(), operands);
        for (var r = 0; r < results.size(); r++) {
            values.put(new Value(index, r), results.get(r));
        }
    }

    private static Value value(Graph graph, Value value, GraphBuilder b, Map<Value, Value> values) {
        if (!values.containsKey(value)) {
            emit(graph, value.node(), b, values);
        }
        return Objects.requireNonNull(values.get(value));
    }
}
