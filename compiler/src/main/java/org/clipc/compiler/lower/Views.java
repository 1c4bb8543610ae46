package org.clipc.compiler.lower;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.Op;
import org.clipc.ir.Shape;
import org.clipc.ir.TensorType;

/** Views of views: which of the graph's data movements need no movement. */
public final class Views {

    private Views() {}

    /** The whole of a buffer that holds a tensor of the given type, row-major. */
    public static View dense(int buffer, TensorType type) {
        return new View(buffer, 0, type.dtype(), type.shape().dims(), denseStrides(type.shape()));
    }

    static boolean isDense(View view) {
        var expected = 1L;
        for (var axis = view.dims().size() - 1; axis >= 0; axis--) {
            if (view.dim(axis) != 1 && view.stride(axis) != expected) {
                return false;
            }
            expected *= view.dim(axis);
        }
        return true;
    }

    static Shape shape(View view) {
        return new Shape(view.dims());
    }

    static View with(View view, List<Integer> dims, List<Long> strides) {
        return new View(view.buffer(), view.offset(), view.dtype(), dims, strides);
    }

    /** The view after a data movement, or nothing if strides cannot say it. */
    public static Optional<View> apply(Op.View op, View view) {
        return switch (op) {
            case Op.StopGradient _ -> Optional.of(view);
            case Op.Reshape(var shape) -> reshape(view, shape);
            case Op.Transpose(var permutation) -> Optional.of(transpose(view, permutation));
            case Op.Broadcast(var shape, var axes) -> Optional.of(broadcast(view, shape, axes));
            case Op.Slice(var starts, var limits) -> Optional.of(slice(view, starts, limits));
        };
    }

    static View transpose(View view, List<Integer> permutation) {
        return with(
                view,
                permutation.stream().map(view::dim).toList(),
                permutation.stream().map(view::stride).toList());
    }

    static View broadcast(View view, Shape shape, List<Integer> axes) {
        var strides = new Long[shape.rank()];
        Arrays.fill(strides, 0L);
        for (var i = 0; i < axes.size(); i++) {
            int axis = axes.get(i);
            strides[axis] = view.dim(i) == shape.dim(axis) ? view.stride(i) : 0L;
        }
        return with(view, shape.dims(), List.of(strides));
    }

    static View slice(View view, List<Integer> starts, List<Integer> limits) {
        var offset = view.offset();
        var dims = new ArrayList<Integer>();
        for (var axis = 0; axis < starts.size(); axis++) {
            offset += starts.get(axis) * view.stride(axis);
            dims.add(limits.get(axis) - starts.get(axis));
        }
        return new View(view.buffer(), offset, view.dtype(), dims, view.strides());
    }

    /** The part of {@code view} from {@code start} on along one axis, {@code extent} long. */
    static View narrow(View view, int axis, int start, int extent) {
        var dims = new ArrayList<>(view.dims());
        dims.set(axis, extent);
        return new View(view.buffer(), view.offset() + start * view.stride(axis), view.dtype(), dims, view.strides());
    }

    /** The same elements in row-major order under another shape, if strides can say it. */
    static Optional<View> reshape(View view, Shape shape) {
        var strides = new long[shape.rank()];
        var from = 0;
        var to = 0;
        while (from < view.dims().size() || to < shape.rank()) {
            // The shortest runs of axes, on both sides, that hold equally many elements.
            var fromEnd = from;
            var toEnd = to;
            var fromCount = 1L;
            var toCount = 1L;
            do {
                if (toEnd == shape.rank()
                        || (fromCount <= toCount && fromEnd < view.dims().size())) {
                    fromCount *= view.dim(fromEnd++);
                } else {
                    toCount *= shape.dim(toEnd++);
                }
            } while (fromCount != toCount);
            var step = collapsedStride(view, axes(from, fromEnd));
            if (step.isEmpty()) {
                return Optional.empty();
            }
            long stride = step.get();
            for (var axis = toEnd - 1; axis >= to; axis--) {
                strides[axis] = stride;
                stride *= shape.dim(axis);
            }
            from = fromEnd;
            to = toEnd;
        }
        return Optional.of(
                with(view, shape.dims(), Arrays.stream(strides).boxed().toList()));
    }

    /** The stride of {@code axes}, outermost first, taken as one axis, if they can be; 1 if they span one element. */
    static Optional<Long> collapsedStride(View view, List<Integer> axes) {
        var inner = -1;
        var stride = 1L;
        for (var i = axes.size() - 1; i >= 0; i--) {
            int axis = axes.get(i);
            if (view.dim(axis) == 1) {
                continue;
            }
            if (inner < 0) {
                stride = view.stride(axis);
            } else if (!mergeable(view, axis, inner)) {
                return Optional.empty();
            }
            inner = axis;
        }
        return Optional.of(stride);
    }

    /** Whether walking {@code inner} to its end comes to the next element of {@code outer}. */
    static boolean mergeable(View view, int outer, int inner) {
        return view.stride(outer) == view.stride(inner) * view.dim(inner);
    }

    /** The view with its axes grouped, each group collapsed to one axis, if that can be said in strides. */
    public static Optional<View> collapse(View view, List<List<Integer>> groups) {
        var dims = new ArrayList<Integer>();
        var strides = new ArrayList<Long>();
        for (var group : groups) {
            var stride = collapsedStride(view, group);
            if (stride.isEmpty()) {
                return Optional.empty();
            }
            dims.add(group.stream().map(view::dim).reduce(1, Math::multiplyExact));
            strides.add(stride.get());
        }
        return Optional.of(with(view, dims, strides));
    }

    /**
     * Groups for {@link #collapse}, at least one: runs of axes that all {@code views} can take as one. Axes of extent 1 join
     * any, those that are {@code named} none.
     */
    public static List<List<Integer>> joint(List<View> views, Set<Integer> named) {
        var dims = views.getFirst().dims();
        var groups = new ArrayList<List<Integer>>();
        var open = -1;
        for (var axis = 0; axis < dims.size(); axis++) {
            var isNamed = named.contains(axis);
            if (dims.get(axis) == 1 && !isNamed) {
                continue;
            }
            var inner = axis;
            var outer = open;
            Predicate<View> joins = v -> mergeable(v, outer, inner);
            if (open >= 0 && !isNamed && views.stream().allMatch(joins)) {
                groups.getLast().add(axis);
            } else {
                groups.add(new ArrayList<>(List.of(axis)));
            }
            open = isNamed ? -1 : axis;
        }
        return groups.isEmpty() ? List.of(List.of()) : groups;
    }

    static List<Integer> axes(int from, int to) {
        return IntStream.range(from, to).boxed().toList();
    }

    static List<Long> denseStrides(Shape shape) {
        return Arrays.stream(shape.strides()).boxed().toList();
    }
}
