package org.clipc.compiler.pass;

import org.clipc.ir.Graph;
import org.clipc.ir.Node;
import org.clipc.ir.Op;
import org.clipc.ir.Shape;
import org.clipc.ir.Value;
import org.jspecify.annotations.Nullable;

/** Some of the elements along one axis of a tensor. */
sealed interface Selection {

    int axis();

    /** Those from {@code start} to before {@code limit}. */
    record Range(int axis, int start, int limit) implements Selection {}

    /** Those at {@code index}, which has the axes before {@code axis}, and {@code picked} in its place. */
    record Picks(int axis, Value index, Shape picked) implements Selection {}

    /** What a slice along one axis, or a gather of fewer elements than there are, takes of its first operand; else null. */
    static @Nullable Selection of(Node node, Graph graph) {
        return switch (node.op()) {
            case Op.Slice slice -> range(slice, graph.type(node.operand(0)).shape());
            case Op.Gather(var axis) -> picks(axis, node, graph);
            default -> null;
        };
    }

    private static @Nullable Selection range(Op.Slice slice, Shape shape) {
        Selection range = null;
        for (var axis = 0; axis < shape.rank(); axis++) {
            int start = slice.starts().get(axis);
            int limit = slice.limits().get(axis);
            if (limit - start < shape.dim(axis)) {
                if (range != null) {
                    return null;
                }
                range = new Range(axis, start, limit);
            }
        }
        return range;
    }

    private static @Nullable Selection picks(int axis, Node gather, Graph graph) {
        var index = graph.type(gather.operand(1)).shape();
        var picked = index.slice(axis, index.rank());
        var of = graph.type(gather.operand(0)).shape();
        return picked.elements() < of.dim(axis) ? new Picks(axis, gather.operand(1), picked) : null;
    }

    /** The shape that is left of {@code whole}. */
    default Shape of(Shape whole) {
        return switch (this) {
            case Range(var axis, var start, var limit) -> whole.with(axis, limit - start);
            case Picks(var axis, var _, var picked) ->
                whole.slice(0, axis).concat(picked).concat(whole.slice(axis + 1, whole.rank()));
        };
    }

    /** Where another axis than the one selected from is afterwards. */
    default int moved(int other) {
        return switch (this) {
            case Range _ -> other;
            case Picks(var axis, var _, var picked) -> other < axis ? other : other + picked.rank() - 1;
        };
    }
}
