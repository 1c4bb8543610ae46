package org.clipc.compiler.tornado;

import com.palantir.javapoet.CodeBlock;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.KernelSpec.Attention;
import org.clipc.compiler.kernel.KernelSpec.AttentionGrad;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.DType;

/**
 * Flash attention (Dao et al. 2022, arXiv:2205.14135): no matrix of scores exists. Forward, and for the gradient of the
 * queries, a work item has a query and tiles of keys and values pass through local memory; for the gradients of keys and
 * values a work item has a key, and queries pass. So every result is summed up by one item, in order, without atomics.
 * The depth of a head is a number in the code: an item's vectors are private arrays.
 */
final class AttentionTemplate {

    /** Queries or keys of a group. */
    private static final int GROUP = 64;

    /** Floats of local memory that a group's tiles take, at most: devices have 32 KiB and more. */
    private static final int TILE_FLOATS = 4096;

    private AttentionTemplate() {}

    /** Rows of a tile of two matrices that pass together. */
    private static int tileRows(int depth) {
        return Math.clamp(Integer.highestOneBit(TILE_FLOATS / 2 / depth), 1, 32);
    }

    private static TornadoKernel kernel(
            String stem, String what, DType dtype, boolean causal, boolean dropout, int depth) {
        return new TornadoKernel(
                        stem,
                        what + " of " + dtype.text() + " with heads of " + depth + (causal ? ", causal" : "")
                                + (dropout ? ", dropout" : ""),
                        GROUP)
                .prebuilt();
    }

    /** Binds a view [batch, rows, heads, depth]. */
    static void bind(TornadoKernel kernel, String name, View view) {
        kernel.at(name, view)
                .number(name + "Batch", view.stride(0))
                .number(name + "Row", view.stride(1))
                .number(name + "Head", view.stride(2));
    }

    private static void bindCommon(TornadoKernel kernel, View q, View k, Launch launch, View seed, boolean dropout) {
        kernel.number("heads", q.dim(2)).number("queries", q.dim(1)).number("keys", k.dim(1));
        kernel.real("scale", launch.attributes().get(0));
        if (dropout) {
            kernel.at("seed", seed)
                    .number("sharded", seed.elements() > 2 ? 1 : 0)
                    .real("dropout", launch.attributes().get(1))
                    .real("keep", 1 / (1 - launch.attributes().get(1)))
                    .number("stream", launch.attributes().get(2).longValue());
        }
    }

    static void plan(Attention spec, Launch launch, CallSink sink) {
        var q = launch.inputs().get(0);
        var k = launch.inputs().get(1);
        int depth = q.dim(3);
        var kernel = kernel("Attention", "Attention", spec.dtype(), spec.causal(), spec.dropout(), depth);
        bindCommon(kernel, q, k, launch, launch.inputs().getLast(), spec.dropout());
        var blocks = Math.ceilDiv(q.dim(1), GROUP);
        kernel.number("blocks", blocks);
        bind(kernel, "q", q);
        bind(kernel, "k", k);
        bind(kernel, "v", launch.inputs().get(2));
        bind(kernel, "o", launch.outputs().get(0));
        kernel.at("lse", launch.outputs().get(1));
        kernel.launch(sink, (long) q.dim(0) * q.dim(2) * blocks, helpers -> forward(spec, depth, helpers));
    }

    /** Which head, and which query or key of it, a work item has. */
    private static CodeBlock place(String count) {
        return CodeBlock.of("""
                final int head = group / blocks % heads;
                final int batch = group / blocks / heads;
                final int first = group % blocks * $L;
                final int own = first + local;
                final boolean exists = own < $L;
                final int row = exists ? own : $L - 1;
                """, GROUP, count, count);
    }

    /** Loads rows {@code tile} and following of two matrices into local memory. */
    private static CodeBlock tile(DType dtype, int depth, String count, String one, String other) {
        return CodeBlock.of(
                """
                context.localBarrier();
                for (int e = local; e < $1L; e += $2L) {
                    final int r = tile + e / $3L < $4L ? tile + e / $3L : $4L - 1;
                    tile0[e] = $5L;
                    tile1[e] = $6L;
                }
                context.localBarrier();
                """,
                tileRows(depth) * depth,
                GROUP,
                depth,
                count,
                element(dtype, one, "r", "e % " + depth),
                element(dtype, other, "r", "e % " + depth));
    }

    private static CodeBlock tiles(int depth) {
        return CodeBlock.of("""
                final float[] tile0 = context.allocateFloatLocalArray($1L);
                final float[] tile1 = context.allocateFloatLocalArray($1L);
                """, tileRows(depth) * depth);
    }

    private static String place(String of, String row, String column) {
        return "%1$s + batch * %1$sBatch + %2$s * %1$sRow + head * %1$sHead + %3$s".formatted(of, row, column);
    }

    private static CodeBlock element(DType dtype, String of, String row, String column) {
        return TornadoKernel.load(dtype, place(of, row, column));
    }

    private static CodeBlock store(DType dtype, String of, String value) {
        return TornadoKernel.store(dtype, place(of, "row", "c"), value);
    }

    /** Declares a private vector, with the work item's row of a matrix or zeros. */
    private static CodeBlock vector(DType dtype, int depth, String name, String from) {
        var value = from.isEmpty() ? CodeBlock.of("0f") : element(dtype, from, "row", "c");
        return CodeBlock.of("""
                final float[] $1L = new float[$2L];
                for (int c = 0; c < $2L; c++) {
                    $1L[c] = $3L;
                }
                """, name, depth, value);
    }

    private static CodeBlock dot(int depth, String name, String vector, String tile) {
        return CodeBlock.of("""
                float $1L = 0f;
                for (int c = 0; c < $4L; c++) {
                    $1L += $2L[c] * $3L[t * $4L + c];
                }
                """, name, vector, tile, depth);
    }

    private static CodeBlock factor(boolean dropout, TornadoKernel.Helpers helpers, String query, String key) {
        if (!dropout) {
            return CodeBlock.of("");
        }
        // Element ((batch · heads + head) · queries + query) · keys + key may exceed 32 bits. Of pairs of sample
        // and head that ranks share, the seed tells which the first one is here, and how many heads each sample has.
        return CodeBlock.builder()
                .addStatement("final long pair = sharded == 0 ? batch * (long) heads + head"
                        + " : n.get(seed + 2) + batch * (long) n.get(seed + 3) + head")
                .addStatement("final long element = (pair * queries + $L) * keys + $L", query, key)
                .addStatement(
                        "final float factor = $L < dropout ? 0f : keep",
                        TornadoMathCode.UNIFORM.call(
                                helpers,
                                CodeBlock.of("(int) element"),
                                CodeBlock.of("(int) (element >>> 32)"),
                                CodeBlock.of("n.get(seed)"),
                                CodeBlock.of("n.get(seed + 1)"),
                                CodeBlock.of("stream")))
                .build();
    }

    private static CodeBlock forward(Attention spec, int depth, TornadoKernel.Helpers helpers) {
        TornadoMathCode.EXP.add(helpers);
        var end = spec.causal() ? "(first + " + GROUP + " < keys ? first + " + GROUP + " : keys)" : "keys";
        var code = CodeBlock.builder()
                .add(place("queries"))
                .add(tiles(depth))
                .add(vector(spec.dtype(), depth, "mine", "q"))
                .add(vector(spec.dtype(), depth, "sums", ""))
                .addStatement("float most = Float.NEGATIVE_INFINITY")
                .addStatement("float total = 0f")
                .addStatement("final int end = $L", end)
                .beginControlFlow("for (int tile = 0; tile < end; tile += $L)", tileRows(depth))
                .add(tile(spec.dtype(), depth, "keys", "k", "v"))
                .addStatement("final int left = end - tile < $1L ? end - tile : $1L", tileRows(depth))
                .beginControlFlow("for (int t = 0; t < left; t++)");
        if (spec.causal()) {
            code.beginControlFlow("if (tile + t <= row)");
        }
        code.add(dot(depth, "product", "mine", "tile0"))
                .addStatement("final float score = product * scale")
                .addStatement("final float newMost = score > most ? score : most")
                .addStatement("final float old = exp(most - newMost)")
                .addStatement("final float p = exp(score - newMost)")
                .addStatement("most = newMost")
                .addStatement("total = total * old + p")
                .add(factor(spec.dropout(), helpers, "row", "(tile + t)"))
                .addStatement("final float weight = $L", spec.dropout() ? "p * factor" : "p")
                .beginControlFlow("for (int c = 0; c < $L; c++)", depth)
                .addStatement("sums[c] = sums[c] * old + weight * tile1[t * $L + c]", depth)
                .endControlFlow();
        if (spec.causal()) {
            code.endControlFlow();
        }
        return code.endControlFlow()
                .endControlFlow()
                .beginControlFlow("if (exists)")
                .beginControlFlow("for (int c = 0; c < $L; c++)", depth)
                .addStatement(store(spec.dtype(), "o", "sums[c] / total"))
                .endControlFlow()
                .addStatement(
                        "f.set(lse + (batch * heads + head) * queries + row, most + $T.log(total))", TornadoApi.MATH)
                .endControlFlow()
                .build();
    }

    static void planGrad(AttentionGrad spec, Launch launch, CallSink sink) {
        var in = launch.inputs();
        var q = in.get(1);
        var k = in.get(2);
        int depth = q.dim(3);
        var delta = AttentionDelta.plan(spec, launch, sink);
        var ofQueries =
                kernel("AttentionGradQ", "Gradient of queries", spec.dtype(), spec.causal(), spec.dropout(), depth);
        bindGrad(ofQueries, spec, launch, delta, Math.ceilDiv(q.dim(1), GROUP));
        bind(ofQueries, "dq", launch.outputs().get(0));
        ofQueries.launch(
                sink,
                (long) q.dim(0) * q.dim(2) * Math.ceilDiv(q.dim(1), GROUP),
                helpers -> queries(spec, depth, helpers));
        var ofKeys = kernel(
                "AttentionGradKv", "Gradients of keys and values", spec.dtype(), spec.causal(), spec.dropout(), depth);
        bindGrad(ofKeys, spec, launch, delta, Math.ceilDiv(k.dim(1), GROUP));
        bind(ofKeys, "dk", launch.outputs().get(1));
        bind(ofKeys, "dv", launch.outputs().get(2));
        ofKeys.launch(
                sink,
                (long) q.dim(0) * q.dim(2) * Math.ceilDiv(k.dim(1), GROUP),
                helpers -> keys(spec, depth, helpers));
    }

    private static void bindGrad(TornadoKernel kernel, AttentionGrad spec, Launch launch, View delta, int blocks) {
        var in = launch.inputs();
        bindCommon(kernel, in.get(1), in.get(2), launch, in.getLast(), spec.dropout());
        kernel.number("blocks", blocks);
        bind(kernel, "dout", in.get(0));
        bind(kernel, "q", in.get(1));
        bind(kernel, "k", in.get(2));
        bind(kernel, "v", in.get(3));
        kernel.at("lse", in.get(5)).at("delta", delta);
    }

    private static CodeBlock queries(AttentionGrad spec, int depth, TornadoKernel.Helpers helpers) {
        TornadoMathCode.EXP.add(helpers);
        var end = spec.causal() ? "(first + " + GROUP + " < keys ? first + " + GROUP + " : keys)" : "keys";
        var code = CodeBlock.builder()
                .add(place("queries"))
                .add(tiles(depth))
                .add(vector(spec.dtype(), depth, "mine", "q"))
                .add(vector(spec.dtype(), depth, "by", "dout"))
                .add(vector(spec.dtype(), depth, "sums", ""))
                .addStatement("final int at = (batch * heads + head) * queries + row")
                .addStatement("final float shift = f.get(lse + at)")
                .addStatement("final float level = f.get(delta + at)")
                .addStatement("final int end = $L", end)
                .beginControlFlow("for (int tile = 0; tile < end; tile += $L)", tileRows(depth))
                .add(tile(spec.dtype(), depth, "keys", "k", "v"))
                .addStatement("final int left = end - tile < $1L ? end - tile : $1L", tileRows(depth))
                .beginControlFlow("for (int t = 0; t < left; t++)");
        if (spec.causal()) {
            code.beginControlFlow("if (tile + t <= row)");
        }
        code.add(dot(depth, "product", "mine", "tile0"))
                .add(dot(depth, "change", "by", "tile1"))
                .add(factor(spec.dropout(), helpers, "row", "(tile + t)"))
                .addStatement(
                        "final float dscore = exp(product * scale - shift) * ($L - level) * scale",
                        spec.dropout() ? "change * factor" : "change")
                .beginControlFlow("for (int c = 0; c < $L; c++)", depth)
                .addStatement("sums[c] += dscore * tile0[t * $L + c]", depth)
                .endControlFlow();
        if (spec.causal()) {
            code.endControlFlow();
        }
        return code.endControlFlow()
                .endControlFlow()
                .beginControlFlow("if (exists)")
                .beginControlFlow("for (int c = 0; c < $L; c++)", depth)
                .addStatement(store(spec.dtype(), "dq", "sums[c]"))
                .endControlFlow()
                .endControlFlow()
                .build();
    }

    private static CodeBlock keys(AttentionGrad spec, int depth, TornadoKernel.Helpers helpers) {
        TornadoMathCode.EXP.add(helpers);
        var start = spec.causal() ? "first / " + tileRows(depth) + " * " + tileRows(depth) : "0";
        var code = CodeBlock.builder()
                .add(place("keys"))
                .add(tiles(depth))
                .add(vector(spec.dtype(), depth, "mine", "k"))
                .add(vector(spec.dtype(), depth, "value", "v"))
                .add(vector(spec.dtype(), depth, "dkSums", ""))
                .add(vector(spec.dtype(), depth, "dvSums", ""))
                .beginControlFlow("for (int tile = $L; tile < queries; tile += $L)", start, tileRows(depth))
                .add(tile(spec.dtype(), depth, "queries", "q", "dout"))
                .addStatement("final int left = queries - tile < $1L ? queries - tile : $1L", tileRows(depth))
                .beginControlFlow("for (int t = 0; t < left; t++)");
        if (spec.causal()) {
            code.beginControlFlow("if (row <= tile + t)");
        }
        code.addStatement("final int at = (batch * heads + head) * queries + tile + t")
                .add(dot(depth, "product", "mine", "tile0"))
                .add(dot(depth, "change", "value", "tile1"))
                .addStatement("final float p = exp(product * scale - f.get(lse + at))")
                .add(factor(spec.dropout(), helpers, "(tile + t)", "row"))
                .addStatement("final float weight = $L", spec.dropout() ? "p * factor" : "p")
                .addStatement(
                        "final float dscore = p * ($L - f.get(delta + at)) * scale",
                        spec.dropout() ? "change * factor" : "change")
                .beginControlFlow("for (int c = 0; c < $L; c++)", depth)
                .addStatement("dkSums[c] += dscore * tile0[t * $L + c]", depth)
                .addStatement("dvSums[c] += weight * tile1[t * $L + c]", depth)
                .endControlFlow();
        if (spec.causal()) {
            code.endControlFlow();
        }
        return code.endControlFlow()
                .endControlFlow()
                .beginControlFlow("if (exists)")
                .beginControlFlow("for (int c = 0; c < $L; c++)", depth)
                .addStatement(store(spec.dtype(), "dk", "dkSums[c]"))
                .addStatement(store(spec.dtype(), "dv", "dvSums[c]"))
                .endControlFlow()
                .endControlFlow()
                .build();
    }
}
