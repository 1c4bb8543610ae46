package org.clipc.compiler.jvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.clipc.compiler.kernel.Access;
import org.clipc.compiler.kernel.KernelSpec;
import org.clipc.compiler.kernel.KernelSpec.Operand;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.DType;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Softmax, cross-entropy and their gradients against plain float64 arithmetic. */
class SoftmaxTemplatesTest {

    /** What a row's results ought to be, and the size of the numbers that rounding errors are relative to. */
    @SuppressWarnings("ArrayRecordComponent") // never compared as a whole
    private record Expected(double[] values, double[] sizes) {}

    private final long seed = System.nanoTime();
    private final RandomGenerator random = new Random(seed);

    @Test
    @Tag("kernels")
    void randomRowsAreRight() {
        for (var target : TestTargets.all()) {
            try (var lab = new KernelLab(64 << 20)) {
                var launches = new ArrayList<Launch>();
                for (var n : List.of(1, 2, 3, 7, 8, 31, 61, 77, 257, 1000, 5003)) {
                    for (var dtype : TestTargets.among(List.of(DType.F32, DType.BF16))) {
                        var rows = 1 + random.nextInt(n > 1000 ? 3 : 40);
                        launches.add(softmax(lab, dtype, rows, n));
                        launches.add(softmaxGrad(lab, dtype, rows, n));
                        launches.add(crossEntropy(lab, dtype, rows, n));
                        launches.add(crossEntropyGrad(lab, dtype, rows, n));
                    }
                }
                launches.forEach(launch -> lab.plan(target, launch));
                for (var launch : launches) {
                    lab.run(target, launch, 3, random);
                    check(lab, launch, target.name());
                }
            }
        }
    }

    private Launch softmax(KernelLab lab, DType dtype, int rows, int n) {
        var x = logits(lab, dtype, rows, n);
        return new Launch(new KernelSpec.Softmax(dtype), List.of(x), List.of(view(lab, dtype, rows, n)), List.of());
    }

    private Launch softmaxGrad(KernelLab lab, DType dtype, int rows, int n) {
        var y = logits(lab, dtype, rows, n);
        var x = lab.get(y);
        var softmax = IntStream.range(0, rows)
                .mapToObj(r -> softmax(row(x, rows, r)).values)
                .flatMapToDouble(Arrays::stream);
        lab.set(y, softmax.toArray());
        return new Launch(
                new KernelSpec.SoftmaxGrad(dtype),
                List.of(logits(lab, dtype, rows, n), y),
                List.of(view(lab, dtype, rows, n)),
                List.of());
    }

    private Launch crossEntropy(KernelLab lab, DType dtype, int rows, int n) {
        return new Launch(
                new KernelSpec.SoftmaxXent(dtype),
                List.of(logits(lab, dtype, rows, n), labels(lab, rows, n)),
                List.of(view(lab, DType.F32, rows), view(lab, DType.F32, rows)),
                List.of());
    }

    private Launch crossEntropyGrad(KernelLab lab, DType dtype, int rows, int n) {
        var x = logits(lab, dtype, rows, n);
        var scores = lab.get(x);
        var dloss = view(lab, DType.F32, rows);
        lab.set(dloss, random.doubles(rows, -1, 1).toArray());
        var lse = view(lab, DType.F32, rows);
        lab.set(
                lse,
                IntStream.range(0, rows)
                        .mapToDouble(r -> logSumExp(row(scores, rows, r)))
                        .toArray());
        return new Launch(
                new KernelSpec.SoftmaxXentGrad(dtype),
                List.of(dloss, x, labels(lab, rows, n), lse),
                List.of(view(lab, dtype, rows, n)),
                List.of());
    }

    private View view(KernelLab lab, DType dtype, Integer... dims) {
        return lab.view(random, new Operand(dtype, Access.CONTIGUOUS), List.of(dims), false);
    }

    private View logits(KernelLab lab, DType dtype, int rows, int n) {
        var view = view(lab, dtype, rows, n);
        lab.set(
                view,
                random.doubles((long) rows * n, -12, 12).map(v -> (float) v).toArray());
        return view;
    }

    private View labels(KernelLab lab, int rows, int n) {
        var view = view(lab, DType.I32, rows);
        lab.set(view, random.ints(rows, 0, n).asDoubleStream().toArray());
        return view;
    }

    private void check(KernelLab lab, Launch launch, String target) {
        var in = launch.inputs().stream().map(lab::get).toList();
        var out = launch.outputs().stream().map(lab::get).toList();
        var rows = launch.inputs().getFirst().dim(0);
        for (var r = 0; r < rows; r++) {
            var expected = switch (launch.spec()) {
                case KernelSpec.Softmax _ -> List.of(softmax(row(in.get(0), rows, r)));
                case KernelSpec.SoftmaxGrad _ -> List.of(softmaxGrad(row(in.get(0), rows, r), row(in.get(1), rows, r)));
                case KernelSpec.SoftmaxXent _ -> crossEntropy(row(in.get(0), rows, r), (int) in.get(1)[r]);
                case KernelSpec.SoftmaxXentGrad _ ->
                    List.of(crossEntropyGrad(in.get(0)[r], row(in.get(1), rows, r), (int) in.get(2)[r], in.get(3)[r]));
                default -> throw new IllegalArgumentException(launch.spec().toString());
            };
            for (var i = 0; i < expected.size(); i++) {
                var got = row(out.get(i), rows, r);
                var rounding = launch.outputs().get(i).dtype() == DType.BF16 ? 0x1p-8 : 0;
                for (var c = 0; c < got.length; c++) {
                    var want = expected.get(i).values[c];
                    var tolerance = 1e-6 * expected.get(i).sizes[c] + rounding * Math.abs(want) + 1e-37;
                    if (!(Math.abs(got[c] - want) <= tolerance)) {
                        fail(
                                "%s instead of %s: result %d at %d, %d of %s, %s, seed %d",
                                got[c], want, i, r, c, launch, target, seed);
                    }
                }
            }
        }
    }

    private static double[] row(double[] matrix, int rows, int r) {
        var n = matrix.length / rows;
        return Arrays.copyOfRange(matrix, r * n, (r + 1) * n);
    }

    private static double logSumExp(double[] x) {
        return Math.log(Arrays.stream(x).map(Math::exp).sum());
    }

    private static double max(double[] x) {
        return Arrays.stream(x).max().orElseThrow();
    }

    private static Expected softmax(double[] x) {
        var lse = logSumExp(x);
        var max = max(x);
        var y = Arrays.stream(x).map(v -> Math.exp(v - lse)).toArray();
        var sizes = IntStream.range(0, x.length)
                .mapToDouble(c -> y[c] * (1 + max - x[c]))
                .toArray();
        return new Expected(y, sizes);
    }

    private static Expected softmaxGrad(double[] dy, double[] y) {
        var sum = 0.0;
        var size = 0.0;
        for (var c = 0; c < y.length; c++) {
            sum += dy[c] * y[c];
            size += Math.abs(dy[c] * y[c]);
        }
        var dx = new double[y.length];
        var sizes = new double[y.length];
        for (var c = 0; c < y.length; c++) {
            dx[c] = y[c] * (dy[c] - sum);
            sizes[c] = y[c] * (Math.abs(dy[c]) + size);
        }
        return new Expected(dx, sizes);
    }

    private static List<Expected> crossEntropy(double[] x, int label) {
        var lse = logSumExp(x);
        return List.of(
                new Expected(new double[] {lse - x[label]}, new double[] {1 + max(x) - x[label]}),
                new Expected(new double[] {lse}, new double[] {1 + Math.abs(max(x))}));
    }

    private static Expected crossEntropyGrad(double dloss, double[] x, int label, double lse) {
        var dx = new double[x.length];
        var sizes = new double[x.length];
        for (var c = 0; c < x.length; c++) {
            var likelihood = Math.exp(x[c] - lse);
            var at = c == label ? 1 : 0;
            dx[c] = dloss * (likelihood - at);
            sizes[c] = Math.abs(dloss) * (likelihood * (1 + Math.abs(x[c] - lse)) + at);
        }
        return new Expected(dx, sizes);
    }

    @Test
    void bitsDoNotDependOnThePartitionOrOnWhereResultsLie() {
        for (var bits : TestClasses.widths()) {
            var target = new JvmTarget(bits);
            try (var lab = new KernelLab(64 << 20)) {
                for (var dtype : List.of(DType.F32, DType.BF16)) {
                    for (var launch : List.of(
                            softmax(lab, dtype, 90, 1003),
                            softmaxGrad(lab, dtype, 90, 1003),
                            crossEntropy(lab, dtype, 90, 1003),
                            crossEntropyGrad(lab, dtype, 90, 1003))) {
                        lab.run(target, launch);
                        var whole = launch.outputs().stream().map(lab::get).toList();
                        lab.run(target, launch, 4, random);
                        assertThat(launch.outputs().stream().map(lab::get))
                                .as("%s, seed %d", launch.spec(), seed)
                                .containsExactlyElementsOf(whole);
                        for (var input : launch.inputs()) {
                            if (input.dims().equals(launch.outputs().getFirst().dims())
                                    && input.dims().size() == 2) {
                                inPlace(lab, target, launch, input, whole.getFirst());
                            }
                        }
                    }
                }
            }
        }
    }

    private void inPlace(KernelLab lab, JvmTarget target, Launch launch, View input, double[] want) {
        var before = lab.get(input);
        lab.run(target, new Launch(launch.spec(), launch.inputs(), List.of(input), List.of()), 2, random);
        assertThat(lab.get(input))
                .as("%s in place, seed %d", launch.spec(), seed)
                .isEqualTo(want);
        lab.set(input, before);
    }

    @Test
    void extremeLogitsAndLabels() {
        var infinity = Double.POSITIVE_INFINITY;
        double[][] rows = {
            {3e38, -3e38, 3e38, 0, 0, 0, 0, 0, 0},
            {-infinity, 1, -infinity, 1, -infinity, -infinity, -infinity, 1, 1},
            {-2e4, -2e4, -2e4, -2e4, -2e4, -2e4, -2e4, -2e4, -infinity},
            {0, 0, Double.NaN, 0, 0, 0, 0, 0, 0},
            {-infinity, -infinity, -infinity, -infinity, -infinity, -infinity, -infinity, -infinity, -infinity}
        };
        var all = Arrays.stream(rows).flatMapToDouble(Arrays::stream).toArray();
        for (var bits : TestClasses.widths()) {
            var target = new JvmTarget(bits);
            try (var lab = new KernelLab(1 << 20)) {
                var x = lab.tensor(DType.F32, all, 5, 9);
                var y = lab.tensor(DType.F32, 5, 9);
                lab.run(target, new Launch(new KernelSpec.Softmax(DType.F32), List.of(x), List.of(y), List.of()));
                assertThat(row(lab.get(y), 5, 0)).containsExactly(0.5, 0, 0.5, 0, 0, 0, 0, 0, 0);
                assertThat(row(lab.get(y), 5, 1)).containsExactly(0, 0.25, 0, 0.25, 0, 0, 0, 0.25, 0.25);
                assertThat(row(lab.get(y), 5, 2))
                        .containsExactly(0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0);
                assertThat(row(lab.get(y), 5, 3)).containsOnly(Double.NaN);
                assertThat(row(lab.get(y), 5, 4)).containsOnly(Double.NaN);

                // Labels beyond the row stand for its ends.
                var labels = lab.tensor(DType.I32, new double[] {-7, 1 << 30, Integer.MIN_VALUE, 0, 0}, 5);
                var loss = lab.tensor(DType.F32, 5);
                var lse = lab.tensor(DType.F32, 5);
                lab.run(
                        target,
                        new Launch(
                                new KernelSpec.SoftmaxXent(DType.F32),
                                List.of(x, labels),
                                List.of(loss, lse),
                                List.of()));
                assertThat(lab.get(loss))
                        .containsExactly(
                                new double[] {Math.log(2), Math.log(4), Math.log(8), Double.NaN, Double.NaN},
                                within(1e-6));
                assertThat(lab.get(lse)[4]).isEqualTo(-infinity);

                var dloss = lab.tensor(DType.F32, new double[] {1, 1, 1, 1, 1}, 5);
                lab.run(
                        target,
                        new Launch(
                                new KernelSpec.SoftmaxXentGrad(DType.F32),
                                List.of(dloss, x, labels, lse),
                                List.of(y),
                                List.of()));
                assertThat(row(lab.get(y), 5, 1))
                        .containsExactly(new double[] {0, 0.25, 0, 0.25, 0, 0, 0, 0.25, -0.75}, within(1e-6));
                // Floats near lse lie 2e-3 apart.
                assertThat(lab.get(y)[18]).isCloseTo(-0.875, within(2e-3));
            }
        }
    }
}
