package org.clipc.compiler.elaborate;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.clipc.grammar.diagnostic.Diagnostic;
import org.clipc.grammar.diagnostic.SourceSpan;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.DType;
import org.clipc.ir.Op;
import org.clipc.ir.ReduceFn;

/** Operations that move, cut, join or reduce axes. */
final class Axes {
    private Axes() {}

    /** A possibly negative axis as one from 0. */
    static int axis(SourceSpan span, long axis, int rank, String show) {
        if (axis < -rank || axis >= rank) {
            throw new Fault(span, "there is no axis " + axis + " in " + show);
        }
        return (int) (axis < 0 ? axis + rank : axis);
    }

    static List<Integer> all(Val.Tensor x) {
        return IntStream.range(0, x.rank()).boxed().toList();
    }

    /** Axes ascending and without repeats. */
    static List<Integer> axes(SourceSpan span, List<Long> axes, Val.Tensor x) {
        var sorted = new TreeSet<Integer>();
        for (long axis : axes) {
            if (!sorted.add(axis(span, axis, x.rank(), x.show()))) {
                throw new Fault(span, "axis " + axis + " is given twice");
            }
        }
        return List.copyOf(sorted);
    }

    static Val.Tensor reduce(
            Emission out, SourceSpan span, ReduceFn fn, Val.Tensor x, List<Integer> axes, boolean keep) {
        noBools(span, x);
        Val.Tensor reduced = axes.isEmpty() ? x : out.add(span, without(x.dims(), axes), new Op.Reduce(fn, axes), x);
        return keep ? keepAxes(out, span, reduced, x, axes) : reduced;
    }

    private static void noBools(SourceSpan span, Val.Tensor x) {
        if (x.dtype() == DType.BOOL) {
            throw new Fault(span, "bools cannot be reduced").note("`cast(x, f32)` turns them into 0 and 1");
        }
    }

    static Val.Tensor mean(Emission out, SourceSpan span, Val.Tensor x, List<Integer> axes, boolean keep) {
        if (!x.dtype().isFloat()) {
            throw new Fault(span, "`mean` works on floats, but this is " + x.show());
        }
        double count = axes.stream().mapToDouble(a -> x.dims().get(a).size()).reduce(1, (a, b) -> a * b);
        Val.Tensor sum = reduce(out, span, ReduceFn.SUM, x, axes, keep);
        return Pointwise.binary(out, span, "*", BinaryFn.MUL, sum, new Val.Real(1 / count));
    }

    static Val.Tensor argmax(Emission out, SourceSpan span, Val.Tensor x, int axis, boolean keep) {
        noBools(span, x);
        Val.Tensor result = out.add(span, without(x.dims(), List.of(axis)), new Op.ArgMax(axis), x);
        return keep ? keepAxes(out, span, result, x, List.of(axis)) : result;
    }

    private static Val.Tensor keepAxes(
            Emission out, SourceSpan span, Val.Tensor reduced, Val.Tensor x, List<Integer> axes) {
        List<Dim> dims = new ArrayList<>(x.dims());
        axes.forEach(axis -> dims.set(axis, new Dim(1, "1", span)));
        return reshape(out, span, reduced, dims);
    }

    private static List<Dim> without(List<Dim> dims, List<Integer> axes) {
        return IntStream.range(0, dims.size())
                .filter(axis -> !axes.contains(axis))
                .mapToObj(dims::get)
                .toList();
    }

    static Val.Tensor reshape(Emission out, SourceSpan span, Val.Tensor x, List<Dim> dims) {
        if (Dim.sizes(x.dims()).equals(Dim.sizes(dims))) {
            return new Val.Tensor(x.value(), x.dtype(), dims);
        }
        return out.add(span, dims, new Op.Reshape(Emission.shape(span, dims)), x);
    }

    /** Like {@link #reshape}, from sizes of which one may be -1: whatever is left. */
    static Val.Tensor reshape(Emission out, SourceSpan span, Val.Tensor x, List<Dim> dims, SourceSpan listSpan) {
        long left = x.dims().stream().mapToLong(Dim::size).reduce(1, (a, b) -> a * b);
        long known = 1;
        for (Dim d : dims) {
            known = d.size() == -1 ? known : Math.multiplyExact(known, (long) d.size());
        }
        int open = IntStream.range(0, dims.size())
                .filter(i -> dims.get(i).size() == -1)
                .findFirst()
                .orElse(-1);
        List<Dim> full = new ArrayList<>(dims);
        if (open >= 0 && known > 0 && left % known == 0) {
            full.set(
                    open,
                    new Dim(Math.toIntExact(left / known), "", dims.get(open).origin()));
            known = left;
        }
        if (known != left || full.stream().anyMatch(d -> d.size() < 1)) {
            throw new Fault(Diagnostic.error(
                            listSpan,
                            "a tensor " + x.show() + " of " + left + " elements cannot become " + Dim.sizes(dims))
                    .note("from: " + Dim.show(x.dims()))
                    .note("to:   " + Dim.show(dims)));
        }
        return reshape(out, span, x, full);
    }

    /** Swaps the last two axes. */
    static Val.Tensor transpose(Emission out, SourceSpan span, Val.Tensor x) {
        if (x.rank() < 2) {
            throw new Fault(span, "`transpose` swaps the last two axes, but this is " + x.show());
        }
        var permutation = new ArrayList<>(all(x));
        Collections.swap(permutation, x.rank() - 2, x.rank() - 1);
        return permute(out, span, x, permutation);
    }

    /** @param order for each axis of the result the one of {@code x} that it is */
    static Val.Tensor transpose(Emission out, SourceSpan span, Val.Tensor x, List<Long> order) {
        var permutation =
                order.stream().map(axis -> axis(span, axis, x.rank(), x.show())).toList();
        if (new TreeSet<>(permutation).size() != x.rank() || permutation.size() != x.rank()) {
            throw new Fault(span, order + " does not name each axis of " + x.show() + " once");
        }
        return permute(out, span, x, permutation);
    }

    /** @param permutation as an order, of axes that are known to be those of {@code x} */
    static Val.Tensor permute(Emission out, SourceSpan span, Val.Tensor x, List<Integer> permutation) {
        return out.add(span, permutation.stream().map(x.dims()::get).toList(), new Op.Transpose(permutation), x);
    }

    static Val.Tensor broadcastTo(Emission out, SourceSpan span, Val.Tensor x, List<Dim> dims) {
        List<Dim> common = Pointwise.broadcast(span, "broadcast", x.dims(), dims);
        if (!Dim.sizes(common).equals(Dim.sizes(dims))) {
            throw new Fault(span, "a tensor " + x.show() + " does not stretch to " + Dim.sizes(dims));
        }
        return Pointwise.expand(out, span, x, dims);
    }

    /** Elements [from, to) along one axis. */
    static Val.Tensor slice(Emission out, SourceSpan span, Val.Tensor x, int axis, int from, int to) {
        Dim whole = x.dims().get(axis);
        if (from < 0 || to > whole.size() || from >= to) {
            throw new Fault(Diagnostic.error(
                            span,
                            "the range " + from + ":" + to + " is empty or outside of axis " + axis + " of " + x.show())
                    .label(whole.origin(), whole.show() + " comes from here"));
        }
        if (from == 0 && to == whole.size()) {
            return x;
        }
        List<Integer> starts = new ArrayList<>(Collections.nCopies(x.rank(), 0));
        List<Integer> limits = new ArrayList<>(x.dims().stream().map(Dim::size).toList());
        starts.set(axis, from);
        limits.set(axis, to);
        List<Dim> dims = new ArrayList<>(x.dims());
        dims.set(axis, new Dim(to - from, "", span));
        return out.add(span, dims, new Op.Slice(starts, limits), x);
    }

    static Val.Tensor dropAxis(Emission out, SourceSpan span, Val.Tensor x, int axis) {
        return reshape(out, span, x, without(x.dims(), List.of(axis)));
    }

    static Val.Tensor concat(Emission out, SourceSpan span, List<Val.Tensor> parts, long axis) {
        Val.Tensor first = parts.getFirst();
        int at = axis(span, axis, first.rank(), first.show());
        int total = 0;
        for (Val.Tensor part : parts) {
            if (part.rank() != first.rank() || part.dtype() != first.dtype()) {
                throw new Fault(span, "`concat` cannot join " + first.show() + " and " + part.show());
            }
            for (int i = 0; i < first.rank(); i++) {
                Dim a = first.dims().get(i);
                Dim b = part.dims().get(i);
                if (i != at && a.size() != b.size()) {
                    throw new Fault(Pointwise.mismatch(
                            Diagnostic.error(
                                    span,
                                    "`concat` along axis " + at + " cannot join " + first.show() + " and " + part.show()
                                            + ": axis " + i + " differs"),
                            a,
                            b));
                }
            }
            total += part.dims().get(at).size();
        }
        List<Dim> dims = new ArrayList<>(first.dims());
        dims.set(at, new Dim(total, "", span));
        return out.add(span, dims, new Op.Concat(at), parts.toArray(Val.Tensor[]::new));
    }

    static Val.Tuple split(Emission out, SourceSpan span, Val.Tensor x, long axis, long parts) {
        int at = axis(span, axis, x.rank(), x.show());
        Dim whole = x.dims().get(at);
        if (parts < 1 || whole.size() % parts != 0) {
            throw new Fault(Diagnostic.error(
                            span, "axis " + at + " of " + x.show() + " cannot be split into " + parts + " equal parts")
                    .label(whole.origin(), whole.show() + " comes from here"));
        }
        int step = (int) (whole.size() / parts);
        List<Val> pieces = new ArrayList<>();
        for (int i = 0; i < parts; i++) {
            pieces.add(slice(out, span, x, at, i * step, (i + 1) * step));
        }
        return new Val.Tuple(pieces);
    }

    static Val.Tensor pad(Emission out, SourceSpan span, Val.Tensor x, List<Long> low, List<Long> high, double value) {
        if (low.size() != x.rank() || high.size() != x.rank()) {
            throw new Fault(span, "`pad` needs one count for each axis of " + x.show());
        }
        List<Integer> before = new ArrayList<>();
        List<Integer> after = new ArrayList<>();
        List<Dim> dims = new ArrayList<>();
        for (int i = 0; i < x.rank(); i++) {
            if (low.get(i) < 0 || high.get(i) < 0) {
                throw new Fault(span, "counts of padding cannot be negative");
            }
            before.add(Math.toIntExact(low.get(i)));
            after.add(Math.toIntExact(high.get(i)));
            Dim d = x.dims().get(i);
            int size = Math.toIntExact(d.size() + low.get(i) + high.get(i));
            dims.add(size == d.size() ? d : new Dim(size, "", span));
        }
        return out.add(span, dims, new Op.Pad(before, after, value), x);
    }
}
