package org.clipc.compiler.shard;

import java.util.BitSet;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.clipc.compiler.shard.Sharding.Full;
import org.clipc.compiler.shard.Sharding.Split;
import org.clipc.ir.Graph;
import org.clipc.ir.InputKind;
import org.clipc.ir.MeshAxis;
import org.clipc.ir.Node;
import org.clipc.ir.Op;
import org.clipc.ir.Value;

/**
 * What each value of a forward graph has to do with the samples of a batch: it depends on none; or it has an axis of
 * samples, and what stands there for one depends on that one alone; or samples meet in it. Found by sharding the batch over
 * as many ranks as there are samples: where these would have to exchange something, samples meet.
 */
public final class SampleAxis {

    /** Of a node's results. */
    public enum Samples {
        NONE,
        APART,
        TOGETHER
    }

    private final Graph graph;
    private final Parts parts;
    private final Samples[] samples;
    private final Map<Value, Split> splits = new HashMap<>();

    private SampleAxis(Graph graph, int batch) {
        this.graph = graph;
        // As if they could: which axis it is does not matter.
        parts = new Parts.Ranks(MeshAxis.DATA, batch);
        samples = new Samples[graph.nodes().size()];
    }

    /** @param batch samples along the first axis of every input of data */
    public static SampleAxis of(Graph graph, int batch) {
        var axis = new SampleAxis(graph, batch);
        for (var i = 0; i < graph.nodes().size(); i++) {
            axis.samples[i] = axis.visit(i, graph.nodes().get(i));
        }
        axis.sink();
        return axis;
    }

    public Samples of(int node) {
        return samples[node];
    }

    public Samples of(Value value) {
        return samples[value.node()];
    }

    /** The axis of samples of a value that has them apart. */
    public Split split(Value value) {
        return Objects.requireNonNull(splits.get(value));
    }

    private Samples visit(int index, Node node) {
        if (node.op() instanceof Op.Input input) {
            splits.put(new Value(index, 0), new Split(0));
            return input.kind() == InputKind.DATA ? Samples.APART : Samples.NONE;
        }
        var operands = node.operands();
        if (operands.stream().anyMatch(v -> of(v) == Samples.TOGETHER)) {
            return Samples.TOGETHER;
        }
        if (operands.stream().allMatch(v -> of(v) == Samples.NONE)) {
            return Samples.NONE;
        }
        // Whatever asks for other ranks' samples.
        var meets = node.op() instanceof Op.Replicate || node.op() instanceof Op.Permute;
        var results = meets ? Optional.<List<Sharding>>empty() : apart(node);
        if (results.isEmpty()) {
            return Samples.TOGETHER;
        }
        for (var r = 0; r < node.types().size(); r++) {
            splits.put(new Value(index, r), (Split) results.get().get(r));
        }
        return Samples.APART;
    }

    /** How the results are split if each sample's can be computed without the others. */
    private Optional<List<Sharding>> apart(Node node) {
        var have = node.operands().stream().map(this::sharding).toList();
        var sharded = new ShardedNode(
                node.op(),
                node.operands().stream().map(graph::type).toList(),
                node.types(),
                have,
                Collections.nCopies(have.size(), List.of()),
                _ -> false,
                _ -> false,
                Optional.empty(),
                parts.count());
        return ShardingRules.of(sharded, parts).stream()
                .filter(strategy -> isFree(have, strategy.operands()))
                .map(Strategy::results)
                .filter(results -> results.stream().allMatch(Split.class::isInstance))
                .findFirst();
    }

    private Sharding sharding(Value value) {
        return of(value) == Samples.NONE ? Full.REPLICATED : split(value);
    }

    private static boolean isFree(List<Sharding> have, List<Sharding> needed) {
        for (var i = 0; i < have.size(); i++) {
            if (!have.get(i).equals(needed.get(i)) && !have.get(i).equals(Full.REPLICATED)) {
                return false;
            }
        }
        return true;
    }

    /**
     * Moves what only the part behind uses into it, where that does not take more bytes from the part before: a value with
     * and without a gradient is handed over once, and one for each pair of samples not at all.
     */
    private void sink() {
        var users = graph.users();
        var outputs = new BitSet();
        graph.outputs().forEach(output -> outputs.set(output.value().node()));
        for (var i = samples.length - 1; i >= 0; i--) {
            if (samples[i] == Samples.APART
                    && !outputs.get(i)
                    && !users.get(i).isEmpty()
                    && users.get(i).stream().allMatch(user -> samples[user] == Samples.TOGETHER)
                    && isCheap(graph.nodes().get(i))) {
                samples[i] = Samples.TOGETHER;
            }
        }
    }

    private boolean isCheap(Node node) {
        return switch (node.op()) {
            case Op.Elementwise _, Op.View _ -> {
                var taken = node.operands().stream()
                        .distinct()
                        .filter(v -> of(v) == Samples.APART)
                        .mapToLong(v -> graph.type(v).bytes())
                        .sum();
                yield taken <= node.type().bytes();
            }
            default -> false;
        };
    }
}
