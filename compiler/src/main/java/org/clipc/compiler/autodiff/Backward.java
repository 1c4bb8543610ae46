package org.clipc.compiler.autodiff;

import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.Node;
import org.clipc.ir.Op;
import org.clipc.ir.Shape;
import org.clipc.ir.ShapeRules;
import org.clipc.ir.TensorType;
import org.clipc.ir.Value;
import org.jspecify.annotations.Nullable;

/**
 * What a gradient rule sees of the node it differentiates: operands {@code x}, results {@code y}, the results' gradients
 * {@code dy}, and {@link #to} to pass gradients on.
 */
final class Backward {

    /** Where the rule's nodes go. */
    final GraphBuilder b;

    private final int index;
    private final Node node;
    private final @Nullable Value[] received;
    private final Predicate<Value> needed;
    private final BiConsumer<Value, Value> accumulate;

    Backward(
            GraphBuilder b,
            int index,
            Node node,
            @Nullable Value[] received,
            Predicate<Value> needed,
            BiConsumer<Value, Value> accumulate) {
        this.b = b;
        this.index = index;
        this.node = node;
        this.received = received;
        this.needed = needed;
        this.accumulate = accumulate;
    }

    Op op() {
        return node.op();
    }

    Value x(int i) {
        return node.operand(i);
    }

    TensorType type(int i) {
        return b.type(x(i));
    }

    Shape shape(int i) {
        return type(i).shape();
    }

    int operands() {
        return node.operands().size();
    }

    Value y() {
        return y(0);
    }

    Value y(int result) {
        return new Value(index, result);
    }

    /**
     * Gradient of the first result, the only one that carries gradients.
     *
     * @throws UnsupportedOperationException if the loss depends on another result, such as layer norm's mean
     */
    Value dy() {
        for (var r = 1; r < received.length; r++) {
            if (received[r] != null) {
                throw new UnsupportedOperationException("no gradient flows back through result " + r + " of "
                        + ShapeRules.describe(node.op()) + where());
            }
        }
        var dy = received[0];
        if (dy == null) {
            throw new IllegalStateException("a rule ran for a node without gradient");
        }
        return dy;
    }

    /** Passes a gradient on to operand {@code i}; it is computed only if the operand needs one. */
    void to(int i, Supplier<Value> gradient) {
        if (needed.test(x(i))) {
            accumulate.accept(x(i), gradient.get());
        }
    }

    /** For ops whose results belong to one operand each: passes on what {@code gradient} makes of operand i's dy. */
    void each(BiFunction<Integer, Value, Value> gradient) {
        for (var i = 0; i < received.length; i++) {
            var operand = i;
            var dy = received[i];
            if (dy != null) {
                to(i, () -> gradient.apply(operand, dy));
            }
        }
    }

    UnsupportedOperationException unsupported(String why) {
        return new UnsupportedOperationException(ShapeRules.describe(node.op()) + where() + " has no gradient: " + why);
    }

    private String where() {
        var location = node.location();
        return (location.path().isEmpty() ? "" : " in " + location.path())
                + (location.source().isEmpty() ? "" : " at " + location.source());
    }
}
