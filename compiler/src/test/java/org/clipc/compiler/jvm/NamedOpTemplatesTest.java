package org.clipc.compiler.jvm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.random.RandomGenerator;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.clipc.compiler.kernel.Access;
import org.clipc.compiler.kernel.KernelSpec;
import org.clipc.compiler.kernel.KernelSpec.Operand;
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

/** Gather, scatter-add, arg-max, random subsets, AdamW and layer normalisation against the interpreter, over random shapes. */
class NamedOpTemplatesTest {

    private static final double TOLERANCE = 1e-5;

    /**
     * A unit in the last of bf16's 8 places, since what lies next to the middle of two may be rounded to either, and what sums
     * in f32 differ.
     */
    private static final double BF16_TOLERANCE = 0x1.1p-7;

    /** An op, its operands, and the launch that computes it. */
    private record Case(Op op, List<View> inputs, Launch launch) {}

    private final long seed = System.nanoTime();
    private final RandomGenerator random = new Random(seed);

    @Test
    @Tag("kernels")
    void agreeWithTheInterpreterForAnyPartitionOfTheirUnits() {
        for (var target : TestTargets.all()) {
            try (var lab = new KernelLab(64 << 20)) {
                var cases = new ArrayList<Case>();
                for (var i = 0; i < 8; i++) {
                    cases.add(gather(lab));
                    cases.add(scatterAdd(lab));
                    cases.add(argMax(lab));
                    cases.add(randomSubset(lab));
                    cases.add(adamW(lab));
                    cases.add(layerNorm(lab));
                    cases.add(layerNormGrad(lab));
                }
                cases.forEach(c -> lab.plan(target, c.launch));
                cases.forEach(c -> check(target, lab, c));
            }
        }
    }

    /** A row that all updates go to, or most, or all but the first and last; one row, one column, one update. */
    @Test
    @Tag("kernels")
    void scatterAddsAgreeHoweverManyUpdatesARowHas() {
        for (var target : TestTargets.all()) {
            try (var lab = new KernelLab(64 << 20)) {
                var cases = new ArrayList<Case>();
                for (var dtype : List.of(DType.F32, DType.BF16)) {
                    for (var count : List.of(1, 63, 64, 65, 129, 1031, 2500)) {
                        for (var size : List.of(1, 7, 97)) {
                            int width = List.of(1, 7, 16, 33, 136).get(random.nextInt(5));
                            var index = indices(count, size);
                            var often = random.nextInt(size);
                            var share = random.nextInt(4);
                            for (var i = 0; i < count; i++) {
                                index[i] = random.nextInt(3) < share ? often : index[i];
                            }
                            cases.add(scatterAdd(lab, dtype, index, 1, size, width));
                        }
                    }
                }
                cases.forEach(c -> lab.plan(target, c.launch));
                cases.forEach(c -> check(target, lab, c));
            }
        }
    }

    /** Parameters of all sizes, more than one kernel takes, some with weight decay and some without. */
    @Test
    @Tag("kernels")
    void updatesOfManyParametersAgreeTogether() {
        for (var target : TestTargets.all()) {
            try (var lab = new KernelLab(64 << 20)) {
                var gradient = floats();
                var scalars = scalars(lab, 0.5);
                var cases = IntStream.range(0, 150)
                        .mapToObj(i -> adamW(
                                lab,
                                List.of(1, 8, 768, 776, 3072, 2048, 8200).get(random.nextInt(7)),
                                8,
                                gradient,
                                scalars))
                        .toList();
                var want = cases.stream().map(c -> want(lab, c)).toList();
                lab.run(target, cases.stream().map(Case::launch).toList());
                for (var i = 0; i < cases.size(); i++) {
                    check(lab, cases.get(i), want.get(i));
                }
            }
        }
    }

    private void check(Target target, KernelLab lab, Case c) {
        var want = want(lab, c);
        lab.run(target, c.launch, 3, random);
        check(lab, c, want);
    }

    private static List<Tensor64> want(KernelLab lab, Case c) {
        var operands = c.inputs.stream()
                .map(view -> Tensor64.of(type(view), lab.get(view)))
                .toList();
        var types = ShapeRules.infer(c.op, operands.stream().map(Tensor64::type).toList());
        return Interpreter.apply(c.op, operands, types);
    }

    private void check(KernelLab lab, Case c, List<Tensor64> want) {
        for (var i = 0; i < want.size(); i++) {
            var got = lab.get(c.launch.outputs().get(i));
            var tolerance = c.launch.outputs().get(i).dtype() == DType.BF16 ? BF16_TOLERANCE : TOLERANCE;
            for (var e = 0; e < got.length; e++) {
                var exact = want.get(i).get(e);
                assertThat(Math.abs(got[e] - exact))
                        .as("element %d of result %d of %s, seed %d", e, i, c.launch, seed)
                        .isLessThanOrEqualTo(tolerance * Math.max(1, Math.abs(exact)));
            }
        }
    }

    private static TensorType type(View view) {
        return new TensorType(view.dtype(), new Shape(view.dims()));
    }

    private int upTo(int most) {
        return 1 + random.nextInt(most);
    }

    private DType floats() {
        return random.nextBoolean() ? DType.F32 : DType.BF16;
    }

    private double[] numbers(int count) {
        return random.doubles(count, -2, 2).toArray();
    }

    /** Numbers of few bits, whose sums are exact. */
    private double[] quarters(int count) {
        return random.ints(count, -8, 9).mapToDouble(i -> i / 4.0).toArray();
    }

    private double[] indices(int count, int below) {
        return random.ints(count, 0, below).asDoubleStream().toArray();
    }

    private Case gather(KernelLab lab) {
        var dtype = List.of(DType.F32, DType.I32, DType.F32).get(random.nextInt(3));
        int batch = upTo(3);
        int rows = upTo(9);
        int count = upTo(20);
        int width = upTo(40);
        var table = lab.tensor(dtype, numbers(batch * rows * width), batch, rows, width);
        var index = lab.tensor(DType.I32, indices(batch * count, rows), batch, count);
        var out = lab.tensor(dtype, batch, count, width);
        var launch = new Launch(new KernelSpec.Gather(dtype), List.of(table, index), List.of(out), List.of());
        return new Case(new Op.Gather(1), List.of(table, index), launch);
    }

    private Case scatterAdd(KernelLab lab) {
        int batch = upTo(3);
        int size = upTo(50);
        int count = upTo(60);
        int width = random.nextInt(4) == 0 ? 1000 + upTo(3000) : upTo(40);
        return scatterAdd(lab, DType.F32, indices(batch * count, size), batch, size, width);
    }

    private Case scatterAdd(KernelLab lab, DType dtype, double[] indices, int batch, int size, int width) {
        int count = indices.length / batch;
        var updates = lab.tensor(dtype, quarters(batch * count * width), batch, count, width);
        var index = lab.tensor(DType.I32, indices, batch, count);
        var out = lab.tensor(dtype, batch, size, width);
        var launch = new Launch(new KernelSpec.ScatterAdd(dtype), List.of(updates, index), List.of(out), List.of());
        return new Case(new Op.ScatterAdd(1, size), List.of(updates, index), launch);
    }

    private Case argMax(KernelLab lab) {
        var dtype = random.nextBoolean() ? DType.F32 : DType.I32;
        int rows = upTo(40);
        int count = upTo(80);
        var values = random.ints((long) rows * count, -5, 6).asDoubleStream().toArray();
        var x = lab.tensor(dtype, values, rows, count);
        var out = lab.tensor(DType.I32, rows);
        var launch = new Launch(new KernelSpec.ArgMax(dtype), List.of(x), List.of(out), List.of());
        return new Case(new Op.ArgMax(1), List.of(x), launch);
    }

    private Case randomSubset(KernelLab lab) {
        int rows = upTo(10);
        int from = upTo(60);
        int choose = upTo(from);
        int stream = random.nextInt(100);
        var ofPart = random.nextBoolean();
        var numbers = new double[] {random.nextInt(), random.nextInt(), random.nextInt(1 << 30)};
        var key = lab.tensor(DType.I32, Arrays.copyOf(numbers, ofPart ? 3 : 2), ofPart ? 3 : 2);
        var out = lab.tensor(DType.I32, rows, choose);
        var spec = new KernelSpec.RandomSubset(ofPart);
        var launch = new Launch(spec, List.of(key), List.of(out), List.of((double) from, (double) stream));
        return new Case(new Op.RandomSubset(rows, choose, from, stream), List.of(key), launch);
    }

    /** Of widths that are whole numbers of vectors, and of a GPU's warps, or neither. */
    @Test
    @Tag("kernels")
    void layerNormsAgreeOfAnyWidth() {
        for (var target : TestTargets.all()) {
            try (var lab = new KernelLab(64 << 20)) {
                var cases = new ArrayList<Case>();
                for (var width : List.of(4, 8, 72, 127, 128, 256, 520, 768, 1020, 1024, 2048, 2056)) {
                    cases.add(layerNorm(lab, 1 + random.nextInt(20), width));
                    cases.add(layerNormGrad(lab, 1 + random.nextInt(20), width));
                }
                // Small ones: what sums of so many rows lose to rounding depends on the size of what is summed.
                cases.add(layerNormGrad(lab, 300, 16, 0.125));
                cases.forEach(c -> lab.plan(target, c.launch));
                cases.forEach(c -> check(target, lab, c));
            }
        }
    }

    @Test
    @Tag("kernels")
    void gainAndBiasOfALayerNormMayDifferInType() {
        for (var target : TestTargets.all()) {
            try (var lab = new KernelLab(64 << 20)) {
                var cases = new ArrayList<Case>();
                for (var dtype : List.of(DType.F32, DType.BF16)) {
                    for (var width : List.of(127, 768)) {
                        cases.add(layerNorm(lab, dtype, DType.F32, DType.BF16, 5, width));
                        cases.add(layerNorm(lab, dtype, DType.BF16, DType.F32, 5, width));
                    }
                }
                cases.forEach(c -> lab.plan(target, c.launch));
                cases.forEach(c -> check(target, lab, c));
            }
        }
    }

    private Case layerNorm(KernelLab lab) {
        return layerNorm(lab, upTo(90), upTo(100));
    }

    private Case layerNorm(KernelLab lab, int rows, int width) {
        return layerNorm(lab, floats(), floats(), floats(), rows, width);
    }

    private Case layerNorm(KernelLab lab, DType dtype, DType ofGain, DType ofBias, int rows, int width) {
        var x = lab.tensor(dtype, numbers(rows * width), rows, width);
        var gain = lab.tensor(ofGain, numbers(width), width);
        var bias = lab.tensor(ofBias, numbers(width), width);
        var outputs = List.of(lab.tensor(dtype, rows, width), lab.tensor(DType.F32, rows), lab.tensor(DType.F32, rows));
        var spec = new KernelSpec.LayerNorm(dtype, ofGain, ofBias);
        var launch = new Launch(spec, List.of(x, gain, bias), outputs, List.of(1e-1));
        return new Case(new Op.LayerNorm(1e-1), List.of(x, gain, bias), launch);
    }

    private Case layerNormGrad(KernelLab lab) {
        return layerNormGrad(lab, upTo(90), upTo(100));
    }

    private Case layerNormGrad(KernelLab lab, int rows, int width) {
        return layerNormGrad(lab, rows, width, 2);
    }

    /** @param most how large gradients of the result are at most */
    private Case layerNormGrad(KernelLab lab, int rows, int width, double most) {
        var dtype = floats();
        var parameters = floats();
        var gradients = random.doubles((long) rows * width, -most, most).toArray();
        var dy = lab.tensor(dtype, gradients, rows, width);
        var x = lab.tensor(dtype, numbers(rows * width), rows, width);
        var gain = lab.tensor(parameters, numbers(width), width);
        var mean = lab.tensor(DType.F32, numbers(rows), rows);
        var rstd = lab.tensor(DType.F32, random.doubles(rows, 0.5, 1).toArray(), rows);
        var inputs = List.of(dy, x, gain, mean, rstd);
        var outputs =
                List.of(lab.tensor(dtype, rows, width), lab.tensor(parameters, width), lab.tensor(parameters, width));
        var spec = new KernelSpec.LayerNormGrad(dtype, parameters);
        return new Case(new Op.LayerNormGrad(), inputs, new Launch(spec, inputs, outputs, List.of()));
    }

    private Case adamW(KernelLab lab) {
        int count = random.nextInt(4) == 0 ? 40_000 : upTo(25) * (1 << random.nextInt(4));
        var scale = random.nextInt(5) == 0 ? Double.NaN : 0.5;
        return adamW(lab, count, 1 << random.nextInt(4), floats(), scalars(lab, scale));
    }

    /** Learning rate, step and the scale of gradients. */
    private List<View> scalars(KernelLab lab, double scale) {
        return DoubleStream.of(1e-3, upTo(1000), scale)
                .mapToObj(scalar -> lab.tensor(DType.F32, new double[] {scalar}))
                .toList();
    }

    /** @param step as {@link KernelLab#view} takes it */
    private Case adamW(KernelLab lab, int count, int step, DType gradient, List<View> scalars) {
        var inputs = new ArrayList<View>();
        for (var i = 0; i < 4; i++) {
            var isVariance = i == 3;
            var dtype = i == 1 ? gradient : DType.F32;
            var view = lab.view(random, new Operand(dtype, Access.CONTIGUOUS), List.of(count), false, step);
            lab.set(
                    view,
                    Arrays.stream(numbers(count))
                            .map(x -> isVariance ? Math.abs(x) : x)
                            .toArray());
            inputs.add(view);
        }
        inputs.addAll(scalars);
        var decay = random.nextBoolean() ? 0.2 : 0;
        var outputs = List.of(inputs.get(0), inputs.get(2), inputs.get(3));
        var spec = new KernelSpec.AdamW(DType.F32, gradient);
        return new Case(
                new Op.AdamW(0.9, 0.98, 1e-6, decay),
                List.copyOf(inputs),
                new Launch(spec, inputs, outputs, List.of(0.9, 0.98, 1e-6, decay)));
    }
}
