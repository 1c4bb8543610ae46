package org.clipc.compiler.jvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.clipc.compiler.kernel.Access;
import org.clipc.compiler.kernel.Expr;
import org.clipc.compiler.kernel.KernelSpec.Elementwise;
import org.clipc.compiler.kernel.KernelSpec.Operand;
import org.clipc.compiler.kernel.KernelSpec.Result;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.DType;
import org.clipc.ir.UnaryFn;
import org.clipc.ir.interp.Scalars;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ElementwiseTemplateTest {

    private static final List<DType> DTYPES =
            TestTargets.among(List.of(DType.F32, DType.F32, DType.F32, DType.BF16, DType.F16, DType.I32, DType.BOOL));

    /** Numbers of bf16 whose order is easily wrong. */
    static final double[] EXTREMES = {
        0.0, -0.0, Double.NaN, 1, -1, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, 0x1p-126, -0x1p-126
    };

    /** A launch with what its results must be. */
    private record Case(Launch launch, List<double[]> want) {}

    @Test
    @Tag("kernels")
    void randomExpressionsOverRandomStridesAreExact() {
        var seed = System.nanoTime();
        var random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
        for (var target : TestTargets.all()) {
            try (var lab = new KernelLab(64 << 20)) {
                var cases = IntStream.range(0, 16)
                        .mapToObj(i -> randomCase(lab, random, 1 << (i % 4)))
                        .toList();
                cases.forEach(c -> lab.plan(target, c.launch));
                for (var c : cases) {
                    lab.run(target, c.launch, 3, random);
                    for (var i = 0; i < c.want.size(); i++) {
                        var got = lab.get(c.launch.outputs().get(i));
                        assertThat(got)
                                .as("result %d of %s, %s, seed %d", i, c.launch, target.name(), seed)
                                .containsExactly(c.want.get(i), within(0.0));
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @Tag("kernels")
    @EnumSource(names = {"I32", "F32"})
    void negatesNumbersBelowZero(DType dtype) {
        var value = new Expr.Binary(
                BinaryFn.ADD, new Expr.Arg(0, dtype), new Expr.Unary(UnaryFn.NEG, new Expr.Const(-3, dtype)));
        var operand = new Operand(dtype, Access.CONTIGUOUS);
        var spec = new Elementwise(1, List.of(operand), List.of(new Result(dtype, value)), List.of(Access.CONTIGUOUS));
        for (var target : TestTargets.all()) {
            try (var lab = new KernelLab(1 << 20)) {
                var x = lab.tensor(dtype, new double[] {1, -7, 0}, 3);
                var y = lab.tensor(dtype, 3);
                lab.run(target, new Launch(spec, List.of(x), List.of(y), List.of()));
                assertThat(lab.get(y)).as(target.name()).containsExactly(4, -4, 3);
            }
        }
    }

    /** IEEE 754's minimum and maximum: -0 is less than 0, and NaN wins. */
    @ParameterizedTest
    @Tag("kernels")
    @EnumSource(names = {"MAX", "MIN"})
    void extremesOfZerosAndNaN(BinaryFn fn) {
        var n = EXTREMES.length;
        var left = new double[n * n];
        var right = new double[n * n];
        var want = new Double[n * n];
        for (var i = 0; i < n * n; i++) {
            left[i] = EXTREMES[i / n];
            right[i] = EXTREMES[i % n];
            want[i] = Scalars.binary(fn, DType.F32, left[i], right[i]);
        }
        for (var dtype : TestTargets.among(List.of(DType.F32, DType.BF16))) {
            var operand = new Operand(dtype, Access.CONTIGUOUS);
            var value = new Expr.Binary(fn, new Expr.Arg(0, dtype), new Expr.Arg(1, dtype));
            var spec = new Elementwise(
                    1, List.of(operand, operand), List.of(new Result(dtype, value)), List.of(Access.CONTIGUOUS));
            for (var target : TestTargets.allRenderings()) {
                try (var lab = new KernelLab(1 << 20)) {
                    var inputs = List.of(lab.tensor(dtype, left, n * n), lab.tensor(dtype, right, n * n));
                    var y = lab.tensor(dtype, n * n);
                    lab.run(target, new Launch(spec, inputs, List.of(y), List.of()));
                    // As objects: these tell zeros apart, and NaN is equal to itself.
                    assertThat(Arrays.stream(lab.get(y)).boxed())
                            .as("%s of %s, %s", fn, dtype, target.name())
                            .containsExactly(want);
                }
            }
        }
    }

    /** Exponents are also such as no loop may count up to; the least number divided by -1 is itself, as its negative is. */
    @ParameterizedTest
    @Tag("kernels")
    @EnumSource(names = {"DIV", "POW"})
    void quotientsAndPowersOfIntegers(BinaryFn fn) {
        var firsts = new int[] {0, 1, -1, 2, -2, 3, -7, 10, 46341, 1 << 16, Integer.MAX_VALUE, Integer.MIN_VALUE};
        var seconds = new int[] {
            0, 1, 2, 3, 9, 10, 31, 32, 33, -1, -2, -3, 2_000_000_000, Integer.MAX_VALUE, Integer.MIN_VALUE
        };
        var n = firsts.length * seconds.length;
        var left = new double[n];
        var right = new double[n];
        var want = new double[n];
        for (var i = 0; i < n; i++) {
            left[i] = firsts[i / seconds.length];
            right[i] = seconds[i % seconds.length];
            want[i] = Scalars.binary(fn, DType.I32, left[i], right[i]);
        }
        var operand = new Operand(DType.I32, Access.CONTIGUOUS);
        var value = new Expr.Binary(fn, new Expr.Arg(0, DType.I32), new Expr.Arg(1, DType.I32));
        var spec = new Elementwise(
                1, List.of(operand, operand), List.of(new Result(DType.I32, value)), List.of(Access.CONTIGUOUS));
        for (var target : TestTargets.allRenderings()) {
            try (var lab = new KernelLab(1 << 20)) {
                var inputs = List.of(lab.tensor(DType.I32, left, n), lab.tensor(DType.I32, right, n));
                var y = lab.tensor(DType.I32, n);
                lab.run(target, new Launch(spec, inputs, List.of(y), List.of()));
                assertThat(lab.get(y)).as("%s, %s", fn, target.name()).containsExactly(want);
            }
        }
    }

    /** @param step as {@link KernelLab#view} takes it: places that accesses of several elements need, or do not find */
    private static Case randomCase(KernelLab lab, RandomGenerator random, int step) {
        var dims = randomDims(random);
        var operands = new ArrayList<Operand>();
        var inputs = new ArrayList<View>();
        var leaves = new ArrayList<Expr>();
        for (var i = 0; i < 1 + random.nextInt(4); i++) {
            var operand = new Operand(pick(random, DTYPES), pick(random, List.of(Access.values())));
            operands.add(operand);
            var view = lab.view(random, operand, dims, true, step);
            lab.fill(random, view);
            inputs.add(view);
            leaves.add(new Expr.Arg(i, operand.dtype()));
        }
        leaves.add(new Expr.Index(random.nextInt(dims.size())));
        leaves.add(new Expr.Attribute(1, pick(random, List.of(DType.F32, DType.I32))));
        if (random.nextInt(3) == 0) {
            operands.add(new Operand(DType.I32, Access.SPLAT));
            var key = new double[] {random.nextInt(), random.nextInt(), random.nextInt(1 << 30)};
            inputs.add(lab.tensor(DType.I32, key, 3));
            leaves.add(new Expr.Uniform(operands.size() - 1, 0, random.nextInt(2) * 3 - 1));
        }
        var attributes =
                List.of((double) random.nextInt(1000), (double) random.nextInt(7), (double) random.nextInt(1 << 20));
        var exprs = new RandomExprs(random, leaves);
        var results = new ArrayList<Result>();
        var stores = new ArrayList<Access>();
        var outputs = new ArrayList<View>();
        for (var i = 0; i < 1 + random.nextInt(3); i++) {
            var dtype = pick(random, DTYPES);
            var access = random.nextInt(6) == 0 ? Access.STRIDED : Access.CONTIGUOUS;
            results.add(new Result(dtype, exprs.next(dtype, TestTargets.isTornado() ? 2 : 4)));
            stores.add(access);
            outputs.add(lab.view(random, new Operand(dtype, access), dims, false, step));
        }
        var spec = new Elementwise(dims.size(), operands, results, stores);
        var launch = new Launch(spec, inputs, outputs, attributes);
        return new Case(launch, oracle(lab, launch));
    }

    private static List<double[]> oracle(KernelLab lab, Launch launch) {
        var spec = (Elementwise) launch.spec();
        var dims = launch.outputs().getFirst().dims();
        var values = launch.inputs().stream().map(lab::get).toList();
        var elements = (int) launch.outputs().getFirst().elements();
        var want = new double[spec.results().size()][elements];
        for (var e = 0; e < elements; e++) {
            var element = e;
            var at = ExprOracle.leaves(launch, values, element, axis -> index(dims, element, axis));
            for (var i = 0; i < want.length; i++) {
                var result = spec.results().get(i);
                var value = ExprOracle.eval(result.value(), at);
                want[i][e] = Scalars.round(result.dtype(), result.dtype() == DType.F32 ? (float) value : value);
            }
        }
        return List.of(want);
    }

    private static int index(List<Integer> dims, int element, int axis) {
        var inner = dims.subList(axis + 1, dims.size()).stream().reduce(1, (a, b) -> a * b);
        return element / inner % dims.get(axis);
    }

    private static List<Integer> randomDims(RandomGenerator random) {
        var choices = List.of(1, 2, 3, 5, 7, 8, 16, 17, 33, 64, 67, 130);
        while (true) {
            var dims = random.ints(1 + random.nextInt(4), 0, choices.size())
                    .mapToObj(choices::get)
                    .toList();
            if (dims.stream().reduce(1, (a, b) -> a * b) < 6_000) {
                return random.nextInt(6) == 0 ? List.of(20_011) : dims;
            }
        }
    }

    private static <T> T pick(RandomGenerator random, List<T> list) {
        return list.get(random.nextInt(list.size()));
    }

    @ParameterizedTest
    @EnumSource(
            value = UnaryFn.class,
            names = {"EXP", "LOG", "TANH", "ERF", "SIGMOID", "SOFTPLUS", "SIN", "COS"})
    @Tag("kernels")
    void transcendentalFunctionsAreAccurate(UnaryFn fn) {
        var random = RandomGenerator.of("L64X128MixRandom");
        var in = random.doubles(1003, fn == UnaryFn.LOG ? 1e-3 : -8, 8)
                .map(x -> (float) x)
                .toArray();
        // OpenCL allows 3 units in the last place for exp and log, 4 for sin and cos, 5 for tanh.
        var tolerance = TestTargets.isTornado() ? 2e-6 : 3e-7;
        for (var target : TestTargets.all()) {
            try (var lab = new KernelLab(1 << 20)) {
                var x = lab.tensor(DType.F32, in, in.length);
                var y = lab.tensor(DType.F32, in.length);
                lab.run(target, map(new Expr.Unary(fn, new Expr.Arg(0, DType.F32)), x, y));
                var got = lab.get(y);
                for (var i = 0; i < in.length; i++) {
                    var want = Scalars.unary(fn, DType.F32, in[i]);
                    assertThat(Math.abs(got[i] - want))
                            .as("%s(%s) = %s, want %s", fn, in[i], got[i], want)
                            .isLessThan(tolerance * Math.max(Math.abs(want), fn == UnaryFn.LOG ? 0.1 : 0.3));
                }
            }
        }
    }

    private static Launch map(Expr expr, View x, View y) {
        var spec = new Elementwise(
                x.dims().size(),
                List.of(new Operand(x.dtype(), Access.CONTIGUOUS)),
                List.of(new Result(y.dtype(), expr)),
                List.of(Access.CONTIGUOUS));
        return new Launch(spec, List.of(x), List.of(y), List.of());
    }

    @Test
    void resultsMayReplaceOperands() {
        var in = IntStream.range(0, 50_000).mapToDouble(i -> i % 977).toArray();
        var twice = new Expr.Binary(BinaryFn.ADD, new Expr.Arg(0, DType.F32), new Expr.Arg(0, DType.F32));
        for (var bits : TestClasses.widths()) {
            try (var lab = new KernelLab(1 << 20)) {
                var x = lab.tensor(DType.F32, in, in.length);
                lab.run(new JvmTarget(bits), map(twice, x, x), 2, RandomGenerator.getDefault());
                assertThat(lab.get(x))
                        .containsExactly(Arrays.stream(in).map(v -> 2 * v).toArray());
            }
        }
    }

    @Test
    void bfloat16RoundsToNearestEvenAndKeepsNan() {
        var in = new double[] {
            1, 1 + 0x1p-8, 1 + 3 * 0x1p-8, -1 - 0x1.8p-8, 1e-40, 3.4e38, Double.POSITIVE_INFINITY, Double.NaN
        };
        var many =
                IntStream.range(0, 64 + 7).mapToDouble(i -> in[i % in.length]).toArray();
        for (var bits : TestClasses.widths()) {
            try (var lab = new KernelLab(1 << 16)) {
                var x = lab.tensor(DType.F32, many, many.length);
                var y = lab.tensor(DType.BF16, many.length);
                lab.run(new JvmTarget(bits), map(new Expr.Arg(0, DType.F32), x, y));
                assertThat(lab.get(y))
                        .containsExactly(Arrays.stream(many)
                                .map(v -> Scalars.round(DType.BF16, v))
                                .toArray());
            }
        }
    }

    @Test
    @Tag("kernels")
    void resultsMayReplaceOperandsOfAnySize() {
        for (var dtype : TestTargets.among(List.of(DType.F32, DType.BF16))) {
            var twice = new Expr.Binary(BinaryFn.ADD, new Expr.Arg(0, dtype), new Expr.Arg(0, dtype));
            for (var count : new int[] {8 * 257, 2 * 1025, 2053}) {
                var in = IntStream.range(0, count).mapToDouble(i -> i % 127).toArray();
                for (var target : TestTargets.all()) {
                    try (var lab = new KernelLab(1 << 20)) {
                        var x = lab.tensor(dtype, in, count);
                        lab.run(target, map(twice, x, x));
                        assertThat(lab.get(x))
                                .as("%d of %s, %s", count, dtype, target.name())
                                .containsExactly(
                                        Arrays.stream(in).map(v -> 2 * v).toArray());
                    }
                }
            }
        }
    }

    /** With rounding as the last step or before others, alone and together with neighbours. */
    @Test
    @Tag("kernels")
    void roundsToBfloat16Everywhere() {
        var in = new double[] {
            1, 1 + 0x1p-8, 1 + 3 * 0x1p-8, -1 - 0x1.8p-8, 1e-40, 3.4e38, Double.POSITIVE_INFINITY, Double.NaN, -0.0
        };
        var x = new Expr.Arg(0, DType.F32);
        var rounded = new Expr.Convert(DType.BF16, x);
        for (var count : new int[] {72, 71}) {
            var many = IntStream.range(0, count)
                    .mapToDouble(i -> (float) in[i % in.length])
                    .toArray();
            var want = Arrays.stream(many)
                    .map(v -> Scalars.round(DType.BF16, v))
                    .boxed()
                    .toArray(Double[]::new);
            for (var target : TestTargets.allRenderings()) {
                for (var expr : List.of(x, rounded, new Expr.Convert(DType.F32, rounded))) {
                    try (var lab = new KernelLab(1 << 16)) {
                        var operand = lab.tensor(DType.F32, many, count);
                        var y = lab.tensor(expr.equals(x) ? DType.BF16 : expr.dtype(), count);
                        lab.run(target, map(expr, operand, y));
                        assertThat(Arrays.stream(lab.get(y)).boxed())
                                .as("%s of %d, %s", expr, count, target.name())
                                .containsExactly(want);
                    }
                }
            }
        }
    }

    /** Functions of which results are rounded to bf16 may be less exact, but not by what shows. */
    @ParameterizedTest
    @EnumSource(
            value = UnaryFn.class,
            names = {"EXP", "TANH", "ERF", "SIGMOID", "RECIPROCAL", "RSQRT"})
    @Tag("kernels")
    void functionsOfBfloat16AreAccurate(UnaryFn fn) {
        var random = RandomGenerator.of("L64X128MixRandom");
        var in = DoubleStream.concat(
                        DoubleStream.of(EXTREMES),
                        IntStream.range(0, 1015)
                                .mapToDouble(_ -> (random.nextBoolean() || fn == UnaryFn.RSQRT ? 1 : -1)
                                        * Math.pow(2, random.nextDouble(-20, 7))))
                .map(x -> (float) x)
                .toArray();
        for (var target : TestTargets.all()) {
            try (var lab = new KernelLab(1 << 20)) {
                var x = lab.tensor(DType.F32, in, in.length);
                var y = lab.tensor(DType.BF16, in.length);
                lab.run(target, map(new Expr.Unary(fn, new Expr.Arg(0, DType.F32)), x, y));
                var got = lab.get(y);
                for (var i = 0; i < in.length; i++) {
                    var want = Scalars.unary(fn, DType.F32, in[i]);
                    if (Double.isFinite((float) want)) {
                        assertThat(got[i])
                                .as("%s(%s)", fn, in[i])
                                .isCloseTo(want, within(0x1.02p-8 * Math.abs(want) + 0x1p-125));
                    } else {
                        assertThat(got[i]).as("%s(%s)", fn, in[i]).isEqualTo(Double.valueOf((float) want));
                    }
                }
            }
        }
    }

    @Test
    void equalSpecsShareOneKernelAndItsSourceReadsWell() {
        var x = new Expr.Arg(0, DType.F32);
        var gelu = new Expr.Binary(BinaryFn.MUL, x, new Expr.Unary(UnaryFn.SIGMOID, x));
        var other = new Expr.Binary(BinaryFn.MUL, new Expr.Arg(0, DType.F32), new Expr.Unary(UnaryFn.SIGMOID, x));
        try (var lab = new KernelLab(1 << 16)) {
            var target = new JvmTarget(256);
            var names = new ArrayList<String>();
            for (var expr : List.of(gelu, other)) {
                var launch = map(expr, lab.tensor(DType.F32, 10), lab.tensor(DType.F32, 10));
                names.addAll(lab.kernels(target, launch));
            }
            assertThat(names).hasSize(2);
            assertThat(names.get(0))
                    .startsWith("org.clipc.kernels.jvm256.Elementwise_")
                    .isEqualTo(names.get(1));
            assertThat(KernelLab.source(names.get(0)))
                    .contains("Elementwise over 1 axes, (f32) -> (f32): mul(x0:f32, sigmoid(x0:f32))")
                    .contains("public static void run(");
        }
    }
}
