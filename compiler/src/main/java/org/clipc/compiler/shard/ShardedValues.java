package org.clipc.compiler.shard;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.clipc.compiler.shard.Sharding.Full;
import org.clipc.compiler.shard.Sharding.Split;
import org.clipc.ir.Comparison;
import org.clipc.ir.DType;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.InputKind;
import org.clipc.ir.Location;
import org.clipc.ir.Mesh;
import org.clipc.ir.MeshAxis;
import org.clipc.ir.Node;
import org.clipc.ir.Op;
import org.clipc.ir.ReduceFn;
import org.clipc.ir.ShapeRules;
import org.clipc.ir.TensorType;
import org.clipc.ir.Value;
import org.clipc.program.TrainingStep;
import org.jspecify.annotations.Nullable;

/** The values of a graph in the forms in which ranks hold them; knows how to get from one to another, and at what price. */
final class ShardedValues {

    /** Parameters stay where they are: it is activations that travel, since these can be exchanged in halves of a step. */
    private static final double NEVER = 1e18;

    private final Graph graph;
    private final GraphBuilder b;
    private final Parts parts;
    private final int ranks;
    private final LocalBuilder local;
    private final Map<Value, Sharding> left = new HashMap<>();
    private final Map<Value, Map<Sharding, Value>> forms = new HashMap<>();
    private final Map<Value, Held> held = new HashMap<>();
    private @Nullable Value rank;

    /** What a value of the rank's program is a form of. */
    record Held(Value whole, Sharding sharding) {}

    ShardedValues(Graph graph, GraphBuilder b, Parts parts) {
        this.graph = graph;
        this.b = b;
        this.parts = parts;
        this.ranks = parts.count();
        local = new LocalBuilder(b, ranks, this::rank);
    }

    LocalBuilder local() {
        return local;
    }

    private Value rank() {
        if (rank == null) {
            var here = b.location();
            b.at(Location.NONE);
            var name = parts.axis().map(Mesh::rankInput).orElse(TrainingStep.MICRO_BATCH);
            rank = b.input(name, InputKind.SCALAR, TensorType.scalar(DType.I32));
            b.at(here);
        }
        return rank;
    }

    void define(Value value, Sharding sharding, Value made) {
        var expected = sharding.local(graph.type(value), ranks);
        if (!b.type(made).equals(expected)) {
            throw new IllegalStateException(
                    graph.op(value) + " left " + b.type(made) + ", but " + sharding + " would be " + expected);
        }
        left.put(value, sharding);
        keep(value, sharding, made);
    }

    private void keep(Value value, Sharding sharding, Value made) {
        forms.computeIfAbsent(value, _ -> new HashMap<>()).put(sharding, made);
        held.putIfAbsent(made, new Held(value, sharding));
    }

    /** By value of the rank's program; one that is several values, or several forms of one, counts as the first. */
    Map<Value, Held> held() {
        return held;
    }

    /** How the node that computes a value leaves it. */
    Sharding sharding(Value value) {
        return Objects.requireNonNull(left.get(value));
    }

    private boolean has(Value value, Sharding sharding) {
        return Objects.requireNonNull(forms.get(value)).containsKey(sharding);
    }

    /** Bytes that each rank sends to bring a value into a form; 0 if it exists. */
    double cost(Value value, Sharding to) {
        if (has(value, to)) {
            return 0;
        }
        var from = has(value, Full.REPLICATED) ? Full.REPLICATED : sharding(value);
        var cost = cost(graph.type(value), from, to);
        return cost > 0 && (parts.isOneAfterTheOther() || isParameter(value)) ? NEVER : cost;
    }

    double cost(TensorType type, Sharding from, Sharding to) {
        var pass = (double) type.bytes() * (ranks - 1) / ranks;
        return switch (from) {
            case Full.REPLICATED -> 0;
            case Full.PARTIAL ->
                switch (to) {
                    case Full.PARTIAL -> 0;
                    case Split _ -> pass;
                    case Full.REPLICATED -> 2 * pass;
                };
            case Split _ -> from.equals(to) ? 0 : pass;
        };
    }

    private boolean isParameter(Value value) {
        return switch (graph.op(value)) {
            case Op.Input input -> input.kind() == InputKind.PARAMETER;
            case Op.Reshape _, Op.Transpose _, Op.Slice _, Op.Convert _ ->
                isParameter(graph.node(value).operand(0));
            default -> false;
        };
    }

    /** A value in a form, made if there is none yet. */
    Value get(Value value, Sharding sharding) {
        var known = Objects.requireNonNull(forms.get(value)).get(sharding);
        if (known != null) {
            return known;
        }
        b.at(graph.node(value).location());
        var made = switch (sharding) {
            case Full.REPLICATED -> whole(value);
            case Full.PARTIAL -> isZero(value) ? whole(value) : local.onFirst(get(value, Full.REPLICATED));
            case Split split -> shard(value, split);
        };
        keep(value, sharding, made);
        return made;
    }

    private boolean isZero(Value value) {
        return graph.op(value) instanceof Op.Constant(var _, var number) && number == 0;
    }

    private Value whole(Value value) {
        return switch (sharding(value)) {
            case Full.REPLICATED -> form(value, Full.REPLICATED);
            case Full.PARTIAL -> b.add(new Op.AllReduce(axis(value), ReduceFn.SUM, ranks), form(value, Full.PARTIAL));
            case Split split -> gather(axis(value), form(value, split), split);
        };
    }

    /**
     * The axis along which to exchange a value.
     *
     * @throws PartitionException if it is micro-batches that would have to
     */
    private MeshAxis axis(Value value) {
        return parts.axis().orElseThrow(() -> {
            var node = graph.node(value);
            var where = node.location().path().isEmpty()
                    ? ""
                    : " in " + node.location().path();
            return new PartitionException(
                    "model.global_batch_size asks for %d micro-batches on each rank, but a gradient%s (of %s) needs all of them at once: set it to model.micro_batch_size times the number of data-parallel ranks"
                            .formatted(ranks, where, ShapeRules.describe(node.op())));
        });
    }

    private Value form(Value value, Sharding sharding) {
        return Objects.requireNonNull(Objects.requireNonNull(forms.get(value)).get(sharding));
    }

    private Value gather(MeshAxis axis, Value held, Split split) {
        var op = new Op.AllGather(axis, ranks, split.axis(), split.parts());
        if (b.type(held).dtype() != DType.BOOL) {
            return b.add(op, held);
        }
        var numbers = b.add(op, b.convert(held, DType.I32));
        return b.compare(Comparison.NE, numbers, b.constantLike(numbers, 0));
    }

    private Value shard(Value value, Split split) {
        if (sharding(value).equals(Full.PARTIAL) && !has(value, Full.REPLICATED)) {
            var op = new Op.ReduceScatter(axis(value), ranks, split.axis(), split.parts());
            return b.add(op, form(value, Full.PARTIAL));
        }
        return sharding(value).equals(Full.REPLICATED)
                ? remade(value, split)
                : local.slice(get(value, Full.REPLICATED), split);
    }

    /** The shard of a value that every rank could compute: computed as a shard where that is simple, else cut out. */
    private Value remade(Value value, Split split) {
        var node = graph.node(value);
        var type = split.local(graph.type(value), ranks);
        return switch (node.op()) {
            case Op.Constant(var _, var number) -> b.constant(type, number);
            case Op.Iota(var _, var along) when along != split.axis() -> b.add(new Op.Iota(type.shape(), along));
            case Op.Iota(var _, var along) when split.parts() == 1 -> local.iota(type.shape(), along);
            case Op.Uniform(var shape, var stream)
            when split.axis() == 0 && split.parts() == 1 ->
                b.add(new Op.Uniform(type.shape(), stream), rowsSeed(node, type.dim(0)));
            case Op.RandomSubset(var _, var choose, var from, var stream)
            when split.axis() == 0 && split.parts() == 1 ->
                b.add(new Op.RandomSubset(type.dim(0), choose, from, stream), rowsSeed(node, type.dim(0)));
            case Op.RankSlice(var _, var dim, var _)
            when dim != split.axis() -> {
                var part = get(node.operand(0), split);
                var other = get(node.operand(1), Full.REPLICATED);
                b.at(node.location());
                yield b.add(node.op(), part, other);
            }
            case Op.Broadcast(var _, var axes) -> {
                var from = axes.indexOf(split.axis());
                var x = node.operand(0);
                var repeated = from < 0 || graph.type(x).dim(from) == 1;
                var part = get(x, repeated ? Full.REPLICATED : new Split(from, split.parts()));
                b.at(node.location());
                yield b.broadcast(part, type.shape(), axes);
            }
            case Op.Reshape _ -> {
                var x = node.operand(0);
                var from = Relayout.reshape(
                        split, node.type().shape(), graph.type(x).shape(), ranks);
                if (from.isEmpty()) {
                    yield local.slice(form(value, Full.REPLICATED), split);
                }
                var part = get(x, from.get());
                b.at(node.location());
                yield b.reshape(part, type.shape());
            }
            case Op.Elementwise _
            when isGenerated(value) -> {
                List<Value> parts = new ArrayList<>();
                node.operands().forEach(x -> parts.add(get(x, split)));
                b.at(node.location());
                yield b.addAll(node.op(), parts).getFirst();
            }
            default -> local.slice(form(value, Full.REPLICATED), split);
        };
    }

    private Value rowsSeed(Node node, int rows) {
        var seed = get(node.operand(0), Full.REPLICATED);
        b.at(node.location());
        return local.rowsSeed(seed, rows);
    }

    /** Whether a value depends on numbers made here alone: masks and labels. */
    private boolean isGenerated(Value value) {
        var node = graph.node(value);
        return switch (node.op()) {
            case Op.Constant _, Op.Iota _, Op.Uniform _ -> true;
            case Op.Elementwise _, Op.Broadcast _, Op.Reshape _ ->
                sharding(value).equals(Full.REPLICATED)
                        && node.operands().stream().allMatch(this::isGenerated);
            case Op.RankSlice _ -> isGenerated(node.operand(0));
            default -> false;
        };
    }
}
