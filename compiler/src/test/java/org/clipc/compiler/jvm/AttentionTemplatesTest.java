package org.clipc.compiler.jvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.clipc.compiler.kernel.KernelSpec;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.Target;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.DType;
import org.clipc.ir.Op;
import org.clipc.ir.Shape;
import org.clipc.ir.ShapeRules;
import org.clipc.ir.TensorType;
import org.clipc.ir.interp.Interpreter;
import org.clipc.ir.interp.Tensor64;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Attention and its gradient against the interpreter, which writes all probabilities out. */
class AttentionTemplatesTest {

    private record Sizes(int batch, int heads, int queries, int keys, int depth) {

        long products() {
            return (long) batch * heads * queries * keys * depth;
        }
    }

    private record Variant(DType dtype, boolean causal, double scale, double dropout, int stream) {

        Op.Attention op(Sizes sizes) {
            return new Op.Attention(sizes.heads, causal, scale, dropout, stream);
        }

        Op.AttentionGrad gradOp(Sizes sizes) {
            return new Op.AttentionGrad(sizes.heads, causal, scale, dropout, stream);
        }

        List<Double> attributes() {
            return List.of(scale, dropout, (double) stream);
        }
    }

    private static final List<Integer> COUNTS =
            List.of(1, 2, 3, 4, 5, 7, 8, 9, 13, 16, 17, 31, 50, 64, 65, 67, 77, 101, 137, 145, 197, 257, 289);
    private static final List<Integer> DEPTHS = List.of(1, 2, 3, 5, 7, 8, 9, 13, 16, 23, 32, 64, 80, 88, 97, 145, 160);

    /** No operand is farther from zero. */
    private static final double MOST = 1.5;

    private final long seed = System.nanoTime();
    private final RandomGenerator random = new Random(seed);

    @Test
    @Tag("kernels")
    void agreesWithTheInterpreterForAnyPartitionOfItsUnits() {
        for (var target : TestTargets.allRenderings()) {
            for (var round = 0; round < (TestTargets.isTornado() ? 10 : 40); round++) {
                check(target, sizes(500_000), variant());
            }
        }
    }

    /** Slow where the machine has no vectors that wide, but no less right. */
    @Test
    void agreesOnTheWidestVectors() {
        for (var round = 0; round < 4; round++) {
            check(new JvmTarget(512), sizes(20_000), variant());
        }
    }

    @Test
    void sizesAboutTheBlocks() {
        for (var bits : TestClasses.widths()) {
            var most = AttentionTiles.STRIDE - bits / Float.SIZE;
            for (var keys : List.of(most - 1, most, most + 1, 2 * most, 2 * most + 1)) {
                check(new JvmTarget(bits), new Sizes(1, 2, keys, keys, 24), variant());
                check(new JvmTarget(bits), new Sizes(2, 1, 70, keys, 8), variant());
            }
        }
    }

    /** Of several blocks and tiles, the last of which are full or nearly empty; of few and many warps. */
    @Test
    @Tag("kernels")
    void lengthsOfClip() {
        for (var target : TestTargets.all()) {
            for (var length : List.of(50, 64, 77, 192, 197, 257)) {
                check(target, new Sizes(1, 2, length, length, 64), withoutDropout(random.nextBoolean()));
            }
            check(target, new Sizes(1, 1, 100, 100, 128), withoutDropout(false));
            check(target, new Sizes(1, 1, 20, 150, 128), withoutDropout(true));
        }
    }

    private Variant withoutDropout(boolean causal) {
        return new Variant(TestTargets.orF32(DType.BF16), causal, 0.1 + random.nextDouble(), 0, 0);
    }

    private Sizes sizes(long most) {
        while (true) {
            var sizes =
                    new Sizes(1 + random.nextInt(3), 1 + random.nextInt(4), pick(COUNTS), pick(COUNTS), pick(DEPTHS));
            var sized = random.nextBoolean()
                    ? sizes
                    : new Sizes(sizes.batch, sizes.heads, sizes.queries, sizes.queries, sizes.depth);
            if (sized.products() <= most) {
                return sized;
            }
        }
    }

    private Variant variant() {
        return new Variant(
                TestTargets.orF32(random.nextInt(3) < (TestTargets.isCuda() ? 2 : 1) ? DType.BF16 : DType.F32),
                random.nextBoolean(),
                0.1 + random.nextDouble(),
                random.nextInt(3) == 0 ? 0.25 : 0,
                random.nextInt(50));
    }

    private int pick(List<Integer> choices) {
        return choices.get(random.nextInt(choices.size()));
    }

    /** A tensor [batch, rows, heads, depth], its outer axes in any order in memory, with gaps. */
    private View heads(KernelLab lab, DType dtype, Sizes sizes, int rows) {
        var dims = List.of(sizes.batch, rows, sizes.heads, sizes.depth);
        var axes = new ArrayList<>(List.of(0, 1, 2));
        Collections.shuffle(axes, Random.from(random));
        var strides = new Long[] {0L, 0L, 0L, 1L};
        // Without gaps, some kernels load many elements at once.
        var gap = random.nextBoolean() ? 1 : 3;
        var stride = (long) sizes.depth + random.nextInt(gap);
        for (var axis : axes) {
            strides[axis] = stride;
            stride = stride * dims.get(axis) + random.nextInt(gap);
        }
        var offset = random.nextInt(gap);
        return new View(lab.buffer((stride + offset) * dtype.bytes()), offset, dtype, dims, List.of(strides));
    }

    private View filled(KernelLab lab, DType dtype, Sizes sizes, int rows) {
        var view = heads(lab, dtype, sizes, rows);
        lab.set(view, random.doubles(view.elements(), -MOST, MOST).toArray());
        return view;
    }

    /** A seed, of one rank or of one of several, which share the heads of some samples. */
    private View key(KernelLab lab, Sizes sizes) {
        if (random.nextBoolean()) {
            return lab.tensor(DType.I32, new double[] {random.nextInt(), random.nextInt()}, 2);
        }
        var all = sizes.heads * (1 + random.nextInt(3));
        var first = random.nextInt(100) * sizes.heads;
        return lab.tensor(DType.I32, new double[] {random.nextInt(), random.nextInt(), first, all}, 4);
    }

    private void check(Target target, Sizes sizes, Variant variant) {
        try (var lab = new KernelLab(32 << 20)) {
            var dtype = variant.dtype;
            var q = filled(lab, dtype, sizes, sizes.queries);
            var k = filled(lab, dtype, sizes, sizes.keys);
            var v = filled(lab, dtype, sizes, sizes.keys);
            var o = heads(lab, dtype, sizes, sizes.queries);
            var lse = lab.tensor(DType.F32, sizes.batch, sizes.heads, sizes.queries);
            var key = key(lab, sizes);
            var dropout = variant.dropout > 0;
            var inputs = dropout ? List.of(q, k, v, key) : List.of(q, k, v);
            var forward = new Launch(
                    new KernelSpec.Attention(dtype, variant.causal, dropout),
                    inputs,
                    List.of(o, lse),
                    variant.attributes());
            check(target, lab, variant.op(sizes), forward);

            var g = filled(lab, dtype, sizes, sizes.queries);
            var gradInputs = dropout ? List.of(g, q, k, v, o, lse, key) : List.of(g, q, k, v, o, lse);
            var gradients = List.of(
                    heads(lab, dtype, sizes, sizes.queries),
                    heads(lab, dtype, sizes, sizes.keys),
                    heads(lab, dtype, sizes, sizes.keys));
            var backward = new Launch(
                    new KernelSpec.AttentionGrad(dtype, variant.causal, dropout),
                    gradInputs,
                    gradients,
                    variant.attributes());
            check(target, lab, variant.gradOp(sizes), backward);
        }
    }

    private void check(Target target, KernelLab lab, Op op, Launch launch) {
        var operands = launch.inputs().stream()
                .map(view -> Tensor64.of(type(view), lab.get(view)))
                .toList();
        var types = ShapeRules.infer(op, operands.stream().map(Tensor64::type).toList());
        var want = Interpreter.apply(op, operands, types);
        lab.run(target, launch, 3, random);
        for (var i = 0; i < want.size(); i++) {
            var exact = want.get(i).data();
            var got = lab.get(launch.outputs().get(i));
            var largest = Arrays.stream(exact).map(Math::abs).max().orElse(0);
            var rounding = launch.outputs().get(i).dtype() == DType.BF16 ? 0x1p-7 : 0;
            var cancelled = cancelled(launch);
            for (var e = 0; e < got.length; e++) {
                // Gradients are sums over hundreds of rows, which may cancel to nothing. Tensor cores take
                // probabilities, and
                // their changes, in bf16 too.
                var rounded = TestTargets.isCuda() ? largest : Math.abs(exact[e]);
                var tolerance = 5e-5 * Math.max(1, largest) + rounding * rounded + cancelled;
                if (!(Math.abs(got[e] - exact[e]) <= tolerance)) {
                    fail("%s instead of %s: element %d of result %d of %s, %s, for %s, seed %d"
                            .formatted(got[e], exact[e], e, i, op, launch, target.name(), seed));
                }
            }
        }
    }

    /**
     * What rounding may leave of changes of scores that cancel, as where a row has one key: differences of sums over the depth
     * of products of numbers below {@value #MOST}, each with an error of f32; those of all rows, times an operand, add up as a
     * random walk does.
     */
    private static double cancelled(Launch launch) {
        if (!(launch.spec() instanceof KernelSpec.AttentionGrad)) {
            return 0;
        }
        var q = launch.inputs().get(1);
        var rows = Math.max(q.dim(1), launch.inputs().get(2).dim(1));
        var scale = launch.attributes().get(0);
        var dropout = launch.attributes().get(1);
        return 0x1p-24 * MOST * MOST * q.dim(3) / (1 - dropout) * MOST * scale * Math.sqrt(rows);
    }

    /** [b, s, heads, d] counts as [b, s, heads·d]. */
    private static TensorType type(View view) {
        var dims = view.dims();
        var shape = dims.size() == 4 ? Shape.of(dims.get(0), dims.get(1), dims.get(2) * dims.get(3)) : new Shape(dims);
        return new TensorType(view.dtype(), shape);
    }

    @Test
    void resultsDoNotDependOnThePartition() {
        for (var bits : TestClasses.widths()) {
            try (var lab = new KernelLab(32 << 20)) {
                var sizes = new Sizes(2, 3, 149, 160, 40);
                var inputs = IntStream.of(sizes.queries, sizes.keys, sizes.keys)
                        .mapToObj(rows -> filled(lab, DType.F32, sizes, rows))
                        .toList();
                var g = filled(lab, DType.F32, sizes, sizes.queries);
                var results = new ArrayList<List<byte[]>>();
                for (var threads = 1; threads <= 3; threads++) {
                    results.add(run(lab, bits, sizes, inputs, g, threads));
                }
                for (var i = 0; i < results.getFirst().size(); i++) {
                    assertThat(results.get(1).get(i)).isEqualTo(results.get(0).get(i));
                    assertThat(results.get(2).get(i)).isEqualTo(results.get(0).get(i));
                }
            }
        }
    }

    private List<byte[]> run(KernelLab lab, int bits, Sizes sizes, List<View> inputs, View g, int threads) {
        var target = new JvmTarget(bits);
        var partition = threads == 1 ? null : random;
        var o = lab.tensor(DType.F32, sizes.batch, sizes.queries, sizes.heads, sizes.depth);
        var lse = lab.tensor(DType.F32, sizes.batch, sizes.heads, sizes.queries);
        var attributes = List.of(0.3, 0.0, 0.0);
        var spec = new KernelSpec.Attention(DType.F32, true, false);
        lab.run(target, new Launch(spec, inputs, List.of(o, lse), attributes), threads, partition);
        var gradients = IntStream.of(sizes.queries, sizes.keys, sizes.keys)
                .mapToObj(rows -> lab.tensor(DType.F32, sizes.batch, rows, sizes.heads, sizes.depth))
                .toList();
        var gradInputs = List.of(g, inputs.get(0), inputs.get(1), inputs.get(2), o, lse);
        var grad = new KernelSpec.AttentionGrad(DType.F32, true, false);
        lab.run(target, new Launch(grad, gradInputs, gradients, attributes), threads, partition);
        return IntStream.range(0, 5)
                .mapToObj(i -> lab.bytes(i == 0 ? o : i == 1 ? lse : gradients.get(i - 2)))
                .toList();
    }
}
