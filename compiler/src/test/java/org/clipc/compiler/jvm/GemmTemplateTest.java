package org.clipc.compiler.jvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.clipc.compiler.kernel.Access;
import org.clipc.compiler.kernel.Expr;
import org.clipc.compiler.kernel.KernelSpec.Gemm;
import org.clipc.compiler.kernel.KernelSpec.Operand;
import org.clipc.compiler.kernel.KernelSpec.Result;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.Target;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.DType;
import org.clipc.ir.UnaryFn;
import org.clipc.ir.interp.Scalars;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class GemmTemplateTest {

    private static final Expr SUM = new Expr.Arg(0, DType.F32);

    /** Sizes of a product. */
    private record Sizes(int b1, int b2, int m, int n, int k) {}

    @Test
    @Tag("kernels")
    void randomProducts() {
        var seed = System.nanoTime();
        var random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
        for (var target : TestTargets.allRenderings()) {
            for (var round = 0; round < 60; round++) {
                // Every way of computing it that a program may be tuned to, in turn.
                check(target, random, randomSizes(random), round, seed);
            }
        }
    }

    @Test
    void sizesAboutTheTilesAndBlocks() {
        var seed = System.nanoTime();
        var random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
        for (var bits : TestClasses.widths()) {
            var tile = GemmTile.of(bits);
            for (var m : List.of(1, tile.rows(), tile.rows() + 1, tile.blockRows(), tile.blockRows() + 1)) {
                for (var n : List.of(1, tile.columns() - 1, tile.columns(), 2 * tile.columns() + 1)) {
                    for (var k : List.of(1, 7, 8, tile.depth(), tile.depth() + 1)) {
                        check(new JvmTarget(bits), random, new Sizes(1, 1, m, n, k), random.nextInt(8), seed);
                    }
                }
            }
            // Several row blocks, joined stretches, several depth chunks.
            check(
                    new JvmTarget(bits),
                    random,
                    new Sizes(1, 1, 2 * tile.blockRows() + 5, tile.runColumns() + 50, 2 * tile.depth() + 3),
                    0,
                    seed);
        }
    }

    private static Sizes randomSizes(RandomGenerator random) {
        var sizes =
                List.of(1, 2, 3, 4, 5, 7, 8, 12, 13, 16, 23, 24, 25, 31, 48, 50, 64, 77, 97, 101, 145, 200, 289, 300);
        while (true) {
            var b1 = random.nextInt(4) == 0 ? 1 + random.nextInt(3) : 1;
            var b2 = random.nextInt(4) == 0 ? 1 + random.nextInt(4) : 1;
            var m = pick(random, sizes);
            var n = pick(random, sizes);
            var k = pick(random, sizes);
            if ((long) b1 * b2 * m * n * k < 3_000_000) {
                return new Sizes(b1, b2, m, n, k);
            }
        }
    }

    private static <T> T pick(RandomGenerator random, List<T> choices) {
        return choices.get(random.nextInt(choices.size()));
    }

    private static View factor(KernelLab lab, RandomGenerator random, DType dtype, int... dims) {
        var boxed = Arrays.stream(dims).boxed().toList();
        // Unit stride along one of the last two axes, anything along the others.
        var rowMajor = random.nextBoolean();
        var inner = rowMajor ? dims[3] : dims[2];
        var outer = rowMajor ? dims[2] : dims[3];
        long step = (long) inner + random.nextInt(3);
        var batch2 = random.nextInt(4) == 0 ? 0 : step * outer + random.nextInt(3);
        var batch1 = random.nextInt(4) == 0 ? 0 : batch2 * dims[1] + step * outer;
        var strides = List.of(batch1, batch2, rowMajor ? step : 1L, rowMajor ? 1L : step);
        var elements = batch1 * dims[0] + batch2 * dims[1] + step * outer + 3;
        var view = new View(lab.buffer(elements * dtype.bytes()), random.nextInt(3), dtype, boxed, strides);
        var values = new double[(int) view.elements()];
        Arrays.setAll(values, _ -> random.nextInt(-64, 65) / 64.0);
        lab.set(view, values);
        return view;
    }

    /** A product with a bias, a residual and two results, of values with which f32 arithmetic is exact. */
    private static void check(Target target, RandomGenerator random, Sizes sizes, int way, long seed) {
        try (var lab = new KernelLab(64 << 20)) {
            lab.choose(way);
            var dtypes = TestTargets.isCuda()
                    ? List.of(DType.F32, DType.BF16, DType.BF16, DType.BF16)
                    : TestTargets.among(List.of(DType.F32, DType.F32, DType.BF16));
            var rounded = TestTargets.orF32(DType.BF16);
            var a = factor(lab, random, pick(random, dtypes), sizes.b1, sizes.b2, sizes.m, sizes.k);
            var b = factor(lab, random, pick(random, dtypes), sizes.b1, sizes.b2, sizes.k, sizes.n);
            var dims = List.of(sizes.b1, sizes.b2, sizes.m, sizes.n);
            var operands = List.of(
                    new Operand(DType.F32, Access.CONTIGUOUS),
                    new Operand(pick(random, dtypes), pick(random, List.of(Access.values()))));
            var bias = new View(lab.buffer(4L * sizes.n), 0, DType.F32, dims, List.of(0L, 0L, 0L, 1L));
            var other = lab.view(random, operands.get(1), dims, true);
            for (var view : List.of(bias, other)) {
                var values = new double[(int) view.elements()];
                // Equal where the view broadcasts, whatever the order.
                Arrays.fill(values, random.nextInt(-8, 9));
                lab.set(view, values);
            }
            var sum = new Expr.Binary(BinaryFn.ADD, SUM, new Expr.Arg(1, DType.F32));
            var sign = new Expr.Unary(
                    UnaryFn.NEG,
                    new Expr.Binary(
                            BinaryFn.ADD, sum, new Expr.Arg(2, operands.get(1).dtype())));
            var spec = new Gemm(
                    a.dtype(),
                    b.dtype(),
                    a.stride(3) == 1,
                    b.stride(3) == 1,
                    operands,
                    List.of(new Result(DType.F32, sum), new Result(rounded, sign)));
            var outputs = List.of(output(lab, random, DType.F32, dims), output(lab, random, rounded, dims));
            var launch = new Launch(spec, List.of(a, b, bias, other), outputs, List.of());
            lab.run(target, launch, 2, random);

            var products = product(lab.get(a), lab.get(b), sizes);
            var biases = lab.get(bias);
            var others = lab.get(other);
            var first = new double[products.length];
            var second = new double[products.length];
            for (var i = 0; i < products.length; i++) {
                first[i] = products[i] + biases[i];
                second[i] = Scalars.round(rounded, -(first[i] + others[i]));
            }
            compare(first, lab.get(outputs.get(0)), target.name(), sizes, seed, launch);
            compare(second, lab.get(outputs.get(1)), target.name(), sizes, seed, launch);
        }
    }

    /**
     * Sums that are rounded before all else are kept rounded on some targets, and where they are a result they lie there; but
     * not where they would overwrite an operand.
     */
    @Test
    @Tag("kernels")
    void roundedSumsMayBeAResult() {
        var seed = System.nanoTime();
        var random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
        for (var target : TestTargets.all()) {
            for (var round = 0; round < 24; round++) {
                checkRounded(target, random, randomSizes(random), round, seed);
            }
        }
    }

    /** @param round which says how it is computed, and in place of which result the operand lies, if of any */
    private static void checkRounded(Target target, RandomGenerator random, Sizes sizes, int round, long seed) {
        try (var lab = new KernelLab(64 << 20)) {
            lab.choose(round);
            var rounded = TestTargets.orF32(DType.BF16);
            var a = factor(lab, random, rounded, sizes.b1, sizes.b2, sizes.m, sizes.k);
            var b = factor(lab, random, rounded, sizes.b1, sizes.b2, sizes.k, sizes.n);
            var dims = List.of(sizes.b1, sizes.b2, sizes.m, sizes.n);
            var outputs = List.of(output(lab, random, rounded, dims), output(lab, random, rounded, dims));
            var other = round / 4 % 3 < 2 ? outputs.get(round / 4 % 3) : output(lab, random, rounded, dims);
            var others = new double[(int) other.elements()];
            Arrays.setAll(others, _ -> random.nextInt(-8, 9));
            lab.set(other, others);
            var sum = new Expr.Convert(rounded, SUM);
            var value = new Expr.Binary(
                    BinaryFn.ADD,
                    new Expr.Convert(DType.F32, sum),
                    new Expr.Convert(DType.F32, new Expr.Arg(1, rounded)));
            var spec = new Gemm(
                    a.dtype(),
                    b.dtype(),
                    a.stride(3) == 1,
                    b.stride(3) == 1,
                    List.of(new Operand(rounded, Access.CONTIGUOUS)),
                    List.of(new Result(rounded, sum), new Result(rounded, new Expr.Convert(rounded, value))));
            var launch = new Launch(spec, List.of(a, b, other), outputs, List.of());
            lab.run(target, launch, 2, random);

            var products = product(lab.get(a), lab.get(b), sizes);
            var first = new double[products.length];
            var second = new double[products.length];
            for (var i = 0; i < products.length; i++) {
                first[i] = Scalars.round(rounded, products[i]);
                second[i] = Scalars.round(rounded, first[i] + others[i]);
            }
            compare(first, lab.get(outputs.get(0)), target.name(), sizes, seed, launch);
            compare(second, lab.get(outputs.get(1)), target.name(), sizes, seed, launch);
        }
    }

    private static View output(KernelLab lab, RandomGenerator random, DType dtype, List<Integer> dims) {
        long row = (long) dims.get(3) + random.nextInt(3);
        var matrix = row * dims.get(2) + random.nextInt(3);
        var strides = List.of(matrix * dims.get(1), matrix, row, 1L);
        var bytes = (matrix * dims.get(1) * dims.get(0) + 2) * dtype.bytes();
        return new View(lab.buffer(bytes), random.nextInt(2), dtype, dims, strides);
    }

    private static double[] product(double[] a, double[] b, Sizes s) {
        var c = new double[s.b1 * s.b2 * s.m * s.n];
        for (var batch = 0; batch < s.b1 * s.b2; batch++) {
            for (var i = 0; i < s.m; i++) {
                for (var k = 0; k < s.k; k++) {
                    var x = a[(batch * s.m + i) * s.k + k];
                    for (var j = 0; j < s.n; j++) {
                        c[(batch * s.m + i) * s.n + j] += x * b[(batch * s.k + k) * s.n + j];
                    }
                }
            }
        }
        return c;
    }

    private static void compare(double[] want, double[] got, String target, Sizes sizes, long seed, Launch launch) {
        for (var i = 0; i < want.length; i++) {
            if (want[i] != got[i]) {
                fail(
                        "%s for %s, seed %d: element %d is %s, not %s; %s",
                        sizes, target, seed, i, got[i], want[i], launch);
            }
        }
    }

    @Test
    void sumsDoNotDependOnThePartition() {
        var random = RandomGenerator.of("L64X128MixRandom");
        for (var bits : TestClasses.widths()) {
            try (var lab = new KernelLab(64 << 20)) {
                var a = lab.tensor(DType.F32, 1, 1, 301, 517);
                var b = lab.tensor(DType.F32, 1, 1, 517, 210);
                for (var view : List.of(a, b)) {
                    lab.set(view, random.doubles(view.elements(), -1, 1).toArray());
                }
                var results = new ArrayList<byte[]>();
                for (var threads = 1; threads <= 3; threads++) {
                    var c = lab.tensor(DType.F32, 1, 1, 301, 210);
                    var spec =
                            new Gemm(DType.F32, DType.F32, true, true, List.of(), List.of(new Result(DType.F32, SUM)));
                    var launch = new Launch(spec, List.of(a, b), List.of(c), List.of());
                    lab.run(new JvmTarget(bits), launch, threads, threads == 1 ? null : random);
                    results.add(lab.bytes(c));
                }
                assertThat(results.get(1)).isEqualTo(results.get(0));
                assertThat(results.get(2)).isEqualTo(results.get(0));
            }
        }
    }

    /** So much of A is packed before that it takes several parts, which share what is packed of B. */
    @Test
    void partsOfA() {
        var random = RandomGenerator.of("L64X128MixRandom");
        var sizes = new Sizes(1, 1, 1400, 400, 8192);
        for (var bits : TestClasses.widths()) {
            try (var lab = new KernelLab(80 << 20)) {
                var a = lab.tensor(DType.F32, 1, 1, sizes.m, sizes.k);
                var b = lab.tensor(DType.F32, 1, 1, sizes.k, sizes.n);
                for (var view : List.of(a, b)) {
                    lab.set(
                            view,
                            random.ints(view.elements(), -8, 9).asDoubleStream().toArray());
                }
                var c = lab.tensor(DType.F32, 1, 1, sizes.m, sizes.n);
                var spec = new Gemm(DType.F32, DType.F32, true, true, List.of(), List.of(new Result(DType.F32, SUM)));
                var launch = new Launch(spec, List.of(a, b), List.of(c), List.of());
                assertThat(GemmPlan.parts(GemmTile.of(bits), launch, 0)).hasSize(2);
                var target = new JvmTarget(bits);
                lab.run(target, launch, 2, random);
                var got = lab.get(c);
                var lhs = lab.get(a);
                var rhs = lab.get(b);
                for (var row = 0; row < sizes.m; row = row < 690 || row > 710 ? row + 23 : row + 1) {
                    var few = new Sizes(1, 1, 1, sizes.n, sizes.k);
                    var want = product(Arrays.copyOfRange(lhs, row * sizes.k, (row + 1) * sizes.k), rhs, few);
                    var of = Arrays.copyOfRange(got, row * sizes.n, (row + 1) * sizes.n);
                    compare(want, of, target.name() + ", row " + row, sizes, 0, launch);
                }
            }
        }
    }

    /** A program that is tuned changes the arguments of its calls, not which kernels they run. */
    @Test
    void everyCutMakesTheSameCalls() {
        var random = RandomGenerator.of("L64X128MixRandom");
        var sizes = List.of(1, 40, 90, 145, 200, 300, 1600, 40_000);
        for (var round = 0; round < 200; round++) {
            var batch = pick(random, List.of(1, 3, 400));
            var s = new Sizes(1, batch, pick(random, sizes), pick(random, sizes), pick(random, sizes));
            var a = new View(
                    0, 0, DType.F32, List.of(1, batch, s.m, s.k), List.of(0L, (long) s.m * s.k, (long) s.k, 1L));
            var b = new View(
                    1, 0, DType.F32, List.of(1, batch, s.k, s.n), List.of(0L, (long) s.k * s.n, (long) s.n, 1L));
            var c = new View(
                    2, 0, DType.F32, List.of(1, batch, s.m, s.n), List.of(0L, (long) s.m * s.n, (long) s.n, 1L));
            var spec = new Gemm(DType.F32, DType.F32, true, true, List.of(), List.of(new Result(DType.F32, SUM)));
            var launch = new Launch(spec, List.of(a, b), List.of(c), List.of());
            for (var bits : List.of(128, 256, 512)) {
                var tile = GemmTile.of(bits);
                var expected = packings(tile, launch);
                for (var cut : tile.otherCuts()) {
                    assertThat(packings(cut, launch)).as("%s cut %s", s, cut).isEqualTo(expected);
                }
            }
        }
    }

    /** A default that is none of the options would be dropped without a word. */
    @Test
    void defaultsAreOptions() {
        for (var bits : List.of(128, 256, 512)) {
            var tile = GemmTile.of(bits);
            var options = tile.otherCuts().stream().map(GemmTile::cut).toList();
            assertThat(options)
                    .doesNotHaveDuplicates()
                    .doesNotContain(tile.cut())
                    .containsAll(tile.defaults().values());
        }
        assertThat(GemmTile.of(512).defaults()).isEqualTo(Map.of(49152, "256x288x384 untouched"));
    }

    /** How many operands each part packs before. */
    private static List<Integer> packings(GemmTile cut, Launch launch) {
        return GemmPlan.parts(cut, launch, 0).stream()
                .map(part -> part.packings().size())
                .toList();
    }

    @Test
    void tooDeep() {
        var depth = 1 << 27;
        var a = new View(0, 0, DType.F32, List.of(1, 1, 1, depth), List.of(0L, 0L, 0L, 1L));
        var b = new View(1, 0, DType.F32, List.of(1, 1, depth, 1), List.of(0L, 0L, 1L, 1L));
        var c = new View(2, 0, DType.F32, List.of(1, 1, 1, 1), List.of(0L, 0L, 0L, 1L));
        var spec = new Gemm(DType.F32, DType.F32, true, true, List.of(), List.of(new Result(DType.F32, SUM)));
        var launch = new Launch(spec, List.of(a, b), List.of(c), List.of());
        assertThatThrownBy(() -> GemmPlan.parts(GemmTile.of(256), launch, 0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("a product cannot sum up 134217728 terms");
    }
}
