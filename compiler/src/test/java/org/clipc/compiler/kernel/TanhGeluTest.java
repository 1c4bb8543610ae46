package org.clipc.compiler.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.clipc.compiler.kernel.KernelSpec.Gemm;
import org.clipc.compiler.kernel.KernelSpec.Operand;
import org.clipc.compiler.kernel.KernelSpec.Result;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.DType;
import org.clipc.ir.UnaryFn;
import org.junit.jupiter.api.Test;

class TanhGeluTest {

    private static final Expr X = new Expr.Convert(DType.F32, new Expr.Arg(0, DType.BF16));

    private static Expr number(double value) {
        return new Expr.Const(value, DType.F32);
    }

    private static Expr add(Expr a, Expr b) {
        return new Expr.Binary(BinaryFn.ADD, a, b);
    }

    private static Expr mul(Expr a, Expr b) {
        return new Expr.Binary(BinaryFn.MUL, a, b);
    }

    private static Expr rounded(Expr expr) {
        return new Expr.Convert(DType.BF16, expr);
    }

    /** The tanh in GELU of x. */
    private static Expr tanh(Expr x, double cubic) {
        var inner = add(x, mul(mul(x, x), mul(x, number(cubic))));
        return new Expr.Unary(UnaryFn.TANH, mul(inner, number((float) Math.sqrt(2 / Math.PI))));
    }

    private static Expr gelu(Expr x, double cubic) {
        return mul(mul(x, number(0.5)), add(tanh(x, cubic), number(1)));
    }

    private static boolean isValue(Expr expr) {
        return TanhGelu.isValue(rounded(expr), List.of());
    }

    @Test
    void isKnownHoweverItIsWritten() {
        assertThat(isValue(gelu(X, 0.044715))).isTrue();
        var bySigmoid = new Expr.Unary(
                UnaryFn.SIGMOID,
                mul(number(2 * Math.sqrt(2 / Math.PI)), add(X, mul(mul(mul(number(0.044715), X), X), X))));
        assertThat(isValue(mul(X, bySigmoid))).isTrue();
        var half = new Expr.Attribute(0, DType.F32);
        var withAttribute = mul(mul(half, X), add(tanh(X, 0.044715), number(1)));
        assertThat(TanhGelu.isValue(withAttribute, List.of(0.5))).isTrue();
        assertThat(TanhGelu.isValue(withAttribute, List.of(0.6))).isFalse();
    }

    @Test
    void isNotTakenForOthers() {
        var exact =
                mul(mul(X, number(0.5)), add(new Expr.Unary(UnaryFn.ERF, mul(X, number(Math.sqrt(0.5)))), number(1)));
        assertThat(isValue(exact)).isFalse();
        assertThat(isValue(mul(X, new Expr.Unary(UnaryFn.SIGMOID, mul(number(1.702), X)))))
                .isFalse();
        assertThat(isValue(gelu(X, 0.0447))).isFalse();
        assertThat(isValue(add(gelu(X, 0.044715), new Expr.Arg(1, DType.F32)))).isFalse();
        assertThat(isValue(X)).isFalse();
    }

    private static boolean isGradient(Expr value, int operands) {
        var spec = new Gemm(
                DType.BF16,
                DType.BF16,
                true,
                true,
                List.of(new Operand(DType.BF16, Access.CONTIGUOUS), new Operand(DType.BF16, Access.CONTIGUOUS))
                        .subList(0, operands),
                List.of(new Result(DType.BF16, rounded(value))));
        return TanhGelu.isGradient(new Launch(spec, List.of(), List.of(), List.of()));
    }

    /** A number times the derivative at operand 1. */
    private static Expr gradient(Expr factor) {
        var x = new Expr.Convert(DType.F32, new Expr.Arg(1, DType.BF16));
        var tanh = tanh(x, 0.044715);
        var slope = mul(number(Math.sqrt(2 / Math.PI)), add(number(1), mul(number(3 * 0.044715), mul(x, x))));
        var rest = new Expr.Binary(BinaryFn.SUB, number(1), mul(tanh, tanh));
        var derivative = add(mul(number(0.5), add(number(1), tanh)), mul(mul(mul(number(0.5), x), rest), slope));
        return mul(factor, derivative);
    }

    @Test
    void itsGradientIsTheProductTimesItsDerivative() {
        var product = new Expr.Convert(DType.F32, rounded(new Expr.Arg(0, DType.F32)));
        assertThat(isGradient(gradient(product), 1)).isTrue();
        assertThat(isGradient(gradient(product), 2)).isFalse();
        assertThat(isGradient(gradient(mul(product, product)), 1)).isFalse();
        assertThat(isGradient(gradient(add(product, number(0.1))), 1)).isFalse();
        assertThat(isGradient(product, 1)).isFalse();
    }

    @Test
    void theDerivativeIsTheValues() {
        for (var x = -8.0; x <= 8; x += 0.37) {
            var slope = (TanhGelu.value(x + 1e-5) - TanhGelu.value(x - 1e-5)) / 2e-5;
            assertThat(TanhGelu.derivative(x)).isEqualTo(slope, within(1e-8));
        }
    }
}
