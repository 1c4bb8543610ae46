package org.clipc.compiler.jvm;

import com.palantir.javapoet.CodeBlock;
import com.palantir.javapoet.MethodSpec;
import com.palantir.javapoet.TypeName;
import java.util.List;
import java.util.stream.Stream;
import javax.lang.model.element.Modifier;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.KernelSpec.Attention;
import org.clipc.compiler.kernel.Launch;
import org.clipc.ir.Comparison;
import org.clipc.ir.DType;
import org.clipc.ir.ReduceFn;

/**
 * {@link Attention} for the JVM, as FlashAttention-2 (Dao 2023, arXiv:2307.08691) does it: a block of queries meets one
 * block of keys after the other, and of the probabilities there is never more than that block, in the worker's scratch.
 * Exponentials are relative to the largest score of a row so far; when that grows, the row's sums shrink accordingly.
 *
 * <p>A unit is a block of queries of one (batch, head) pair. A worker that is given several of a pair packs its keys and
 * values once.
 */
final class AttentionTemplate {

    private static final ArgumentLayout LAYOUT = new ArgumentLayout(Stream.of(
                    AttentionPlan.SIZES,
                    AttentionPlan.tensors("q", "k", "v", "o"),
                    List.of("lse", "scale"),
                    AttentionPlan.DROPOUT,
                    List.of("stage", "keyColumns", "valuePanels", "queryRows", "scores", "sums"),
                    List.of("largest", "parts", "totals", "uniforms"))
            .flatMap(List::stream)
            .toList());

    /** Most queries of a block: the more, the better their keys are used; the fewer, the less a causal mask wastes. */
    private static final int MOST_ROWS = 66;

    /** Fewest, if the batch is small: packing keys and values then costs as much as half of the products. */
    private static final int FEWEST_ROWS = 16;

    /** Units that are enough for many threads. */
    private static final int UNITS = 128;

    private final int bits;

    AttentionTemplate(int bits) {
        this.bits = bits;
    }

    void plan(Attention spec, Launch launch, CallSink sink) {
        var q = launch.inputs().get(0);
        var k = launch.inputs().get(1);
        var lanes = bits / Float.SIZE;
        var enough = Math.clamp((long) q.dim(1) * q.dim(0) * q.dim(2) / UNITS, FEWEST_ROWS, MOST_ROWS);
        var plan = new AttentionPlan(lanes, q, k, spec.causal(), enough);
        plan.putTensor("q", q);
        plan.putTensor("k", k);
        plan.putTensor("v", launch.inputs().get(2));
        plan.putTensor("o", launch.outputs().get(0));
        plan.put("lse", launch.outputs().get(1));
        plan.putAttributes(spec.dropout(), launch);
        plan.putScratch("stage", (long) lanes * plan.padded());
        plan.putColumns("keyColumns");
        plan.putPanels("valuePanels", plan.keys);
        plan.putRows("queryRows");
        plan.putScores("scores");
        plan.putSums("sums", plan.blockRows);
        plan.putScratch("largest", plan.blockRows);
        plan.putScratch("parts", (long) lanes * plan.blockRows);
        plan.putScratch("totals", plan.blockRows);
        plan.putScratch("uniforms", AttentionTiles.STRIDE);
        var description = "Attention of " + spec.dtype().text() + ", causal or not, with dropout or without";
        var kernel = KernelClass.kernel(bits, "Attention", description, LAYOUT, c -> render(spec.dtype(), c));
        sink.call(kernel, LAYOUT.bind(plan.values()), plan.pairs * plan.blocks(), plan.floats(), 0);
    }

    private static void render(DType dtype, KernelClass kernel) {
        kernel.library().use(JvmHelper.UNIFORM);
        kernel.run(run());
        kernel.add(block(kernel));
        kernel.add(soften(kernel));
        AttentionPacking.add(kernel, dtype);
        AttentionTiles.addMultiply(kernel);
        AttentionTiles.addMultiplyRows(kernel);
        addLargest(kernel);
        addExponentials(kernel);
        addShrink(kernel);
        addDrop(kernel);
        addLogarithms(kernel);
    }

    private static CodeBlock run() {
        return CodeBlock.builder()
                .add(LAYOUT.declareInts("heads", "queries", "keys", "depth", "blockRows", "padded"))
                .add(LAYOUT.declareInts("stage", "keyColumns", "valuePanels"))
                .add("""
                        final int blocks = (queries + blockRows - 1) / blockRows;
                        int held = -1;
                        for (int unit = from; unit < to; unit++) {
                            final int pair = unit / blocks;
                            final long batch = pair / heads;
                            final long head = pair % heads;
                        """)
                .add(AttentionPlan.declare(LAYOUT, "q", "k", "v", "o"))
                .add("""
                            if (pair != held) {
                                packTransposed(arena, local, keys, depth, k, kRow, stage, padded,
                                        keyColumns, padded * LANES);
                                packPanels(arena, local, keys, depth, v, vRow, valuePanels, keys * LANES, 1f);
                                held = pair;
                            }
                            final int first = unit % blocks * blockRows;
                            final int rows = Math.min(blockRows, queries - first);
                            block(arena, local, args, pair, first, rows, q + first * qRow, qRow, o + first * oRow, oRow);
                        }
                        """)
                .build();
    }

    /** Begins a method for some of a pair's queries. */
    static MethodSpec.Builder rows(KernelClass kernel, String name) {
        return kernel.method(name)
                .addParameter(long[].class, "args", Modifier.FINAL)
                .addParameter(int.class, "pair", Modifier.FINAL)
                .addParameter(int.class, "first", Modifier.FINAL)
                .addParameter(int.class, "rows", Modifier.FINAL);
    }

    /** Some queries, from the {@code first} on, with all the keys that they see. */
    private static MethodSpec.Builder block(KernelClass kernel) {
        return rows(kernel, "block")
                .addParameter(long.class, "q", Modifier.FINAL)
                .addParameter(long.class, "qRow", Modifier.FINAL)
                .addParameter(long.class, "o", Modifier.FINAL)
                .addParameter(long.class, "oRow", Modifier.FINAL)
                .addCode(LAYOUT.declareInts("queries", "keys", "depth", "causal", "blockKeys", "room", "padded"))
                .addCode(LAYOUT.declareInts("vectors", "keyColumns", "valuePanels", "queryRows", "scores", "sums"))
                .addCode(LAYOUT.declareInts("largest", "parts", "totals"))
                .addCode(LAYOUT.declareFloats("scale"))
                .addCode("""
                        packRows(arena, local, rows, room, depth, q, qRow, queryRows, scale);
                        clear(arena, local, parts, parts + rows * LANES);
                        for (int r = 0; r < rows; r++) {
                            local[largest + r] = Float.NEGATIVE_INFINITY;
                        }
                        final int visible = causal != 0 ? Math.min(keys, first + rows) : keys;
                        for (int j = 0; j < visible; j += blockKeys) {
                            final int n = Math.min(blockKeys, visible - j);
                            multiplyRows(local, depth, rows, room, n, queryRows, keyColumns + j * padded, padded * LANES,
                                    scores);
                            soften(arena, local, args, pair, first, rows, j, n);
                            multiply(local, n, rows, vectors, scores, valuePanels + j * LANES, keys * LANES,
                                    sums, padded, j > 0);
                        }
                        for (int r = 0; r < rows; r++) {
                            final float total = total(local, parts + r * LANES);
                            local[totals + r] = total;
                            storeRow(arena, local, depth, sums + r * padded, o + r * oRow, 1 / total);
                        }
                        logarithms(arena, local, rows, largest, totals, $L + 4L * ((long) pair * queries + first));
                        """, LAYOUT.read("lse"));
    }

    /** Turns scores into their exponentials, relative to the largest of each row so far. */
    private static MethodSpec.Builder soften(KernelClass kernel) {
        return rows(kernel, "soften")
                .addParameter(int.class, "j", Modifier.FINAL)
                .addParameter(int.class, "n", Modifier.FINAL)
                .addCode(LAYOUT.declareInts("queries", "keys", "causal", "padded", "scores", "sums"))
                .addCode(LAYOUT.declareInts("largest", "parts", "uniforms"))
                .addCode(AttentionPlan.declareDropout(LAYOUT))
                .addCode(
                        """
                        final int end = (n + LANES - 1) / LANES * LANES;
                        for (int r = 0; r < rows; r++) {
                            final int at = scores + r * $L;
                            final int seen = causal != 0 ? Math.clamp(first + r + 1 - j, 0, n) : n;
                            final int count = (seen + LANES - 1) / LANES * LANES;
                            if (seen > 0) {
                                hide(arena, local, at, seen, Float.NEGATIVE_INFINITY);
                                final float before = local[largest + r];
                                final float shift = Math.max(before, largest(arena, local, count, at));
                                final float shrunk = $L;
                                exponentials(arena, local, count, at, shift, parts + r * LANES, shrunk);
                                if (j > 0 && shift != before) {
                                    shrink(arena, local, padded, sums + r * padded, shrunk);
                                }
                                local[largest + r] = shift;
                                if (threshold > 0) {
                                    uniform((masked * queries + first + r) * keys + j, seen, key0, key1, stream,
                                            local, uniforms);
                                    drop(arena, local, seen, at, uniforms, threshold, kept);
                                }
                            }
                            clear(arena, local, at + count, at + end);
                        }
                        """,
                        AttentionTiles.STRIDE,
                        kernel.library().call(JvmVectorMath.EXP, CodeBlock.of("before - shift")));
    }

    private static MethodSpec.Builder loop(KernelClass kernel, String name, String at) {
        return kernel.method(name)
                .addParameter(int.class, "count", Modifier.FINAL)
                .addParameter(int.class, at, Modifier.FINAL);
    }

    private static void addLargest(KernelClass kernel) {
        kernel.add(loop(kernel, "largest", "at")
                .returns(TypeName.FLOAT)
                .addCode(Loops.reduce(
                        kernel.library(),
                        ReduceFn.MAX,
                        DType.F32,
                        "count",
                        1,
                        "result",
                        strip -> strip.loadLocal(DType.F32, "at")))
                .addStatement("return result"));
    }

    /**
     * e^(x - shift), which stay; adds them to the row's {@code parts}, a vector of sums, which shrinks first. Its lanes are
     * only added up when all keys are through.
     */
    private static void addExponentials(KernelClass kernel) {
        var strip = new Strip(kernel.library(), Lanes.VECTOR, CodeBlock.of("i"), "t");
        var x = strip.sub(strip.loadLocal(DType.F32, "at"), strip.splat("shift"));
        var y = strip.call(JvmVectorMath.EXP, x);
        strip.storeLocal(DType.F32, "at", y);
        kernel.add(loop(kernel, "exponentials", "at")
                .addParameter(float.class, "shift", Modifier.FINAL)
                .addParameter(int.class, "parts", Modifier.FINAL)
                .addParameter(float.class, "shrunk", Modifier.FINAL)
                .addStatement("$1T sum = $1T.fromArray(F, local, parts).mul(shrunk)", Lanes.FLOAT_VECTOR)
                .beginControlFlow("for (int i = 0; i < count; i += LANES)")
                .addCode(strip.statements())
                .addStatement("sum = sum.add($L)", y)
                .endControlFlow()
                .addStatement("sum.intoArray(local, parts)"));
    }

    private static void addShrink(KernelClass kernel) {
        kernel.add(loop(kernel, "shrink", "at")
                .addParameter(float.class, "factor", Modifier.FINAL)
                .addCode(Loops.each(
                        kernel.library(),
                        "count",
                        strip -> strip.storeLocal(
                                DType.F32, "at", strip.mul(strip.loadLocal(DType.F32, "at"), strip.splat("factor"))))));
    }

    private static void addDrop(KernelClass kernel) {
        kernel.add(loop(kernel, "drop", "at")
                .addParameter(int.class, "uniforms", Modifier.FINAL)
                .addParameter(float.class, "threshold", Modifier.FINAL)
                .addParameter(float.class, "kept", Modifier.FINAL)
                .addCode(Loops.each(kernel.library(), "count", strip -> {
                    var factor = dropoutFactor(strip);
                    strip.storeLocal(DType.F32, "at", strip.mul(strip.loadLocal(DType.F32, "at"), factor));
                })));
    }

    /** 0 or {@code kept}, by the numbers in {@code uniforms}. */
    static CodeBlock dropoutFactor(Strip strip) {
        var out = strip.compare(
                Comparison.LT, strip.let(strip.loadLocal(DType.F32, "uniforms")), strip.splat("threshold"));
        return strip.select(out, strip.constant(0), strip.splat("kept"));
    }

    /** Of the softmax's denominators. */
    private static void addLogarithms(KernelClass kernel) {
        kernel.add(loop(kernel, "logarithms", "largest")
                .addParameter(int.class, "totals", Modifier.FINAL)
                .addParameter(long.class, "lse", Modifier.FINAL)
                .addCode(Loops.each(kernel.library(), "count", strip -> {
                    var logarithm = strip.call(JvmVectorMath.LOG, strip.let(strip.loadLocal(DType.F32, "totals")));
                    strip.store(DType.F32, "lse", strip.add(strip.loadLocal(DType.F32, "largest"), logarithm));
                })));
    }
}
