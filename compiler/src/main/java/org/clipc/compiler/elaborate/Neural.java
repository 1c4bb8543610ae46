package org.clipc.compiler.elaborate;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.clipc.grammar.diagnostic.Diagnostic;
import org.clipc.grammar.diagnostic.SourceSpan;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.DType;
import org.clipc.ir.Op;
import org.jspecify.annotations.Nullable;

/** Contractions, look-ups and the ops that have a name in every neural network. */
final class Neural {
    private Neural() {}

    /** {@code x · wᵀ + b}: x [r…, in], w [out, in], b [out]. */
    static Val.Tensor linear(Emission out, SourceSpan span, Val.Tensor x, Val.Tensor w, Val.@Nullable Tensor b) {
        if (w.rank() != 2 || x.rank() < 1) {
            throw new Fault(
                    span,
                    "`linear` takes x [.., in] and a weight [out, in], but these are " + x.show() + " and " + w.show());
        }
        Dim in = x.dims().getLast();
        equal(
                span,
                "`linear` cannot apply a weight " + w.show() + " to " + x.show(),
                in,
                w.dims().get(1),
                x,
                w);
        List<Dim> dims = new ArrayList<>(x.dims());
        dims.set(x.rank() - 1, w.dims().getFirst());
        var dot = new Op.DotGeneral(List.of(), List.of(), List.of(x.rank() - 1), List.of(1));
        Val.Tensor y = out.add(span, dims, dot, floats(span, "linear", x), w);
        if (b == null) {
            return y;
        }
        if (b.rank() != 1) {
            throw new Fault(span, "the bias of `linear` has one axis, but this is " + b.show());
        }
        equal(
                span,
                "`linear` cannot add a bias " + b.show() + " to " + y.show(),
                dims.getLast(),
                b.dims().getFirst(),
                y,
                b);
        return Pointwise.binary(out, span, "linear", BinaryFn.ADD, y, b);
    }

    /** numpy's matmul for two or more axes each: leading axes broadcast. */
    static Val.Tensor matmul(Emission out, SourceSpan span, Val.Tensor a, Val.Tensor b) {
        if (a.rank() < 2 || b.rank() < 2) {
            throw new Fault(span, "`@` multiplies matrices, but these are " + a.show() + " and " + b.show());
        }
        Dim inner = a.dims().getLast();
        equal(
                span,
                "`@` cannot multiply " + a.show() + " by " + b.show(),
                inner,
                b.dims().get(b.rank() - 2),
                a,
                b);
        if (b.rank() == 2) {
            List<Dim> dims = new ArrayList<>(a.dims());
            dims.set(a.rank() - 1, b.dims().getLast());
            var dot = new Op.DotGeneral(List.of(), List.of(), List.of(a.rank() - 1), List.of(0));
            return out.add(span, dims, dot, floats(span, "@", a), b);
        }
        List<Dim> batch = Pointwise.broadcast(
                span, "@", a.dims().subList(0, a.rank() - 2), b.dims().subList(0, b.rank() - 2));
        Val.Tensor left = Pointwise.expand(out, span, a, join(batch, a.dims().subList(a.rank() - 2, a.rank())));
        Val.Tensor right = Pointwise.expand(out, span, b, join(batch, b.dims().subList(b.rank() - 2, b.rank())));
        List<Integer> axes = IntStream.range(0, batch.size()).boxed().toList();
        var dot = new Op.DotGeneral(axes, axes, List.of(batch.size() + 1), List.of(batch.size()));
        List<Dim> dims =
                join(batch, List.of(a.dims().get(a.rank() - 2), b.dims().getLast()));
        return out.add(span, dims, dot, floats(span, "@", left), right);
    }

    /** A contraction in general: result axes are (batch…, free of a…, free of b…). */
    static Val.Tensor dot(
            Emission out,
            SourceSpan span,
            Val.Tensor a,
            Val.Tensor b,
            List<Integer> contractA,
            List<Integer> contractB,
            List<Integer> batchA,
            List<Integer> batchB) {
        if (contractA.size() != contractB.size() || batchA.size() != batchB.size()) {
            throw new Fault(span, "`dot` needs as many axes of a as of b");
        }
        pairwise(span, a, b, contractA, contractB);
        pairwise(span, a, b, batchA, batchB);
        List<Dim> dims = new ArrayList<>();
        batchA.forEach(i -> dims.add(a.dims().get(i)));
        IntStream.range(0, a.rank())
                .filter(i -> !contractA.contains(i) && !batchA.contains(i))
                .forEach(i -> dims.add(a.dims().get(i)));
        IntStream.range(0, b.rank())
                .filter(i -> !contractB.contains(i) && !batchB.contains(i))
                .forEach(i -> dims.add(b.dims().get(i)));
        return out.add(span, dims, new Op.DotGeneral(batchA, batchB, contractA, contractB), floats(span, "dot", a), b);
    }

    private static void pairwise(
            SourceSpan span, Val.Tensor a, Val.Tensor b, List<Integer> axesA, List<Integer> axesB) {
        for (int i = 0; i < axesA.size(); i++) {
            Dim left = a.dims().get(axesA.get(i));
            Dim right = b.dims().get(axesB.get(i));
            equal(span, "`dot` cannot contract " + a.show() + " with " + b.show(), left, right, a, b);
        }
    }

    /** Rows of a table along {@code axis}; the axes before it are matched with the index's. */
    static Val.Tensor take(Emission out, SourceSpan span, String name, Val.Tensor table, Val.Tensor index, int axis) {
        if (index.dtype() != DType.I32) {
            throw new Fault(span, "the index of `" + name + "` must hold i32, but is " + index.show());
        }
        if (table.rank() <= axis) {
            throw new Fault(span, "`" + name + "` along axis " + axis + " has no rows to take from " + table.show());
        }
        if (index.rank() < axis) {
            throw new Fault(
                    span,
                    "`" + name + "` along axis " + axis + " needs an index with at least " + axis
                            + " axes, but this is " + index.show());
        }
        for (int i = 0; i < axis; i++) {
            equal(
                    span,
                    "`" + name + "` cannot take from " + table.show() + " by an index " + index.show(),
                    table.dims().get(i),
                    index.dims().get(i),
                    table,
                    index);
        }
        List<Dim> dims = join(index.dims(), table.dims().subList(axis + 1, table.rank()));
        return out.add(span, dims, new Op.Gather(axis), table, index);
    }

    static Val.Tensor layerNorm(
            Emission out, SourceSpan span, Val.Tensor x, Val.Tensor gain, Val.Tensor bias, double epsilon) {
        for (Val.Tensor p : List.of(gain, bias)) {
            if (p.rank() != 1 || x.rank() < 1) {
                throw new Fault(
                        span,
                        "`layer_norm` takes x [.., w] and two vectors [w], but these are " + x.show() + " and "
                                + p.show());
            }
            equal(
                    span,
                    "`layer_norm` cannot scale " + x.show() + " by " + p.show(),
                    x.dims().getLast(),
                    p.dims().getFirst(),
                    x,
                    p);
        }
        if (!(epsilon > 0)) {
            throw new Fault(span, "the epsilon of `layer_norm` must be positive");
        }
        return out.add(
                span,
                x.dims(),
                new Op.LayerNorm(epsilon),
                wide(span, "layer_norm", x),
                wide(span, "layer_norm", gain),
                wide(span, "layer_norm", bias));
    }

    static Val.Tensor softmax(Emission out, SourceSpan span, Val.Tensor x, int axis) {
        wide(span, "softmax", x);
        if (axis == x.rank() - 1) {
            return out.add(span, x.dims(), new Op.Softmax(), x);
        }
        var swap = new ArrayList<>(Axes.all(x));
        Collections.swap(swap, axis, x.rank() - 1);
        Val.Tensor turned = Axes.permute(out, span, x, swap);
        return Axes.permute(out, span, out.add(span, turned.dims(), new Op.Softmax(), turned), swap);
    }

    /** q [b, s, heads·d], k and v [b, t, heads·d]; the scale is 1/√d unless given. */
    static Val.Tensor attention(
            Emission out,
            SourceSpan span,
            List<Val.Tensor> qkv,
            long heads,
            boolean causal,
            @Nullable Double scale,
            double dropout) {
        Val.Tensor q = qkv.get(0);
        for (Val.Tensor t : qkv) {
            if (t.rank() != 3) {
                throw new Fault(span, "`attention` takes [batch, tokens, width], but this is " + t.show());
            }
            equal(
                    span,
                    "`attention` cannot combine " + q.show() + " and " + t.show(),
                    q.dims().get(2),
                    t.dims().get(2),
                    q,
                    t);
            equal(
                    span,
                    "`attention` cannot combine " + q.show() + " and " + t.show(),
                    q.dims().get(0),
                    t.dims().get(0),
                    q,
                    t);
        }
        Val.Tensor k = qkv.get(1);
        Val.Tensor v = qkv.get(2);
        equal(
                span,
                "`attention` cannot combine keys " + k.show() + " and values " + v.show(),
                k.dims().get(1),
                v.dims().get(1),
                k,
                v);
        Dim width = q.dims().get(2);
        if (heads < 1 || width.size() % heads != 0) {
            throw new Fault(Diagnostic.error(span, heads + " heads do not divide a width of " + width.show())
                    .label(width.origin(), width.show() + " comes from here"));
        }
        if (!(dropout >= 0 && dropout < 1)) {
            throw new Fault(span, "the dropout of `attention` must be in [0, 1), but is " + dropout);
        }
        double factor = scale == null ? 1 / Math.sqrt(width.size() / (double) heads) : scale;
        int stream = dropout > 0 ? out.nextStream() : 0;
        var op = new Op.Attention((int) heads, causal, factor, dropout, stream);
        wide(span, "attention", q);
        return dropout > 0
                ? out.add(span, q.dims(), op, q, k, v, out.seed(span))
                : out.add(span, q.dims(), op, q, k, v);
    }

    static Val.Tensor softmaxXent(Emission out, SourceSpan span, Val.Tensor logits, Val.Tensor labels) {
        if (logits.rank() != 2 || labels.rank() != 1 || labels.dtype() != DType.I32) {
            throw new Fault(
                    span,
                    "`softmax_xent` takes logits [n, classes] and labels i32[n], but these are " + logits.show()
                            + " and " + labels.show());
        }
        Dim rows = logits.dims().getFirst();
        equal(
                span,
                "`softmax_xent` cannot match " + logits.show() + " with " + labels.show(),
                rows,
                labels.dims().getFirst(),
                logits,
                labels);
        return out.add(span, List.of(rows), new Op.SoftmaxXent(), wide(span, "softmax_xent", logits), labels);
    }

    private static Val.Tensor floats(SourceSpan span, String name, Val.Tensor x) {
        if (!x.dtype().isFloat()) {
            throw new Fault(span, "`" + name + "` works on floats, but this is " + x.show());
        }
        return x;
    }

    /** Rows and attention have kernels for floats with the exponents of f32 only. */
    private static Val.Tensor wide(SourceSpan span, String name, Val.Tensor x) {
        if (floats(span, name, x).dtype() == DType.F16) {
            throw new Fault(span, "`" + name + "` works on f32 and bf16, but this is " + x.show())
                    .note("`cast(x, f32)` converts");
        }
        return x;
    }

    private static void equal(SourceSpan span, String message, Dim a, Dim b, Val.Tensor left, Val.Tensor right) {
        if (a.size() != b.size()) {
            throw new Fault(Pointwise.mismatch(
                    Diagnostic.error(span, message + ": " + a.size() + " is not " + b.size())
                            .note("left:  " + Dim.show(left.dims()))
                            .note("right: " + Dim.show(right.dims())),
                    a,
                    b));
        }
    }

    private static List<Dim> join(List<Dim> a, List<Dim> b) {
        List<Dim> all = new ArrayList<>(a);
        all.addAll(b);
        return all;
    }
}
