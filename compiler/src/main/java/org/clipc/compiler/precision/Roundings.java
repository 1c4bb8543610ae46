package org.clipc.compiler.precision;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import org.clipc.compiler.precision.PrecisionRule.Bf16;
import org.clipc.compiler.precision.PrecisionRule.Simple;
import org.clipc.compiler.train.TrainStep;
import org.clipc.ir.DType;
import org.clipc.ir.Graph;
import org.clipc.ir.InputKind;
import org.clipc.ir.Node;
import org.clipc.ir.Op;
import org.clipc.ir.Value;

/**
 * Which values of an f32 graph are rounded to bf16, for all their users alike:
 *
 * <ul>
 *   <li>what an op reads as bf16;
 *   <li>products that lead to such a value, since products are what ranks add up and what is kept for the backward pass;
 *       some together with their {@link Biases}.
 * </ul>
 *
 * <p>Inputs keep their bits, whoever reads them rounded; between forward and backward pass nothing leads anywhere, so
 * that rounding does not depend on whether there is a backward pass.
 *
 * <p>A product is in f32 if both its factors are exact, that is results of f32 ops that nothing rounds. The more is
 * rounded, the less is exact, so this is the smallest solution, found by iteration.
 */
final class Roundings {

    private final Graph graph;
    private final Precision precision;
    private final int boundary;
    private final List<Value> gradients;
    private final Biases biases;
    private final Set<Value> rounded = new HashSet<>();
    private final Set<Value> narrow = new HashSet<>();
    private final Set<Value> exact = new HashSet<>();

    private Roundings(Graph graph, Precision precision, int boundary, List<Value> gradients) {
        this.graph = graph;
        this.precision = precision;
        this.boundary = boundary;
        this.gradients = gradients;
        biases = Biases.of(graph);
    }

    /**
     * @param boundary index of the last node of the forward pass
     * @param gradients results of the graph that shall be bf16
     */
    static Roundings of(Graph graph, Precision precision, int boundary, List<Value> gradients) {
        var roundings = new Roundings(graph, precision, boundary, gradients);
        for (var before = -1; before != roundings.rounded.size(); ) {
            before = roundings.rounded.size();
            roundings.forward();
            roundings.backward();
        }
        return roundings;
    }

    /** Whether a computed value is rounded where it is made. */
    boolean isRounded(Value value) {
        return rounded.contains(value);
    }

    /** Whether a value is a bf16 tensor. */
    boolean isNarrow(Value value) {
        return narrow.contains(value);
    }

    /** Whether a node reads an operand as bf16. */
    boolean readsNarrow(Node node, int operand) {
        return isF32(node.operand(operand))
                && switch (PrecisionRule.of(node.op())) {
                    case Bf16(var operands, var _) -> operand < operands;
                    case Simple.PRODUCT -> isProductOfBf16(node);
                    case Simple.UPDATE -> operand == 1 && readsNarrowGradient(node.operand(operand));
                    case Simple _ -> false;
                };
    }

    /** Whether an operand is a bias to be rounded, though the sum with it is of f32. */
    boolean isRoundedBias(Value sum, int operand) {
        return biases.isBias(sum, operand)
                && (rounded.contains(sum) || graph.node(sum).operands().stream().anyMatch(rounded::contains));
    }

    /** Sums of gradients over micro-batches stay in f32. */
    private boolean readsNarrowGradient(Value gradient) {
        var isSum = graph.op(gradient) instanceof Op.Input(var _, var kind, var _) && kind == InputKind.CARRIED;
        return !isSum && precision.narrows(graph.type(gradient));
    }

    private boolean isProductOfBf16(Node node) {
        return node.operands().stream().anyMatch(v -> !isExact(v));
    }

    private boolean isF32(Value value) {
        return graph.type(value).dtype() == DType.F32;
    }

    private boolean isExact(Value value) {
        return exact.contains(value) && !rounded.contains(value);
    }

    /** What is exact but for its own rounding, and what is narrow, given what is rounded. */
    private void forward() {
        exact.clear();
        narrow.clear();
        narrow.addAll(rounded);
        for (var i = 0; i < graph.nodes().size(); i++) {
            var node = graph.nodes().get(i);
            var result = new Value(i, 0);
            switch (PrecisionRule.of(node.op())) {
                case Simple.SOURCE -> source(node, result);
                case Simple.POINTWISE -> addIf(any(node, this::isExact), exact, result);
                case Simple.MOVE -> {
                    addIf(any(node, this::isExact), exact, result);
                    addIf(any(node, narrow::contains), narrow, result);
                }
                case Simple.F32, Simple.UPDATE -> exact.add(result);
                case Simple.PRODUCT -> addIf(!isProductOfBf16(node), exact, result);
                case Bf16(var _, var results) -> {
                    for (var r = 0; r < results && isF32(result); r++) {
                        narrow.add(new Value(i, r));
                    }
                }
            }
        }
    }

    private void source(Node node, Value result) {
        if (node.op() instanceof Op.Input input) {
            addIf(precision.narrows(input), narrow, result);
            addIf(keepsItsBits(input), exact, result);
        }
    }

    /** What one graph of a training step hands to the next is in f32, as it would be within a graph. */
    private static boolean keepsItsBits(Op.Input input) {
        return switch (input.kind()) {
            case STATE, SCALAR, CARRIED -> true;
            case DATA -> TrainStep.isRows(input.name());
            case PARAMETER, OPERAND -> false;
        };
    }

    private static void addIf(boolean holds, Set<Value> set, Value value) {
        if (holds) {
            set.add(value);
        }
    }

    private boolean any(Node node, Predicate<Value> holds) {
        return node.operands().stream().filter(this::isF32).anyMatch(holds);
    }

    /** Rounds what is read as bf16, and what leads there on its side of the boundary. */
    private void backward() {
        Set<Value> wanted = new HashSet<>(gradients);
        gradients.forEach(this::round);
        for (var i = graph.nodes().size() - 1; i >= 0; i--) {
            var node = graph.nodes().get(i);
            var rule = PrecisionRule.of(node.op());
            var result = new Value(i, 0);
            var leadsOn = (rule == Simple.POINTWISE || rule == Simple.MOVE) && wanted.contains(result);
            for (var o = 0; o < node.operands().size(); o++) {
                var operand = node.operand(o);
                if (!isF32(operand)) {
                    continue;
                }
                if (readsNarrow(node, o)) {
                    round(operand);
                    addIf(isSameSide(operand, i), wanted, operand);
                } else if (leadsOn) {
                    addIf(isSameSide(operand, i), wanted, operand);
                }
            }
            if (rule == Simple.PRODUCT && wanted.contains(result) && !exact.contains(result)) {
                round(biases.rounded(result));
            }
        }
    }

    private boolean isSameSide(Value operand, int user) {
        return operand.node() > boundary == user > boundary;
    }

    /** Rounds what is computed, where it is computed. */
    private void round(Value value) {
        var node = graph.node(value);
        switch (PrecisionRule.of(node.op())) {
            case Bf16 _ -> {}
            case Simple.SOURCE -> {}
            case Simple.MOVE -> {
                if (node.op() instanceof Op.Gather && !narrow.contains(node.operand(0))) {
                    // Rows of a parameter, say: few of many, so they are rounded and not the table.
                    rounded.add(value);
                } else {
                    node.operands().stream().filter(this::isF32).forEach(this::round);
                }
            }
            case Simple.POINTWISE, Simple.F32, Simple.PRODUCT, Simple.UPDATE -> rounded.add(value);
        }
    }
}
