package org.clipc.compiler.shard;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Function;
import org.clipc.compiler.pass.Pass;
import org.clipc.compiler.shard.Sharding.Full;
import org.clipc.compiler.shard.Sharding.Split;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.MeshAxis;
import org.clipc.ir.Node;
import org.clipc.ir.Op;
import org.clipc.ir.Output;
import org.clipc.ir.Value;
import org.clipc.program.TrainingStep;

/**
 * Divides a graph among the ranks along one axis of the mesh, or among micro-batches: the graph that each of them runs.
 * Inputs come as they are said to be sharded, and updates leave that way; every other output is whole on all ranks, unless
 * it is said to be sharded, too.
 *
 * <p>Goes through the nodes in order and computes each in the way that moves the fewest bytes between ranks, given how
 * its operands were left; see {@link ShardingRules}. What a value was turned into once is used again.
 */
public final class Partition implements Pass {

    private final Parts parts;
    private final int ranks;
    private final Function<Op.Input, Sharding> inputs;
    private final Function<Output, Sharding> outputs;
    private final OptionalInt sequenceParts;

    private Partition(
            Parts parts,
            Function<Op.Input, Sharding> inputs,
            Function<Output, Sharding> outputs,
            OptionalInt sequenceParts) {
        this.parts = parts;
        this.ranks = parts.count();
        this.inputs = inputs;
        this.outputs = outputs;
        this.sequenceParts = sequenceParts;
    }

    /**
     * Along the data axis.
     *
     * @param inputs how each input is sharded
     */
    public static Partition data(int ranks, Function<Op.Input, Sharding> inputs) {
        return data(ranks, inputs, _ -> Full.REPLICATED);
    }

    /**
     * Along the data axis.
     *
     * @param inputs how each input is sharded
     * @param outputs how each output is that updates no input
     */
    public static Partition data(int ranks, Function<Op.Input, Sharding> inputs, Function<Output, Sharding> outputs) {
        return new Partition(new Parts.Ranks(MeshAxis.DATA, ranks), inputs, outputs, OptionalInt.empty());
    }

    /**
     * Among micro-batches that are run one after the other: the graph for any one of them, which its scalar input {@link
     * TrainingStep#MICRO_BATCH} names. What is the sum over all of them leaves as the summand of the one at hand.
     *
     * @param inputs how each input is split; one that is a sum over micro-batches holds that of those that have been
     * @param outputs how each output is that updates no input
     */
    public static Partition microBatches(
            int count, Function<Op.Input, Sharding> inputs, Function<Output, Sharding> outputs) {
        return new Partition(new Parts.MicroBatches(count), inputs, outputs, OptionalInt.empty());
    }

    /**
     * Along the tensor axis, as Megatron does it (Shoeybi et al. 2019, arXiv:1909.08053).
     *
     * @param sequenceParallel whether activations between the split layers are split along the sequence (Korthikanti et al.
     *     2022, arXiv:2205.05198)
     * @param dataRanks that the batch will be divided among: ranks, or micro-batches of all of them
     */
    public static Partition tensor(
            int ranks, Function<Op.Input, Sharding> inputs, boolean sequenceParallel, int dataRanks) {
        return new Partition(
                new Parts.Ranks(MeshAxis.TENSOR, ranks),
                inputs,
                _ -> Full.REPLICATED,
                sequenceParallel ? OptionalInt.of(dataRanks) : OptionalInt.empty());
    }

    @Override
    public String name() {
        return parts.axis().map(axis -> axis.text() + "-parallel").orElse("micro-batches");
    }

    @Override
    public Graph apply(Graph graph) {
        return ranks == 1 ? graph : new Run(graph).run();
    }

    /** Divides what may have been divided along the other axis, and tells how its values are spread then. */
    public ShardedGraph divide(ShardedGraph before) {
        if (ranks == 1) {
            return before;
        }
        var run = new Run(before.graph());
        var divided = run.run();
        Map<Value, Map<MeshAxis, Sharding>> shardings = new HashMap<>();
        run.values.held().forEach((value, held) -> {
            Map<MeshAxis, Sharding> spread = new EnumMap<>(MeshAxis.class);
            spread.putAll(before.of(held.whole()));
            parts.axis().ifPresent(axis -> spread.put(axis, held.sharding()));
            shardings.put(value, Collections.unmodifiableMap(spread));
        });
        return new ShardedGraph(divided, shardings);
    }

    private final class Run {

        private final Graph graph;
        private final GraphBuilder b;
        private final ShardedValues values;
        private final Demands demands;
        private final Map<Value, Integer> uses = new HashMap<>();
        private final Map<Value, List<Sharding>> results = new HashMap<>();
        private final LocalBuilder local;

        Run(Graph graph) {
            this.graph = graph;
            b = new GraphBuilder(graph.name());
            values = new ShardedValues(graph, b, parts);
            local = values.local();
            demands = Demands.of(graph, ranks, inputs);
            for (var node : graph.nodes()) {
                node.operands().stream().distinct().forEach(v -> uses.merge(v, 1, Integer::sum));
            }
            for (var output : graph.outputs()) {
                uses.merge(output.value(), 1, Integer::sum);
                if (output.updates() == null) {
                    results.computeIfAbsent(output.value(), _ -> new ArrayList<>())
                            .add(outputs.apply(output));
                }
            }
        }

        Graph run() {
            Map<String, Sharding> byName = new HashMap<>();
            for (var i = 0; i < graph.nodes().size(); i++) {
                var node = graph.nodes().get(i);
                b.at(node.location());
                if (node.op() instanceof Op.Input input) {
                    var sharding = inputs.apply(input);
                    byName.put(input.name(), sharding);
                    var value = b.input(input.name(), input.kind(), sharding.local(input.type(), ranks));
                    values.define(new Value(i, 0), sharding, value);
                } else {
                    divide(i, node);
                }
                for (var r = 0; r < node.types().size(); r++) {
                    var value = new Value(i, r);
                    // At once: what follows may belong to the backward pass.
                    results.getOrDefault(value, List.of()).forEach(form -> values.get(value, form));
                }
            }
            for (var output : graph.outputs()) {
                b.at(graph.node(output.value()).location());
                var sharding = output.updates() == null ? outputs.apply(output) : byName.get(output.updates());
                if (sharding == null) {
                    throw new IllegalArgumentException("output " + output.name() + " updates no input");
                }
                b.output(new Output(output.name(), values.get(output.value(), sharding), output.updates()));
            }
            return b.build();
        }

        private void divide(int index, Node node) {
            var strategy = ShardingRules.of(sharded(index, node), parts).stream()
                    .min(Comparator.comparingDouble(s -> cost(index, node, s)))
                    .orElseThrow();
            var operands = new ArrayList<Value>();
            for (var i = 0; i < node.operands().size(); i++) {
                operands.add(values.get(node.operand(i), strategy.operands().get(i)));
            }
            b.at(node.location());
            var emitted = strategy.code().emit(local, operands);
            for (var r = 0; r < emitted.size(); r++) {
                values.define(new Value(index, r), strategy.results().get(r), emitted.get(r));
            }
        }

        private ShardedNode sharded(int index, Node node) {
            var operands = node.operands();
            return new ShardedNode(
                    node.op(),
                    operands.stream().map(graph::type).toList(),
                    node.types(),
                    operands.stream().map(values::sharding).toList(),
                    operands.stream().map(this::offers).toList(),
                    i -> parts.isOneAfterTheOther() || uses.getOrDefault(operands.get(i), 0) == 1,
                    i -> graph.op(operands.get(i)) instanceof Op.Constant(var _, var number) && number == 0,
                    demands.of(new Value(index, 0)),
                    ranks);
        }

        private List<Split> offers(Value value) {
            var offers = new ArrayList<Split>();
            if (values.sharding(value).equals(Full.PARTIAL)) {
                demands.of(value).ifPresent(offers::add);
                sequence(value).ifPresent(offers::add);
            }
            return offers;
        }

        /** The split of activations [batch, sequence, width] between layers, if there is sequence parallelism. */
        private Optional<Split> sequence(Value value) {
            var type = graph.type(value);
            if (sequenceParts.isEmpty() || type.rank() != 3 || !type.dtype().isFloat()) {
                return Optional.empty();
            }
            // A sequence that cannot be cut is divided by samples: of each data rank's samples, each tensor rank a
            // share.
            return List.of(new Split(1), new Split(0, sequenceParts.getAsInt())).stream()
                    .filter(split -> split.fits(type, ranks))
                    .findFirst();
        }

        private double cost(int index, Node node, Strategy strategy) {
            var cost = 0.0;
            for (var i = 0; i < node.operands().size(); i++) {
                cost += values.cost(node.operand(i), strategy.operands().get(i));
            }
            var wanted = demands.of(new Value(index, 0));
            return wanted.isEmpty()
                    ? cost
                    : cost
                            + values.cost(
                                    node.types().getFirst(), strategy.results().getFirst(), wanted.get());
        }
    }
}
