package org.clipc.compiler.accumulate;

import java.util.BitSet;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import org.clipc.compiler.shard.SampleAxis;
import org.clipc.compiler.shard.SampleAxis.Samples;
import org.clipc.compiler.shard.Sharding.Split;
import org.clipc.compiler.train.TrainStep;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.InputKind;
import org.clipc.ir.Node;
import org.clipc.ir.Op;
import org.clipc.ir.Output;
import org.clipc.ir.Shape;
import org.clipc.ir.ShapeRules;
import org.clipc.ir.TensorType;
import org.clipc.ir.Value;
import org.jspecify.annotations.Nullable;

/**
 * The graph of a loss in two: what is computed of each sample by itself, and what is computed of that for all samples
 * together. The values between, the features, are handed over with a row for each sample.
 */
final class Cut {

    private static final List<Integer> SWAPPED = List.of(1, 0, 2);

    private final Graph whole;
    private final int batch;
    private final SampleAxis samples;
    private final List<Value> features;

    private Cut(Graph whole, int batch) {
        this.whole = whole;
        this.batch = batch;
        samples = SampleAxis.of(whole, batch);
        features = findFeatures();
    }

    /**
     * @param whole whose inputs of data have the samples along their first axis
     * @param batch number of samples
     * @throws AccumulationException if there is a layer where samples have met already
     */
    static Cut of(Graph whole, int batch) {
        var cut = new Cut(whole, batch);
        cut.requireNoLayerBehind();
        return cut;
    }

    private List<Value> findFeatures() {
        var used = new LinkedHashSet<Value>();
        for (var i = 0; i < whole.nodes().size(); i++) {
            if (samples.of(i) == Samples.TOGETHER) {
                used.addAll(whole.nodes().get(i).operands());
            }
        }
        whole.outputs().forEach(output -> used.add(output.value()));
        return used.stream()
                .filter(v -> samples.of(v.node()) == Samples.APART)
                .sorted(Comparator.comparingInt(Value::node).thenComparingInt(Value::result))
                .toList();
    }

    /** What stands behind keeps its activations for the whole batch: a loss may, the layers of a tower must not. */
    private void requireNoLayerBehind() {
        var weights = new HashMap<Integer, String>();
        for (var i = 0; i < whole.nodes().size(); i++) {
            var node = whole.nodes().get(i);
            var weight = weight(node, weights);
            if (weight == null) {
                continue;
            }
            if (samples.of(i) == Samples.NONE) {
                weights.put(i, weight);
            } else if (samples.of(i) == Samples.TOGETHER && node.op() instanceof Op.DotGeneral) {
                throw new AccumulationException(
                        "model.global_batch_size asks for several micro-batches on a rank, but the samples of a batch meet%s, before the layer with '%s'%s: only the loss may mix samples. Set it to model.micro_batch_size times the number of data-parallel ranks, or move what mixes them behind all layers"
                                .formatted(where(meeting(i)), weight, where(node)));
            }
        }
    }

    /** The matrix, or higher tensor, of parameters that a node is made of, if it depends on one without a sample. */
    private static @Nullable String weight(Node node, Map<Integer, String> weights) {
        if (node.op() instanceof Op.Input(var name, var kind, var type)) {
            return kind == InputKind.PARAMETER && type.rank() > 1 ? name : null;
        }
        return node.operands().stream()
                .map(v -> weights.get(v.node()))
                .filter(Objects::nonNull)
                .findFirst()
                .orElse(null);
    }

    /** Where the samples met that a node depends on. */
    private Node meeting(int index) {
        var at = index;
        while (true) {
            var before = whole.nodes().get(at).operands().stream()
                    .filter(v -> samples.of(v.node()) == Samples.TOGETHER)
                    .findFirst();
            if (before.isEmpty()) {
                return whole.nodes().get(at);
            }
            at = before.get().node();
        }
    }

    private static String where(Node node) {
        var location = node.location();
        return " in " + ShapeRules.describe(node.op())
                + (location.path().isEmpty() ? "" : " of " + location.path())
                + (location.source().isEmpty() ? "" : " at " + location.source());
    }

    /** Types of the features' rows, by number. */
    List<TensorType> rows() {
        var b = samples();
        return b.outputs().stream().map(output -> b.type(output.value())).toList();
    }

    /** The graph of the features: its outputs are {@code features.<number>}, [batch, …] each. */
    Graph samples() {
        var b = new GraphBuilder(whole.name());
        var copies = copy(b, features, new HashMap<>());
        for (var i = 0; i < features.size(); i++) {
            var value = features.get(i);
            b.at(whole.node(value).location());
            var rows = new Rows(whole.type(value).shape(), samples.split(value));
            b.output(TrainStep.FEATURES + i, rows.of(Objects.requireNonNull(copies.get(value)), b));
        }
        return b.build();
    }

    /** The graph of the loss with the features as inputs. */
    Graph loss() {
        var b = new GraphBuilder(whole.name());
        var known = new HashMap<Value, Value>();
        for (var i = 0; i < features.size(); i++) {
            var value = features.get(i);
            b.at(whole.node(value).location());
            var rows = new Rows(whole.type(value).shape(), samples.split(value));
            var type = whole.type(value).withShape(rows.shape());
            known.put(value, rows.back(b.input(TrainStep.FEATURES + i, InputKind.DATA, type), b));
        }
        var results = whole.outputs().stream().map(Output::value).toList();
        var copies = copy(b, results, known);
        whole.outputs().forEach(o -> b.output(o.name(), Objects.requireNonNull(copies.get(o.value()))));
        return b.build();
    }

    /** Copies what computes {@code wanted} of what is known. */
    private Map<Value, Value> copy(GraphBuilder b, List<Value> wanted, Map<Value, Value> known) {
        var needed = new BitSet();
        wanted.stream().filter(v -> !known.containsKey(v)).forEach(v -> needed.set(v.node()));
        for (var i = whole.nodes().size() - 1; i >= 0; i--) {
            if (needed.get(i)) {
                whole.nodes().get(i).operands().stream()
                        .filter(v -> !known.containsKey(v))
                        .forEach(v -> needed.set(v.node()));
            }
        }
        var copies = new HashMap<>(known);
        needed.stream().forEach(i -> {
            var node = whole.nodes().get(i);
            var operands = node.operands().stream()
                    .map(v -> Objects.requireNonNull(copies.get(v)))
                    .toList();
            var results = b.at(node.location()).addAll(node.op(), operands);
            IntStream.range(0, results.size()).forEach(r -> copies.putIfAbsent(new Value(i, r), results.get(r)));
        });
        return copies;
    }

    /** A tensor with an axis of samples somewhere as a tensor with a row for each. */
    private final class Rows {

        private final Shape tensor;
        private final int turns;
        private final int run;

        Rows(Shape tensor, Split split) {
            this.tensor = tensor;
            turns = Math.toIntExact(tensor.elements(0, split.axis()) * split.parts());
            run = Math.toIntExact(tensor.elements() / turns / batch);
        }

        Shape shape() {
            return turns == 1 && tensor.dim(0) == batch ? tensor : Shape.of(batch, turns * run);
        }

        Value of(Value x, GraphBuilder b) {
            var apart = turns == 1 ? x : b.transpose(b.reshape(x, Shape.of(turns, batch, run)), SWAPPED);
            return b.reshape(apart, shape());
        }

        Value back(Value rows, GraphBuilder b) {
            var apart = turns == 1 ? rows : b.transpose(b.reshape(rows, Shape.of(batch, turns, run)), SWAPPED);
            return b.reshape(apart, tensor);
        }
    }
}
