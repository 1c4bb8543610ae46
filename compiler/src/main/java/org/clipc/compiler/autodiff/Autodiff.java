package org.clipc.compiler.autodiff;

import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.InputKind;
import org.clipc.ir.Location;
import org.clipc.ir.Node;
import org.clipc.ir.Op;
import org.clipc.ir.Output;
import org.clipc.ir.TensorType;
import org.clipc.ir.Value;
import org.jspecify.annotations.Nullable;

/**
 * Reverse-mode differentiation. The result is the forward graph, node for node, followed by the nodes that compute
 * gradients; each of these carries the path and source of the forward node it belongs to, and no recompute region.
 */
public final class Autodiff {

    /** Gradient outputs are named after their input with this prefix. */
    public static final String PREFIX = "grad.";

    private final Graph forward;
    private final GraphBuilder b;
    private final Map<Value, Value> gradients = new HashMap<>();

    private Autodiff(Graph forward) {
        this.forward = forward;
        b = new GraphBuilder(forward.name());
    }

    /**
     * The graph with an output {@code grad.<input>} more for every float input that {@code wrt} accepts: the derivative
     * of the output {@code loss}, of the input's type; zeros where the loss does not depend on the input. When two
     * elements tie for a maximum or minimum they share the gradient equally.
     *
     * @throws IllegalArgumentException if the loss is no float scalar
     * @throws UnsupportedOperationException if the loss depends on an accepted input through an op without a rule
     */
    public static Graph gradients(Graph forward, String loss, Predicate<Op.Input> wrt) {
        var value = forward.output(loss).value();
        var type = forward.type(value);
        if (type.rank() != 0 || !type.dtype().isFloat()) {
            throw new IllegalArgumentException(
                    "output " + loss + " of " + forward.name() + " is " + type + "; only a float scalar has gradients");
        }
        return new Autodiff(forward).run(value, input -> isFloat(input.type()) && wrt.test(input));
    }

    /**
     * The vector-Jacobian product: the graph without its outputs, with an input {@code grad.<output>} instead of each of
     * them that depends on an input that {@code wrt} accepts, and an output {@code grad.<input>} for every such input. It is
     * the derivative of whatever has those by the outputs.
     *
     * @throws UnsupportedOperationException if an output depends on an accepted input through an op without a rule
     */
    public static Graph pullback(Graph forward, Predicate<Op.Input> wrt) {
        return new Autodiff(forward).pullback(input -> isFloat(input.type()) && wrt.test(input));
    }

    /** Names of the outputs that depend on an input that {@code wrt} accepts, by floats alone. */
    public static Set<String> dependent(Graph forward, Predicate<Op.Input> wrt) {
        var autodiff = new Autodiff(forward);
        var active = autodiff.active(input -> isFloat(input.type()) && wrt.test(input));
        return forward.outputs().stream()
                .filter(output -> autodiff.flows(output.value(), active))
                .map(Output::name)
                .collect(Collectors.toSet());
    }

    private Graph run(Value loss, Predicate<Op.Input> wrt) {
        copyForward();
        forward.outputs().forEach(b::output);
        b.at(backward(forward.node(loss)));
        accumulate(loss, b.constantLike(loss, 1));
        walk(loss.node(), active(wrt), wrt);
        return b.build();
    }

    private Graph pullback(Predicate<Op.Input> wrt) {
        copyForward();
        var active = active(wrt);
        for (var output : forward.outputs()) {
            var value = output.value();
            if (flows(value, active)) {
                b.at(backward(forward.node(value)));
                accumulate(value, b.input(PREFIX + output.name(), InputKind.DATA, forward.type(value)));
            }
        }
        walk(forward.nodes().size() - 1, active, wrt);
        return b.build();
    }

    private void copyForward() {
        forward.nodes().forEach(node -> b.at(node.location()).addAll(node.op(), node.operands()));
    }

    private void walk(int last, BitSet active, Predicate<Op.Input> wrt) {
        for (var i = last; i >= 0; i--) {
            if (active.get(i)) {
                var node = forward.nodes().get(i);
                b.at(backward(node));
                differentiate(i, node, active);
            }
        }
        for (var i = 0; i < forward.nodes().size(); i++) {
            if (forward.nodes().get(i).op() instanceof Op.Input input && wrt.test(input)) {
                b.output(PREFIX + input.name(), gradientOrZero(new Value(i, 0)));
            }
        }
    }

    private void differentiate(int index, Node node, BitSet active) {
        var received = new @Nullable Value[node.types().size()];
        var any = false;
        for (var r = 0; r < received.length; r++) {
            received[r] = gradients.get(new Value(index, r));
            any |= received[r] != null;
        }
        if (any) {
            GradientRules.apply(
                    new Backward(b, index, node, received, operand -> flows(operand, active), this::accumulate));
        }
    }

    /** Nodes whose value depends on a chosen input by floats alone. */
    private BitSet active(Predicate<Op.Input> wrt) {
        var active = new BitSet(forward.nodes().size());
        for (var i = 0; i < forward.nodes().size(); i++) {
            var node = forward.nodes().get(i);
            var source = node.op() instanceof Op.Input input && wrt.test(input);
            active.set(i, source || node.operands().stream().anyMatch(operand -> flows(operand, active)));
        }
        return active;
    }

    private boolean flows(Value operand, BitSet active) {
        return active.get(operand.node()) && isFloat(forward.type(operand));
    }

    private void accumulate(Value value, Value gradient) {
        if (!b.type(gradient).equals(b.type(value))) {
            throw new IllegalStateException("gradient " + b.type(gradient) + " of a value " + b.type(value));
        }
        var sum = gradients.get(value);
        gradients.put(value, sum == null ? gradient : b.add(sum, gradient));
    }

    private Value gradientOrZero(Value input) {
        var gradient = gradients.get(input);
        return gradient == null ? b.at(backward(forward.node(input))).constantLike(input, 0) : gradient;
    }

    private static Location backward(Node node) {
        return new Location(node.location().path(), node.location().source(), "");
    }

    private static boolean isFloat(TensorType type) {
        return type.dtype().isFloat();
    }
}
