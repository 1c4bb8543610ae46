package org.clipc.compiler.jvm;

import com.palantir.javapoet.CodeBlock;
import com.palantir.javapoet.MethodSpec;
import com.palantir.javapoet.TypeName;
import java.util.List;
import java.util.stream.Stream;
import javax.lang.model.element.Modifier;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.KernelSpec.AttentionGrad;
import org.clipc.compiler.kernel.Launch;
import org.clipc.ir.DType;

/**
 * {@link AttentionGrad} for the JVM, after FlashAttention-2 (Dao 2023, arXiv:2307.08691): probabilities are computed again,
 * block by block, from the logarithms of their denominators, P = e^(S - lse). With D the sums of the rows of dO ∘ O, the
 * scores' gradient is dS = P ∘ (dP - D), where dP = dO·Vᵀ; then dV = Pᵀ·dO, dK = dSᵀ·Q and dQ = dS·K. Dropout's factors go
 * with dP, and with P in dV.
 *
 * <p>A unit is a (batch, head) pair: its blocks of queries add to the same dK and dV one after the other, in the worker's
 * scratch, so that sums do not depend on the number of threads.
 */
final class AttentionGradTemplate {

    private static final ArgumentLayout LAYOUT = new ArgumentLayout(Stream.of(
                    AttentionPlan.SIZES,
                    AttentionPlan.tensors("g", "q", "k", "v", "o", "dq", "dk", "dv"),
                    List.of("lse", "scale"),
                    AttentionPlan.DROPOUT,
                    List.of("stage", "keyColumns", "valueColumns", "keyPanels", "keySums", "valueSums"),
                    List.of("queryRows", "gradRows", "queryPanels", "gradPanels", "querySums"),
                    List.of("scores", "slopes", "means", "uniforms"))
            .flatMap(List::stream)
            .toList());

    /** Most queries of a block. They are the depth of the products for dK and dV, which so becomes worth a tile's stores. */
    private static final int MOST_ROWS = 66;

    private final int bits;

    AttentionGradTemplate(int bits) {
        this.bits = bits;
    }

    void plan(AttentionGrad spec, Launch launch, CallSink sink) {
        var in = launch.inputs();
        var out = launch.outputs();
        var lanes = bits / Float.SIZE;
        var plan = new AttentionPlan(lanes, in.get(1), in.get(2), spec.causal(), MOST_ROWS);
        var inputs = List.of("g", "q", "k", "v", "o");
        for (var i = 0; i < inputs.size(); i++) {
            plan.putTensor(inputs.get(i), in.get(i));
        }
        var outputs = List.of("dq", "dk", "dv");
        for (var i = 0; i < outputs.size(); i++) {
            plan.putTensor(outputs.get(i), out.get(i));
        }
        plan.put("lse", in.get(5));
        plan.putAttributes(spec.dropout(), launch);
        reserve(plan, lanes);
        var description =
                "Gradient of attention of " + spec.dtype().text() + ", causal or not, with dropout or without";
        var kernel = KernelClass.kernel(bits, "AttentionGrad", description, LAYOUT, c -> render(spec.dtype(), c));
        sink.call(kernel, LAYOUT.bind(plan.values()), plan.pairs, plan.floats(), 0);
    }

    private static void reserve(AttentionPlan plan, int lanes) {
        plan.putScratch("stage", (long) lanes * plan.padded());
        plan.putColumns("keyColumns");
        plan.putColumns("valueColumns");
        plan.putPanels("keyPanels", plan.keys);
        plan.putSums("keySums", plan.keys);
        plan.putSums("valueSums", plan.keys);
        plan.putRows("queryRows");
        plan.putRows("gradRows");
        plan.putPanels("queryPanels", plan.blockRows);
        plan.putPanels("gradPanels", plan.blockRows);
        plan.putSums("querySums", plan.blockRows);
        plan.putScores("scores");
        plan.putScores("slopes");
        plan.putScratch("means", plan.blockRows);
        plan.putScratch("uniforms", AttentionTiles.STRIDE);
    }

    private static void render(DType dtype, KernelClass kernel) {
        kernel.library().use(JvmHelper.UNIFORM);
        kernel.add(unit(kernel));
        kernel.add(block(kernel));
        kernel.add(derive(kernel));
        AttentionPacking.add(kernel, dtype);
        AttentionTiles.addMultiply(kernel);
        AttentionTiles.addMultiplyRows(kernel);
        AttentionTiles.addMultiplyTransposed(kernel);
        addDot(kernel, dtype);
        addSlope(kernel, false);
        addSlope(kernel, true);
    }

    private static MethodSpec.Builder unit(KernelClass kernel) {
        return kernel.unit()
                .addCode(LAYOUT.declareInts("heads", "queries", "keys", "depth", "blockRows", "padded"))
                .addCode(LAYOUT.declareInts("stage", "keyColumns", "valueColumns", "keyPanels", "keySums", "valueSums"))
                .addCode("""
                        final long batch = unit / heads;
                        final long head = unit % heads;
                        """)
                .addCode(AttentionPlan.declare(LAYOUT, "k", "v", "dk", "dv"))
                .addCode("""
                        packTransposed(arena, local, keys, depth, k, kRow, stage, padded, keyColumns, padded * LANES);
                        packTransposed(arena, local, keys, depth, v, vRow, stage, padded, valueColumns, padded * LANES);
                        packPanels(arena, local, keys, depth, k, kRow, keyPanels, keys * LANES, 1f);
                        clear(arena, local, keySums, keySums + keys * padded);
                        clear(arena, local, valueSums, valueSums + keys * padded);
                        for (int first = 0; first < queries; first += blockRows) {
                            block(arena, local, args, unit, first, Math.min(blockRows, queries - first));
                        }
                        for (int j = 0; j < keys; j++) {
                            storeRow(arena, local, depth, keySums + j * padded, dk + j * dkRow, 1f);
                            storeRow(arena, local, depth, valueSums + j * padded, dv + j * dvRow, 1f);
                        }
                        """);
    }

    /** Some queries, from the {@code first} on, with all the keys that they see. */
    private static MethodSpec.Builder block(KernelClass kernel) {
        return AttentionTemplate.rows(kernel, "block")
                .addCode(LAYOUT.declareInts("heads", "keys", "depth", "causal", "blockRows", "blockKeys", "room"))
                .addCode(LAYOUT.declareInts("padded", "vectors", "keyColumns", "valueColumns", "keyPanels"))
                .addCode(LAYOUT.declareInts("keySums", "valueSums", "queryRows", "gradRows", "queryPanels"))
                .addCode(LAYOUT.declareInts("gradPanels", "querySums", "scores", "slopes", "means"))
                .addCode(LAYOUT.declareInts("uniforms"))
                .addCode(LAYOUT.declareFloats("scale"))
                .addCode("""
                        final long batch = pair / heads;
                        final long head = pair % heads;
                        final int panel = blockRows * LANES;
                        """)
                .addCode(AttentionPlan.declare(LAYOUT, "g", "q", "o", "dq"))
                .addCode("""
                        final long qFirst = q + first * qRow;
                        final long gFirst = g + first * gRow;
                        packRows(arena, local, rows, room, depth, qFirst, qRow, queryRows, scale);
                        packRows(arena, local, rows, room, depth, gFirst, gRow, gradRows, 1f);
                        packPanels(arena, local, rows, depth, qFirst, qRow, queryPanels, panel, scale);
                        packPanels(arena, local, rows, depth, gFirst, gRow, gradPanels, panel, 1f);
                        for (int r = 0; r < rows; r++) {
                            local[means + r] =
                                    dot(arena, local, depth, gFirst + r * gRow, o + (first + r) * oRow, uniforms);
                        }
                        final int visible = causal != 0 ? Math.min(keys, first + rows) : keys;
                        for (int j = 0; j < visible; j += blockKeys) {
                            final int n = Math.min(blockKeys, visible - j);
                            multiplyRows(local, depth, rows, room, n, queryRows, keyColumns + j * padded, padded * LANES,
                                    scores);
                            multiplyRows(local, depth, rows, room, n, gradRows, valueColumns + j * padded, padded * LANES,
                                    slopes);
                            derive(arena, local, args, pair, first, rows, j, n);
                            multiplyTransposed(local, rows, n, vectors, scores, gradPanels, panel,
                                    valueSums + j * padded, padded, true);
                            multiplyTransposed(local, rows, n, vectors, slopes, queryPanels, panel,
                                    keySums + j * padded, padded, true);
                            multiply(local, n, rows, vectors, slopes, keyPanels + j * LANES, keys * LANES,
                                    querySums, padded, j > 0);
                        }
                        for (int r = 0; r < rows; r++) {
                            storeRow(arena, local, depth, querySums + r * padded, dq + (first + r) * dqRow, scale);
                        }
                        """);
    }

    /**
     * Turns scores into probabilities, and the probabilities' gradients into the scores'. Tiles of dK and dV may reach
     * beyond the block's keys: there must be zeros.
     */
    private static MethodSpec.Builder derive(KernelClass kernel) {
        var lse = CodeBlock.of("$L + 4L * ((long) pair * queries + first + r)", LAYOUT.read("lse"));
        return AttentionTemplate.rows(kernel, "derive")
                .addParameter(int.class, "j", Modifier.FINAL)
                .addParameter(int.class, "n", Modifier.FINAL)
                .addCode(LAYOUT.declareInts("queries", "keys", "causal", "scores", "slopes", "means", "uniforms"))
                .addCode(AttentionPlan.declareDropout(LAYOUT))
                .addCode("""
                        final int end = (n + LANES - 1) / LANES * LANES + LANES;
                        for (int r = 0; r < rows; r++) {
                            final int p = scores + r * $1L;
                            final int s = slopes + r * $1L;
                            final int seen = causal != 0 ? Math.clamp(first + r + 1 - j, 0, n) : n;
                            final int count = (seen + LANES - 1) / LANES * LANES;
                            final float lse = $2L;
                            hide(arena, local, p, seen, Float.NEGATIVE_INFINITY);
                            hide(arena, local, s, seen, 0f);
                            if (threshold > 0) {
                                uniform((masked * queries + first + r) * keys + j, seen, key0, key1, stream,
                                        local, uniforms);
                                slopeWithDropout(arena, local, count, p, s, lse, local[means + r],
                                        uniforms, threshold, kept);
                            } else {
                                slope(arena, local, count, p, s, lse, local[means + r]);
                            }
                            clear(arena, local, p + count, p + end);
                            clear(arena, local, s + count, s + end);
                        }
                        """, AttentionTiles.STRIDE, Memory.loadOne(DType.F32, lse));
    }

    /** The dot product of two rows; uses a vector of scratch at {@code parts}. */
    private static void addDot(KernelClass kernel, DType dtype) {
        var library = kernel.library();
        kernel.add(kernel.method("dot")
                .returns(TypeName.FLOAT)
                .addParameter(int.class, "count", Modifier.FINAL)
                .addParameter(long.class, "a", Modifier.FINAL)
                .addParameter(long.class, "b", Modifier.FINAL)
                .addParameter(int.class, "parts", Modifier.FINAL)
                .addStatement("$1T sum = $1T.zero(F)", Lanes.FLOAT_VECTOR)
                .addStatement("int i = 0")
                .beginControlFlow("for (; i <= count - LANES; i += LANES)")
                .addStatement("sum = $L", product(new Strip(library, Lanes.VECTOR, CodeBlock.of("i"), "t"), dtype))
                .endControlFlow()
                .addStatement("sum.intoArray(local, parts)")
                .addStatement("float rest = 0f")
                .beginControlFlow("for (; i < count; i++)")
                .addStatement("rest += $L", product(new Strip(library, Lanes.SCALAR, CodeBlock.of("i"), "t"), dtype))
                .endControlFlow()
                .addStatement("return total(local, parts) + rest"));
    }

    /** For vectors, added to their {@code sum}. */
    private static CodeBlock product(Strip strip, DType dtype) {
        var lanes = strip.lanes();
        var a = strip.load(dtype, "a");
        var b = strip.load(dtype, "b");
        return lanes.equals(Lanes.VECTOR) ? lanes.fma(a, b, CodeBlock.of("sum")) : lanes.mul(a, b);
    }

    /** One row: {@code p} holds scores, then what dV's products take; {@code s} dP, then dS. */
    private static void addSlope(KernelClass kernel, boolean dropout) {
        var method = kernel.method(dropout ? "slopeWithDropout" : "slope")
                .addParameter(int.class, "count", Modifier.FINAL)
                .addParameter(int.class, "p", Modifier.FINAL)
                .addParameter(int.class, "s", Modifier.FINAL)
                .addParameter(float.class, "lse", Modifier.FINAL)
                .addParameter(float.class, "mean", Modifier.FINAL);
        if (dropout) {
            method.addParameter(int.class, "uniforms", Modifier.FINAL)
                    .addParameter(float.class, "threshold", Modifier.FINAL)
                    .addParameter(float.class, "kept", Modifier.FINAL);
        }
        kernel.add(method.addCode(Loops.each(kernel.library(), "count", strip -> {
            var score = strip.sub(strip.loadLocal(DType.F32, "p"), strip.splat("lse"));
            var probability = strip.call(JvmVectorMath.EXP, score);
            var above = strip.let(strip.loadLocal(DType.F32, "s"));
            var passed = probability;
            if (dropout) {
                var factor = AttentionTemplate.dropoutFactor(strip);
                above = strip.mul(above, factor);
                passed = strip.mul(probability, factor);
            }
            var slope = strip.mul(probability, strip.sub(above, strip.splat("mean")));
            strip.storeLocal(DType.F32, "p", passed);
            strip.storeLocal(DType.F32, "s", slope);
        })));
    }
}
