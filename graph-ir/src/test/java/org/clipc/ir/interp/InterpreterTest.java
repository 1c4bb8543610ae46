package org.clipc.ir.interp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.math.BigInteger;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.Comparison;
import org.clipc.ir.DType;
import org.clipc.ir.FusionKind;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.InputKind;
import org.clipc.ir.Op;
import org.clipc.ir.ReduceFn;
import org.clipc.ir.Shape;
import org.clipc.ir.TensorType;
import org.clipc.ir.UnaryFn;
import org.clipc.ir.Value;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Small cases worked out by hand, and named ops against the primitive ops that define them. */
class InterpreterTest {

    private static final TensorType SEED = TensorType.i32(2);

    private final GraphBuilder b = new GraphBuilder("test");

    private static Tensor64 apply(Op op, TensorType type, Tensor64... operands) {
        return Interpreter.apply(op, List.of(operands), List.of(type)).getFirst();
    }

    private static Tensor64 f32(int[] dims, double... data) {
        return Tensor64.of(TensorType.f32(dims), data);
    }

    private static Tensor64 f32(double... data) {
        return Tensor64.of(TensorType.f32(data.length), data);
    }

    private static Tensor64 i32(double... data) {
        return Tensor64.of(TensorType.i32(data.length), data);
    }

    private static Tensor64 random(TensorType type, Random random) {
        return Tensor64.of(type, random.doubles(type.elements(), -2, 2).toArray());
    }

    private static int[] dims(int... dims) {
        return dims;
    }

    private static void assertClose(Tensor64 actual, Tensor64 expected) {
        assertThat(actual.type()).isEqualTo(expected.type());
        assertThat(actual.data()).containsExactly(expected.data(), within(1e-12));
    }

    @ParameterizedTest
    @CsvSource({
        "NEG,2,-2",
        "ABS,-3,3",
        "SIGN,-3,-1",
        "EXP,1,2.718281828459045",
        "LOG,2,0.6931471805599453",
        "SQRT,2,1.4142135623730951",
        "RSQRT,4,0.5",
        "RECIPROCAL,4,0.25",
        "TANH,0.5,0.46211715726000975",
        "ERF,0.5,0.5204998778130465",
        "ERF,-2,-0.9953222650189527",
        "ERF,7,1",
        "ERF,0,0",
        "ERF,4.5,0.9999999998033839",
        "SIGMOID,1,0.7310585786300049",
        "SOFTPLUS,1,1.3132616875182228",
        "SOFTPLUS,800,800",
        "SIN,1,0.8414709848078965",
        "COS,1,0.5403023058681398",
        "FLOOR,-1.5,-2"
    })
    void unaryFunctions(UnaryFn fn, double x, double y) {
        assertThat(Scalars.unary(fn, DType.F32, x)).isCloseTo(y, within(1e-15 * Math.max(1, Math.abs(y))));
    }

    @Test
    void integersWrapAndDivideTowardsZero() {
        assertThat(Scalars.binary(BinaryFn.ADD, DType.I32, Integer.MAX_VALUE, 1))
                .isEqualTo(Integer.MIN_VALUE);
        assertThat(Scalars.binary(BinaryFn.MUL, DType.I32, 1 << 30, 4)).isZero();
        assertThat(Scalars.binary(BinaryFn.DIV, DType.I32, -7, 2)).isEqualTo(-3);
    }

    @Test
    void integersDividedByZeroAreZero() {
        var type = TensorType.i32(3);
        var quotients = apply(
                new Op.Binary(BinaryFn.DIV),
                type,
                Tensor64.of(type, 7, 0, Integer.MIN_VALUE),
                Tensor64.of(type, 0, 0, 0));
        assertThat(quotients.data()).containsExactly(0, 0, 0);
    }

    @Test
    void powersOfIntegersWrapAsTheirProductsDo() {
        var modulus = BigInteger.TWO.pow(32);
        for (var a : new int[] {0, 1, -1, 2, 3, -7, 46341, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
            for (var b : new int[] {0, 1, 2, 3, 10, 31, 32, 1_000_003, Integer.MAX_VALUE}) {
                assertThat(Scalars.binary(BinaryFn.POW, DType.I32, a, b))
                        .as("%d to the power %d", a, b)
                        .isEqualTo(BigInteger.valueOf(a)
                                .modPow(BigInteger.valueOf(b), modulus)
                                .intValue());
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"1,-3,1", "-1,-3,-1", "-1,-4,1", "-1,-2147483648,1", "2,-1,0", "-5,-2,0", "3,-1073741824,0", "0,-1,0"})
    void negativePowersOfIntegersAreRoundedTowardsZero(int a, int b, int power) {
        assertThat(Scalars.binary(BinaryFn.POW, DType.I32, a, b)).isEqualTo(power);
    }

    @ParameterizedTest
    @CsvSource({
        "BF16,1.00390625,1.0", // halfway between 1 and 1.0078125: to even
        "BF16,1.01171875,1.015625", // halfway between 1.0078125 and 1.015625: to even
        "BF16,3.4e38,Infinity",
        "BF16,NaN,NaN",
        "F16,2049,2048",
        "F16,65520,Infinity",
        "F32,0.1,0.1",
        "I32,-1.9,-1",
        "BOOL,0.5,1"
    })
    void convertsRoundAsStorageDoes(DType to, double x, double y) {
        assertThat(Double.valueOf(Scalars.convert(DType.F32, to, x))).isEqualTo(Double.valueOf(y));
    }

    @Test
    void resultsOfNarrowTypesAreRounded() {
        var bf16 = new TensorType(DType.BF16, Shape.of(1));
        var sum = apply(new Op.Binary(BinaryFn.ADD), bf16, Tensor64.of(bf16, 256), Tensor64.of(bf16, 1));
        assertThat(sum.data()).containsExactly(256);
        assertThat(apply(new Op.Constant(bf16, 0.1), bf16).data()).containsExactly(0.10009765625);
    }

    @Test
    void comparisonsWithNaNAreFalseButForNe() {
        for (var comparison : Comparison.values()) {
            assertThat(Scalars.compare(comparison, Double.NaN, 1)).isEqualTo(comparison == Comparison.NE);
        }
    }

    @Test
    void movesElements() {
        var x = f32(dims(2, 3), 1, 2, 3, 4, 5, 6);
        assertThat(apply(new Op.Transpose(List.of(1, 0)), TensorType.f32(3, 2), x)
                        .data())
                .containsExactly(1, 4, 2, 5, 3, 6);
        assertThat(apply(new Op.Slice(List.of(0, 1), List.of(2, 3)), TensorType.f32(2, 2), x)
                        .data())
                .containsExactly(2, 3, 5, 6);
        assertThat(apply(new Op.Pad(List.of(1, 0), List.of(0, 1), 9), TensorType.f32(3, 4), x)
                        .data())
                .containsExactly(9, 9, 9, 9, 1, 2, 3, 9, 4, 5, 6, 9);
        assertThat(apply(new Op.Broadcast(Shape.of(2, 2, 3), List.of(1, 2)), TensorType.f32(2, 2, 3), x)
                        .data())
                .containsExactly(1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6);
        assertThat(apply(new Op.Broadcast(Shape.of(2, 3), List.of(0, 1)), TensorType.f32(2, 3), f32(dims(2, 1), 7, 8))
                        .data())
                .containsExactly(7, 7, 7, 8, 8, 8);
        assertThat(apply(new Op.Concat(1), TensorType.f32(2, 4), x, f32(dims(2, 1), 7, 8))
                        .data())
                .containsExactly(1, 2, 3, 7, 4, 5, 6, 8);
        assertThat(apply(new Op.Iota(Shape.of(2, 3), 0), TensorType.i32(2, 3)).data())
                .containsExactly(0, 0, 0, 1, 1, 1);
        assertThat(apply(new Op.Iota(Shape.of(2, 3), 1), TensorType.i32(2, 3)).data())
                .containsExactly(0, 1, 2, 0, 1, 2);
    }

    @Test
    void reduces() {
        var x = f32(dims(2, 3), 1, 5, 3, 4, 5, 0);
        assertThat(apply(new Op.Reduce(ReduceFn.SUM, List.of(1)), TensorType.f32(2), x)
                        .data())
                .containsExactly(9, 9);
        assertThat(apply(new Op.Reduce(ReduceFn.MAX, List.of(0)), TensorType.f32(3), x)
                        .data())
                .containsExactly(4, 5, 3);
        assertThat(apply(new Op.Reduce(ReduceFn.MIN, List.of(0, 1)), TensorType.f32(), x)
                        .data())
                .containsExactly(0);
        assertThat(apply(new Op.Reduce(ReduceFn.MAX, List.of(0)), TensorType.f32(), f32(1, Double.NaN, 2))
                        .data())
                .containsExactly(Double.NaN);
        assertThat(apply(new Op.ArgMax(0), TensorType.i32(3), x).data()).containsExactly(1, 0, 0);
    }

    @Test
    void dotGeneralContractsAnyAxes() {
        var random = new Random(1);
        var lhs = random(TensorType.f32(3, 2, 4, 5), random);
        var rhs = random(TensorType.f32(5, 6, 2, 3), random);
        var op = new Op.DotGeneral(List.of(1), List.of(2), List.of(3, 0), List.of(0, 3));
        var result = apply(op, TensorType.f32(2, 4, 6), lhs, rhs);
        for (var batch = 0; batch < 2; batch++) {
            for (var m = 0; m < 4; m++) {
                for (var n = 0; n < 6; n++) {
                    var sum = 0.0;
                    for (var i = 0; i < 5; i++) {
                        for (var j = 0; j < 3; j++) {
                            sum += lhs.get(((j * 2 + batch) * 4 + m) * 5 + i)
                                    * rhs.get(((i * 6 + n) * 2 + batch) * 3 + j);
                        }
                    }
                    assertThat(result.get((batch * 4 + m) * 6 + n)).isCloseTo(sum, within(1e-12));
                }
            }
        }
    }

    @Test
    void gatherReadsAndScatterAddAccumulatesRows() {
        var table = f32(dims(2, 3, 2), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
        var indices = Tensor64.of(TensorType.i32(2, 2), 2, 0, 1, 1);
        var rows = apply(new Op.Gather(1), TensorType.f32(2, 2, 2), table, indices);
        assertThat(rows.data()).containsExactly(4, 5, 0, 1, 8, 9, 8, 9);
        assertThat(apply(new Op.ScatterAdd(1, 3), TensorType.f32(2, 3, 2), rows, indices)
                        .data())
                .containsExactly(0, 1, 0, 0, 4, 5, 0, 0, 16, 18, 0, 0);
        var flat = apply(new Op.Gather(0), TensorType.f32(2, 2), f32(dims(3, 2), 0, 1, 2, 3, 4, 5), i32(1, 2));
        assertThat(flat.data()).containsExactly(2, 3, 4, 5);
    }

    @Test
    void indicesOutOfRangeAreErrors() {
        var table = b.input("table", InputKind.DATA, TensorType.f32(3, 2));
        var ids = b.input("ids", InputKind.DATA, TensorType.i32(1));
        b.output("y", b.add(new Op.Gather(0), table, ids));
        var inputs = Map.of("table", Tensor64.zeros(TensorType.f32(3, 2)), "ids", i32(3));
        assertThatThrownBy(() -> Interpreter.run(b.build(), inputs))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("gather: index 3 is outside of [0, 3)");
    }

    @Test
    void inputsMustBePresentAndOfTheRightType() {
        b.output("y", b.input("x", InputKind.DATA, TensorType.f32(3)));
        assertThatThrownBy(() -> Interpreter.run(b.build(), Map.of())).hasMessage("input x is missing");
        assertThatThrownBy(() -> Interpreter.run(b.build(), Map.of("x", f32(1, 2))))
                .hasMessage("input x is f32[2], not f32[3]");
    }

    @Test
    void uniformFollowsPhilox() {
        var u = apply(new Op.Uniform(Shape.of(2, 3), 5), TensorType.f32(2, 3), i32(11, -12));
        for (var i = 0; i < 6; i++) {
            assertThat(u.get(i)).isEqualTo(org.clipc.ir.Philox.uniform(11, -12, i, 5));
        }
    }

    /** However a tensor is cut into rows, each part gets the numbers that it has in the whole. */
    @Test
    void partsOfRandomTensorsAreThoseOfTheWhole() {
        var whole = apply(new Op.Uniform(Shape.of(4, 3), 5), TensorType.f32(4, 3), i32(11, -12));
        var part = apply(new Op.Uniform(Shape.of(2, 3), 5), TensorType.f32(2, 3), i32(11, -12, 1));
        assertThat(part.data()).containsExactly(Arrays.copyOfRange(whole.data(), 3, 9));
        var subsets = apply(new Op.RandomSubset(4, 2, 7, 6), TensorType.i32(4, 2), i32(3, 4));
        var last = apply(new Op.RandomSubset(1, 2, 7, 6), TensorType.i32(1, 2), i32(3, 4, 3));
        assertThat(last.data()).containsExactly(Arrays.copyOfRange(subsets.data(), 6, 8));
    }

    @Test
    void randomSubsetTakesTheSmallestUniformsOfEachRow() {
        var seed = i32(3, 4);
        var subset = apply(new Op.RandomSubset(3, 4, 10, 6), TensorType.i32(3, 4), seed);
        var u = apply(new Op.Uniform(Shape.of(3, 10), 6), TensorType.f32(3, 10), seed);
        for (var row = 0; row < 3; row++) {
            var first = row * 10;
            var chosen = IntStream.range(0, 4)
                    .map(i -> subset.getInt(first / 10 * 4 + i))
                    .toArray();
            assertThat(chosen).isSorted().doesNotHaveDuplicates();
            var largest =
                    IntStream.of(chosen).mapToDouble(i -> u.get(first + i)).max();
            assertThat(IntStream.range(0, 10).filter(i -> u.get(first + i) <= largest.orElseThrow()))
                    .containsExactly(IntStream.of(chosen).boxed().toArray(Integer[]::new));
        }
    }

    @Test
    void layerNormMatchesItsDefinition() {
        var random = new Random(2);
        var x = b.input("x", InputKind.DATA, TensorType.f32(3, 5));
        var gain = b.input("gain", InputKind.DATA, TensorType.f32(5));
        var bias = b.input("bias", InputKind.DATA, TensorType.f32(5));
        var all = b.addAll(new Op.LayerNorm(1e-5), List.of(x, gain, bias));
        var mean = b.mul(b.sum(x, List.of(1)), 1 / 5.0);
        var centered = b.sub(x, b.broadcast(mean, Shape.of(3, 5), List.of(0)));
        var variance = b.mul(b.sum(b.mul(centered, centered), List.of(1)), 1 / 5.0);
        var rstd = b.unary(UnaryFn.RSQRT, b.add(variance, b.constantLike(variance, 1e-5)));
        var normal = b.mul(centered, b.broadcast(rstd, Shape.of(3, 5), List.of(0)));
        var y = b.add(b.mul(normal, b.broadcastTo(gain, Shape.of(3, 5))), b.broadcastTo(bias, Shape.of(3, 5)));
        var run = Interpreter.trace(
                b.build(),
                Map.of(
                        "x", random(TensorType.f32(3, 5), random),
                        "gain", random(TensorType.f32(5), random),
                        "bias", random(TensorType.f32(5), random)));
        assertClose(run.get(all.get(0)), run.get(y));
        assertClose(run.get(all.get(1)), run.get(mean));
        assertClose(run.get(all.get(2)), run.get(rstd));
    }

    @Test
    void softmaxAndCrossEntropyMatchTheirDefinitions() {
        var type = TensorType.f32(3, 4);
        var x = b.input("x", InputKind.DATA, type);
        var labels = b.input("labels", InputKind.DATA, TensorType.i32(3));
        var softmax = b.add(new Op.Softmax(), x);
        var xent = b.addAll(new Op.SoftmaxXent(), List.of(x, labels));
        var exp = b.unary(UnaryFn.EXP, x);
        var sum = b.sum(exp, List.of(1));
        var expected = b.div(exp, b.broadcast(sum, type.shape(), List.of(0)));
        var lse = b.unary(UnaryFn.LOG, sum);
        var loss = b.sub(lse, b.reshape(b.add(new Op.Gather(1), x, b.reshape(labels, Shape.of(3, 1))), Shape.of(3)));
        var inputs = Map.of("x", random(type, new Random(3)), "labels", i32(3, 0, 2));
        var run = Interpreter.trace(b.build(), inputs);
        assertClose(run.get(softmax), run.get(expected));
        assertClose(run.get(xent.get(0)), run.get(loss));
        assertClose(run.get(xent.get(1)), run.get(lse));
    }

    @Test
    void softmaxOfLargeLogitsDoesNotOverflow() {
        var y = apply(new Op.Softmax(), TensorType.f32(2), f32(10_000, 10_000));
        assertClose(y, f32(0.5, 0.5));
    }

    @ParameterizedTest
    @CsvSource({"false,0", "true,0", "false,0.3", "true,0.3"})
    void attentionMatchesItsDefinition(boolean causal, double dropout) {
        var heads = 2;
        var qType = TensorType.f32(2, 4, 6);
        var kType = TensorType.f32(2, 5, 6);
        var scores = Shape.of(2, heads, 4, 5);
        var q = b.input("q", InputKind.DATA, qType);
        var k = b.input("k", InputKind.DATA, kType);
        var v = b.input("v", InputKind.DATA, kType);
        var seed = b.input("seed", InputKind.SCALAR, SEED);
        var op = new Op.Attention(heads, causal, 0.4, dropout, 9);
        var o = b.addAll(op, dropout > 0 ? List.of(q, k, v, seed) : List.of(q, k, v));
        var s = b.mul(dotHeads(split(q, 4), 3, split(k, 5), 3), 0.4);
        var hidden = b.compare(Comparison.LT, b.add(new Op.Iota(scores, 2)), b.add(new Op.Iota(scores, 3)));
        var masked = causal ? b.select(hidden, b.constantLike(s, Double.NEGATIVE_INFINITY), s) : s;
        var p = b.add(new Op.Softmax(), masked);
        var u = b.add(new Op.Uniform(scores, 9), seed);
        var kept = b.compare(Comparison.GE, u, b.constantLike(u, dropout));
        var dropped = b.select(kept, b.mul(p, 1 / (1 - dropout)), b.constantLike(p, 0));
        var heads4 = dotHeads(dropped, 3, split(v, 5), 2);
        var expected = b.reshape(b.transpose(heads4, List.of(0, 2, 1, 3)), qType.shape());
        var random = new Random(4);
        var run = Interpreter.trace(
                b.build(),
                Map.of(
                        "q", random(qType, random),
                        "k", random(kType, random),
                        "v", random(kType, random),
                        "seed", i32(1, 2)));
        assertClose(run.get(o.getFirst()), run.get(expected));
        var denominator = b.unary(UnaryFn.LOG, b.sum(b.unary(UnaryFn.EXP, masked), List.of(3)));
        var lse = Interpreter.trace(
                        b.build(), Map.of("q", run.get(q), "k", run.get(k), "v", run.get(v), "seed", i32(1, 2)))
                .get(denominator);
        assertClose(run.get(o.getLast()), lse);
    }

    /** [2, length, 2 heads · 3] as [2, 2 heads, length, 3]. */
    private Value split(Value x, int length) {
        return b.transpose(b.reshape(x, Shape.of(2, length, 2, 3)), List.of(0, 2, 1, 3));
    }

    private Value dotHeads(Value lhs, int contractLhs, Value rhs, int contractRhs) {
        var batch = List.of(0, 1);
        return b.add(new Op.DotGeneral(batch, batch, List.of(contractLhs), List.of(contractRhs)), lhs, rhs);
    }

    /** Two steps from (1, -2) with gradients (0.5, 1) then (-1, 0.25), by torch 2's formulas in exact decimals. */
    @Test
    void adamWTakesTorchsSteps() {
        var op = new Op.AdamW(0.9, 0.98, 1e-6, 0.2);
        var type = TensorType.f32(1);
        var types = List.of(type, type, type);
        var scalar = TensorType.f32();
        List<Tensor64> state = List.of(f32(1), f32(0), f32(0));
        var grads = new double[] {0.5, -1};
        for (var step = 1; step <= 2; step++) {
            var in = List.of(
                    state.get(0),
                    f32(2 * grads[step - 1]),
                    state.get(1),
                    state.get(2),
                    Tensor64.scalar(scalar, 1e-3),
                    Tensor64.scalar(scalar, step),
                    Tensor64.scalar(scalar, 0.5));
            state = Interpreter.apply(op, in, types);
        }
        // Step 1: m = 0.05, v = 0.005, both corrected to g and g²: p = 1·0.9998 - 1e-3·0.5/(0.5 + 1e-6).
        // Step 2: m = -0.055, v = 0.0249; corrections 0.19 and 0.0396.
        var first = 0.9998 - 1e-3 * 0.5 / (0.5 + 1e-6);
        var second = first * 0.9998 - 1e-3 * (-0.055 / 0.19) / (Math.sqrt(0.0249 / 0.0396) + 1e-6);
        assertClose(state.get(0), f32(second));
        assertClose(state.get(1), f32(-0.055));
        assertClose(state.get(2), f32(0.0249));
    }

    @Test
    void adamWLeavesAllAsItIsWhenTheGradientsAreNotFinite() {
        var type = TensorType.f32(1);
        var scalar = Tensor64.scalar(TensorType.f32(), 1);
        for (var scale : new double[] {Double.NaN, Double.POSITIVE_INFINITY}) {
            var gradScale = Tensor64.scalar(TensorType.f32(), scale);
            var in = List.of(f32(1), f32(Double.NaN), f32(2), f32(3), scalar, scalar, gradScale);
            assertThat(Interpreter.apply(new Op.AdamW(0.9, 0.98, 1e-6, 0.2), in, List.of(type, type, type)))
                    .extracting(t -> t.get(0))
                    .containsExactly(1.0, 2.0, 3.0);
        }
    }

    @Test
    void fusedRunsItsBody() {
        var body = new GraphBuilder("body");
        var type = TensorType.f32(2);
        var x = body.input("0", InputKind.OPERAND, type);
        var y = body.input("1", InputKind.OPERAND, type);
        body.output("0", body.add(x, y));
        body.output("1", body.sub(x, y));
        var p = b.input("p", InputKind.DATA, type);
        var q = b.input("q", InputKind.DATA, type);
        var results = b.addAll(new Op.Fused(FusionKind.ELEMENTWISE, body.build()), List.of(p, q));
        var run = Interpreter.trace(b.build(), Map.of("p", f32(1, 2), "q", f32(10, 20)));
        assertThat(run.get(results.get(0))).isEqualTo(f32(11, 22));
        assertThat(run.get(results.get(1))).isEqualTo(f32(-9, -18));
    }
}
