package org.clipc.compiler.elaborate;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.clipc.grammar.diagnostic.Diagnostic;
import org.clipc.grammar.diagnostic.SourceSpan;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.Comparison;
import org.clipc.ir.DType;
import org.clipc.ir.Op;
import org.clipc.ir.Shape;
import org.clipc.ir.UnaryFn;

/** Elementwise operations with numpy's broadcasting made explicit: trailing axes align, an extent of 1 stretches. */
final class Pointwise {
    private Pointwise() {}

    static Val.Tensor unary(Emission out, SourceSpan span, String name, UnaryFn fn, Val.Tensor x) {
        boolean fits = switch (fn) {
            case NOT -> x.dtype() == DType.BOOL;
            case NEG, ABS, SIGN -> x.dtype() != DType.BOOL;
            default -> x.dtype().isFloat();
        };
        if (!fits) {
            String wanted = fn == UnaryFn.NOT ? "bools" : "floats";
            throw new Fault(span, "`" + name + "` works on " + wanted + ", but this is " + x.show())
                    .note("`cast(x, f32)` turns numbers into floats");
        }
        return out.add(span, x.dims(), new Op.Unary(fn), x);
    }

    static Val.Tensor binary(Emission out, SourceSpan span, String name, BinaryFn fn, Val a, Val b) {
        Pair pair = align(out, span, name, a, b);
        boolean logical = fn == BinaryFn.AND || fn == BinaryFn.OR;
        if (logical != (pair.a.dtype() == DType.BOOL)) {
            throw new Fault(
                    span,
                    "`" + name + "` works on " + (logical ? "bools" : "numbers") + ", but this is " + pair.a.show());
        }
        return out.add(span, pair.a.dims(), new Op.Binary(fn), pair.a, pair.b);
    }

    static Val.Tensor compare(Emission out, SourceSpan span, String name, Comparison comparison, Val a, Val b) {
        Pair pair = align(out, span, name, a, b);
        return out.add(span, pair.a.dims(), new Op.Compare(comparison), pair.a, pair.b);
    }

    static Val.Tensor select(Emission out, SourceSpan span, Val.Tensor condition, Val a, Val b) {
        if (condition.dtype() != DType.BOOL) {
            throw new Fault(span, "the condition of `where` must hold bools, but is " + condition.show());
        }
        if (!(a instanceof Val.Tensor) && !(b instanceof Val.Tensor)) {
            // Two numbers: floats, unless both are whole.
            DType dtype = a instanceof Val.Int && b instanceof Val.Int ? DType.I32 : DType.F32;
            a = number(out, span, a, dtype, List.of());
        }
        Pair pair = align(out, span, "where", a, b);
        List<Dim> dims = broadcast(span, "where", condition.dims(), pair.a.dims());
        return out.add(
                span,
                dims,
                new Op.Select(),
                expand(out, span, condition, dims),
                expand(out, span, pair.a, dims),
                expand(out, span, pair.b, dims));
    }

    static Val.Tensor convert(Emission out, SourceSpan span, Val.Tensor x, DType dtype) {
        return x.dtype() == dtype ? x : out.add(span, x.dims(), new Op.Convert(dtype), x);
    }

    private record Pair(Val.Tensor a, Val.Tensor b) {}

    /** Two operands, at least one of them a tensor, as tensors of one type. */
    private static Pair align(Emission out, SourceSpan span, String name, Val a, Val b) {
        if (a instanceof Val.Tensor x && b instanceof Val.Tensor y) {
            if (x.dtype() != y.dtype()) {
                throw new Fault(
                                span,
                                "`" + name + "` cannot mix " + x.dtype().text() + " and "
                                        + y.dtype().text() + ": " + x.show() + " and " + y.show())
                        .note("`cast(x, " + x.dtype().text() + ")` converts");
            }
            List<Dim> dims = broadcast(span, name, x.dims(), y.dims());
            return new Pair(expand(out, span, x, dims), expand(out, span, y, dims));
        } else if (a instanceof Val.Tensor x) {
            return new Pair(x, number(out, span, b, x.dtype(), x.dims()));
        } else if (b instanceof Val.Tensor y) {
            return new Pair(number(out, span, a, y.dtype(), y.dims()), y);
        }
        throw new Fault(span, "`" + name + "` cannot take " + a.describe() + " and " + b.describe());
    }

    /** A compile-time number as a tensor. */
    static Val.Tensor number(Emission out, SourceSpan span, Val number, DType dtype, List<Dim> dims) {
        double value = switch (number) {
            case Val.Int i -> i.value();
            case Val.Real r when dtype.isFloat() -> r.value();
            case Val.Bool b when dtype == DType.BOOL -> b.value() ? 1 : 0;
            case Val.Real r ->
                throw new Fault(span, "the float " + r.value() + " does not fit a tensor of " + dtype.text())
                        .note("`cast(x, f32)` turns the tensor into floats");
            default -> throw new Fault(span, number.describe() + " does not fit a tensor of " + dtype.text());
        };
        if (dtype == DType.I32 && value != (int) value) {
            throw new Fault(span, number.describe() + " does not fit a tensor of i32");
        }
        if (dtype == DType.BOOL && !(number instanceof Val.Bool)) {
            throw new Fault(span, number.describe() + " does not fit a tensor of bools");
        }
        return out.constant(span, dtype, dims, value);
    }

    /** The shape that both shapes stretch to. */
    static List<Dim> broadcast(SourceSpan span, String name, List<Dim> a, List<Dim> b) {
        int rank = Math.max(a.size(), b.size());
        List<Dim> dims = new ArrayList<>();
        for (int axis = 0; axis < rank; axis++) {
            int i = axis - (rank - a.size());
            int j = axis - (rank - b.size());
            if (i < 0 || j < 0) {
                dims.add(i < 0 ? b.get(j) : a.get(i));
                continue;
            }
            Dim left = a.get(i);
            Dim right = b.get(j);
            if (left.size() != right.size() && left.size() != 1 && right.size() != 1) {
                throw new Fault(mismatch(
                        Diagnostic.error(
                                        span,
                                        "`" + name + "` cannot combine " + Dim.sizes(a) + " and " + Dim.sizes(b) + ": "
                                                + left.size() + " is not " + right.size())
                                .note("left:  " + Dim.show(a))
                                .note("right: " + Dim.show(b)),
                        left,
                        right));
            }
            dims.add(left.size() == 1 ? right : left);
        }
        return dims;
    }

    /** Adds where two conflicting extents come from. */
    static Diagnostic mismatch(Diagnostic diagnostic, Dim one, Dim other) {
        return diagnostic
                .label(one.origin(), one.show() + " comes from here")
                .label(other.origin(), other.show() + " comes from here");
    }

    static Val.Tensor expand(Emission out, SourceSpan span, Val.Tensor x, List<Dim> dims) {
        Shape shape = Emission.shape(span, dims);
        if (Dim.sizes(x.dims()).equals(Dim.sizes(dims))) {
            return x;
        }
        List<Integer> axes =
                IntStream.range(dims.size() - x.rank(), dims.size()).boxed().toList();
        return out.add(span, dims, new Op.Broadcast(shape, axes), x);
    }
}
