package org.clipc.compiler.jvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.clipc.compiler.kernel.Access;
import org.clipc.compiler.kernel.Expr;
import org.clipc.compiler.kernel.KernelSpec.Combine;
import org.clipc.compiler.kernel.KernelSpec.Operand;
import org.clipc.compiler.kernel.KernelSpec.Reduce;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.DType;
import org.clipc.ir.ReduceFn;
import org.clipc.ir.interp.Scalars;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ReduceTemplateTest {

    private static final List<DType> DTYPES =
            TestTargets.among(List.of(DType.F32, DType.F32, DType.BF16, DType.I32, DType.BOOL));

    @Test
    @Tag("kernels")
    void randomReductionsAreRight() {
        var seed = System.nanoTime();
        var random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
        for (var target : TestTargets.all()) {
            try (var lab = new KernelLab(64 << 20)) {
                var launches = IntStream.range(0, 20)
                        .mapToObj(_ -> launch(lab, random))
                        .toList();
                launches.forEach(launch -> lab.plan(target, launch));
                for (var launch : launches) {
                    lab.run(target, launch, 3, random);
                    check(lab, launch, target.name() + ", seed " + seed);
                }
            }
        }
    }

    /** Every pair of numbers whose order is easily wrong, alone, and far apart among others that are neither's result. */
    @ParameterizedTest
    @Tag("kernels")
    @CsvSource({
        "MAX, true, 2",
        "MIN, true, 2",
        "MAX, false, 2",
        "MIN, false, 2",
        "MIN, true, 700",
        "MIN, false, 700",
        "MAX, true, 9001"
    })
    void extremesOfZerosAndNaN(ReduceFn fn, boolean inner, int reduced) {
        var numbers = ElementwiseTemplateTest.EXTREMES;
        var n = numbers.length * numbers.length;
        var dims = inner ? new int[] {n, reduced, 1} : new int[] {1, reduced, n};
        var values = new double[n * reduced];
        Arrays.fill(values, fn == ReduceFn.MAX ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY);
        for (var i = 0; i < n; i++) {
            values[inner ? i * reduced : i] = numbers[i / numbers.length];
            values[inner ? i * reduced + reduced - 1 : (reduced - 1) * n + i] = numbers[i % numbers.length];
        }
        var operand = new Operand(DType.F32, Access.CONTIGUOUS);
        var spec = new Reduce(fn, inner, List.of(operand), new Expr.Arg(0, DType.F32), DType.F32);
        for (var target : TestTargets.allRenderings()) {
            try (var lab = new KernelLab(64 << 20)) {
                var x = lab.tensor(DType.F32, values, dims);
                var y = lab.tensor(DType.F32, dims[0], dims[2]);
                var launch = new Launch(spec, List.of(x), List.of(y), List.of());
                lab.run(target, launch);
                check(lab, launch, target.name());
            }
        }
    }

    /** The same product at every place: compilers see that, and what they make of sums of it has failed. */
    @ParameterizedTest
    @Tag("kernels")
    @CsvSource({"SUM, true", "MAX, true", "MIN, true", "SUM, false", "MAX, false", "MIN, false"})
    void equalProducts(ReduceFn fn, boolean inner) {
        var dims = inner ? new int[] {2, 700, 1} : new int[] {1, 700, 2};
        var operand = new Operand(DType.F32, Access.SPLAT);
        var a = new Expr.Arg(0, DType.F32);
        var b = new Expr.Arg(1, DType.F32);
        for (var value : List.of(
                new Expr.Binary(BinaryFn.MUL, a, b),
                new Expr.Binary(BinaryFn.ADD, new Expr.Binary(BinaryFn.MUL, a, b), new Expr.Binary(BinaryFn.MUL, b, a)),
                new Expr.Binary(
                        BinaryFn.MAX, new Expr.Binary(BinaryFn.MUL, a, b), new Expr.Binary(BinaryFn.MUL, b, a)))) {
            var spec = new Reduce(fn, inner, List.of(operand, operand), value, DType.F32);
            for (var target : TestTargets.allRenderings()) {
                try (var lab = new KernelLab(64 << 20)) {
                    var inputs = Stream.of(1.5, -2.25)
                            .map(number -> splat(lab.tensor(DType.F32, new double[] {number}, 1), dims))
                            .toList();
                    var y = lab.tensor(DType.F32, dims[0], dims[2]);
                    var launch = new Launch(spec, inputs, List.of(y), List.of());
                    lab.run(target, launch);
                    check(lab, launch, target.name());
                }
            }
        }
    }

    /** Tensors of all sizes, more than one kernel takes, into one vector, as a gradient's norm has them. */
    @Test
    @Tag("kernels")
    void sumsOfSquaresOfManyTensorsAgreeTogether() {
        var random = RandomGeneratorFactory.of("L64X128MixRandom").create(7);
        for (var dtype : TestTargets.among(List.of(DType.F32, DType.BF16))) {
            var x = dtype == DType.F32 ? new Expr.Arg(0, dtype) : new Expr.Convert(DType.F32, new Expr.Arg(0, dtype));
            var square = new Expr.Binary(BinaryFn.MUL, x, x);
            var operand = new Operand(dtype, Access.CONTIGUOUS);
            var spec = new Reduce(ReduceFn.SUM, true, List.of(operand), square, DType.F32);
            for (var target : TestTargets.all()) {
                try (var lab = new KernelLab(64 << 20)) {
                    var sums = lab.tensor(DType.F32, 300);
                    var launches = new ArrayList<Launch>();
                    for (var i = 0; i < 300; i++) {
                        var size = pick(random, 1, 7, 64, 768, 776, 2048, 16_384, 40_008);
                        var numbers = random.doubles(size, -2, 2).toArray();
                        var tensor = lab.tensor(dtype, numbers, 1, size, 1);
                        var sum = new View(sums.buffer(), i, DType.F32, List.of(1, 1), List.of(1L, 1L));
                        launches.add(new Launch(spec, List.of(tensor), List.of(sum), List.of()));
                    }
                    lab.run(target, launches);
                    launches.forEach(launch -> check(lab, launch, target.name()));
                }
            }
        }
    }

    private static View splat(View number, int... dims) {
        var shape = IntStream.of(dims).boxed().toList();
        return new View(number.buffer(), number.offset(), number.dtype(), shape, List.of(0L, 0L, 0L));
    }

    private static Launch launch(KernelLab lab, RandomGenerator random) {
        var inner = random.nextBoolean();
        var length = pick(random, 1, 3, 8, 31, 64, 257, 1000, 2311);
        var dims = inner
                ? List.of(length > 1000 ? 2 : pick(random, 1, 2, 5, 33), length, 1)
                : List.of(pick(random, 1, 2, 5), pick(random, 1, 3, 64, 65, 200), pick(random, 1, 2, 7, 8, 33, 100));
        var operands = new ArrayList<Operand>();
        var inputs = new ArrayList<View>();
        var leaves = new ArrayList<Expr>();
        for (var i = 0; i < 1 + random.nextInt(3); i++) {
            var operand = new Operand(any(random, DTYPES), any(random, List.of(Access.values())));
            operands.add(operand);
            var view = view(lab, random, operand, dims, inner);
            lab.fill(random, view);
            inputs.add(view);
            leaves.add(new Expr.Arg(i, operand.dtype()));
        }
        leaves.add(new Expr.Index(random.nextInt(3)));
        operands.add(new Operand(DType.I32, Access.SPLAT));
        inputs.add(lab.tensor(DType.I32, new double[] {random.nextInt(), random.nextInt(), random.nextInt(99)}, 3));
        leaves.add(new Expr.Uniform(operands.size() - 1, 0, random.nextInt(2) * 2 - 1));
        var dtype = random.nextInt(4) == 0 ? DType.I32 : DType.F32;
        var fn = any(random, List.of(ReduceFn.values()));
        var value = fn == ReduceFn.SUM && dtype == DType.F32
                ? tame(random, leaves)
                : new RandomExprs(random, leaves).next(dtype, 3);
        var result = dtype == DType.F32 && random.nextInt(4) == 0 ? TestTargets.orF32(DType.BF16) : dtype;
        var output = lab.view(
                random,
                new Operand(result, any(random, List.of(Access.CONTIGUOUS, Access.STRIDED))),
                List.of(dims.get(0), dims.get(2)),
                false);
        return new Launch(new Reduce(fn, inner, operands, value, result), inputs, List.of(output), List.of(9.0, 77.0));
    }

    /** A view of [outer, reduced, inner] whose axis that rows run along is walked as the operand says. */
    private static View view(
            KernelLab lab, RandomGenerator random, Operand operand, List<Integer> dims, boolean inner) {
        if (!inner) {
            return lab.view(random, operand, dims, true);
        }
        var view = lab.view(random, operand, dims.subList(0, 2), true);
        var strides = List.of(view.stride(0), view.stride(1), 1L);
        return new View(view.buffer(), view.offset(), view.dtype(), dims, strides);
    }

    /** A product or difference of leaves: its sums neither overflow nor hold infinities. */
    private static Expr tame(RandomGenerator random, List<Expr> leaves) {
        var a = new Expr.Convert(DType.F32, leaves.get(random.nextInt(leaves.size())));
        var b = new Expr.Convert(DType.F32, leaves.get(random.nextInt(leaves.size())));
        return new Expr.Binary(random.nextBoolean() ? BinaryFn.MUL : BinaryFn.SUB, a, b);
    }

    private static void check(KernelLab lab, Launch launch, String where) {
        var spec = (Reduce) launch.spec();
        var dims = launch.inputs().getFirst().dims();
        var values = launch.inputs().stream().map(lab::get).toList();
        var got = lab.get(launch.outputs().getFirst());
        for (var o = 0; o < dims.get(0); o++) {
            for (var i = 0; i < dims.get(2); i++) {
                var terms = new double[dims.get(1)];
                for (var r = 0; r < terms.length; r++) {
                    terms[r] = ExprOracle.eval(spec.value(), at(launch, values, dims, o, r, i));
                }
                var at = o * dims.get(2) + i;
                check(spec, terms, got[at], "element " + at + " of " + launch + ", " + where);
            }
        }
    }

    private static void check(Reduce spec, double[] terms, double got, String where) {
        if (spec.fn() == ReduceFn.SUM && spec.value().dtype() == DType.F32) {
            var size = Arrays.stream(terms).map(Math::abs).sum();
            var rounding = spec.result() == DType.BF16 ? 0x1p-8 : 1e-6;
            assertThat(got).as(where).isCloseTo(Arrays.stream(terms).sum(), within(rounding * size + 1e-30));
            return;
        }
        Double want = terms[0];
        for (var r = 1; r < terms.length; r++) {
            want = Scalars.binary(spec.fn().ofTwo(), spec.value().dtype(), want, terms[r]);
        }
        // Which of two zeros is the greater, C's fmaxf leaves open.
        Double expected = Scalars.round(spec.result(), want) + 0.0;
        assertThat(got + 0.0).as(where).isEqualTo(expected);
    }

    private static ExprOracle.Leaves at(Launch launch, List<double[]> values, List<Integer> dims, int o, int r, int i) {
        var element = (o * dims.get(1) + r) * dims.get(2) + i;
        return ExprOracle.leaves(launch, values, element, List.of(o, r, i)::get);
    }

    private static <T> T any(RandomGenerator random, List<T> choices) {
        return choices.get(random.nextInt(choices.size()));
    }

    private static int pick(RandomGenerator random, int... choices) {
        return choices[random.nextInt(choices.length)];
    }

    /** Shapes that are cut into pieces: the bits must not depend on which thread reduces which. */
    @ParameterizedTest
    @CsvSource({"true,1,400000,1", "true,3,70001,1", "false,2,1003,1030", "false,1,100000,3"})
    void piecesCombineToTheSameBitsHoweverTheyAreDivided(boolean inner, int outer, int reduced, int columns) {
        var seed = System.nanoTime();
        var random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
        var n = outer * reduced * columns;
        var values = random.doubles(n, 0.5, 1.5).map(v -> (float) v).toArray();
        for (var target : TestTargets.all()) {
            try (var lab = new KernelLab(64 << 20)) {
                var x = lab.tensor(DType.F32, values, outer, reduced, columns);
                var y = lab.tensor(DType.F32, outer, columns);
                var operand = new Operand(DType.F32, Access.CONTIGUOUS);
                var spec = new Reduce(ReduceFn.SUM, inner, List.of(operand), new Expr.Arg(0, DType.F32), DType.F32);
                var launch = new Launch(spec, List.of(x), List.of(y), List.of());
                lab.run(target, launch);
                var whole = lab.bytes(y);
                check(lab, launch, target.name() + ", seed " + seed);
                for (var threads = 2; threads < 5; threads++) {
                    lab.run(target, launch, threads, random);
                    assertThat(lab.bytes(y)).as("seed %d", seed).isEqualTo(whole);
                }
            }
        }
    }

    @Test
    void combineReducesPartialResults() {
        for (var bits : TestClasses.widths()) {
            try (var lab = new KernelLab(1 << 20)) {
                var partials = lab.tensor(
                        DType.F32, IntStream.range(0, 60).asDoubleStream().toArray(), 2, 5, 6);
                var y = lab.tensor(DType.F32, 2, 6);
                lab.run(
                        new JvmTarget(bits),
                        new Launch(new Combine(ReduceFn.MAX, DType.F32), List.of(partials), List.of(y), List.of()));
                assertThat(lab.get(y)).containsExactly(24, 25, 26, 27, 28, 29, 54, 55, 56, 57, 58, 59);
            }
        }
    }
}
