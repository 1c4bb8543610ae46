package org.clipc.compiler.tornado;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.clipc.compiler.kernel.Access;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.Expr;
import org.clipc.compiler.kernel.KernelSpec.Gemm;
import org.clipc.compiler.kernel.KernelSpec.Operand;
import org.clipc.compiler.kernel.KernelSpec.Result;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.SummedFactor;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.DType;

/**
 * The call of a product, {@code C = A · B + bias + addend}, that a kernel computes as well as a library, to which its first
 * {@value #HEADER} arguments say all that it must know.
 *
 * @param bias for each column of C, of C's type
 * @param addend of C's type and extents
 * @param sums those of a factor, which the library may give besides
 * @param behind what the library may do to C
 */
record ProductCall(
        View a, View b, View c, Optional<View> bias, Optional<View> addend, Optional<Sums> sums, Behind behind) {

    /**
     * The way to make the call (0: the runtime's; 1: this kernel; 2: the library); whether A and B, and C, are bf16; extents of
     * C, and of the depth; strides of A, of B, and of C but for its last; the places of A, B and C; those of bias and addend, or
     * -1; the addend's strides but for its last; the place of a factor's sums, or -1; whether they are of B, not of A; and
     * the number of the {@link Activation}, place and step from row to row of its result, and those of its
     * argument.
     */
    static final int HEADER = 34;

    /** What names of such kernels begin with. */
    static final String STEM = "Product";

    /** Sums of a factor over the depth, of C's type, which the launch behind the product wants. */
    record Sums(SummedFactor factor, View to) {}

    /** What a library makes of C, by number. */
    enum Activation {
        NONE(0),
        /** GELU of it. */
        GELU(1),
        /** It, times GELU's derivative. */
        GELU_GRADIENT(2);

        private final int number;

        Activation(int number) {
            this.number = number;
        }
    }

    /**
     * Work behind a product that a library may do.
     *
     * @param result of C's type and extents
     * @param argument of GELU, likewise: for its gradient, another matrix; for GELU itself C, if that is wanted, too
     */
    record Behind(Activation activation, Optional<View> result, Optional<View> argument) {

        static final Behind NOTHING = new Behind(Activation.NONE, Optional.empty(), Optional.empty());
    }

    static ProductCall of(View a, View b, View c, Optional<View> bias, Optional<View> addend) {
        return new ProductCall(a, b, c, bias, addend, Optional.empty(), Behind.NOTHING);
    }

    ProductCall with(Optional<Sums> wanted) {
        return new ProductCall(a, b, c, bias, addend, wanted, behind);
    }

    ProductCall with(Behind wanted) {
        return new ProductCall(a, b, c, bias, addend, sums, wanted);
    }

    /**
     * @param of which this is the product: for the types and the order of its factors
     * @param way to make the call, see {@link #HEADER}
     */
    void make(Gemm of, int way, CallSink sink) {
        var launch = launch(of);
        var spec = (Gemm) launch.spec();
        var onTensorCores = spec.lhs() == DType.BF16;
        var kernel = onTensorCores
                ? TensorProductTemplate.kernel(STEM, spec, launch, bias.isPresent(), addend.isPresent())
                : GemmTemplate.kernel(STEM, spec);
        product(kernel, way);
        besides(kernel);
        if (onTensorCores) {
            TensorProductTemplate.launch(spec, launch, kernel, bias.isPresent(), addend.isPresent(), sink);
        } else {
            GemmTemplate.plan(spec, launch, kernel, sink);
        }
    }

    /** With an epilogue that adds what there is to add. */
    private Launch launch(Gemm of) {
        var inputs = new ArrayList<>(List.of(a, b));
        var operands = new ArrayList<Operand>();
        Expr value = new Expr.Arg(0, DType.F32);
        for (var added : Stream.of(bias, addend).flatMap(Optional::stream).toList()) {
            inputs.add(added);
            operands.add(new Operand(added.dtype(), Access.CONTIGUOUS));
            var element = converted(new Expr.Arg(operands.size(), added.dtype()), DType.F32);
            value = new Expr.Binary(BinaryFn.ADD, value, element);
        }
        var results = List.of(new Result(c.dtype(), converted(value, c.dtype())));
        var spec = new Gemm(of.lhs(), of.rhs(), of.lhsRowMajor(), of.rhsRowMajor(), operands, results);
        return new Launch(spec, inputs, List.of(c), List.of());
    }

    private static Expr converted(Expr expr, DType dtype) {
        return expr.dtype() == dtype ? expr : new Expr.Convert(dtype, expr);
    }

    /** Arguments for the product, and what is added to it. */
    private void product(TornadoKernel kernel, int way) {
        kernel.number("way", way)
                .number("factorsAreBf16", a.dtype() == DType.BF16 ? 1 : 0)
                .number("resultIsBf16", c.dtype() == DType.BF16 ? 1 : 0);
        for (var axis = 0; axis < 4; axis++) {
            kernel.number("extent" + axis, c.dim(axis));
        }
        kernel.number("along", a.dim(3));
        strides(kernel, "ofA", Optional.of(a), 4);
        strides(kernel, "ofB", Optional.of(b), 4);
        strides(kernel, "ofC", Optional.of(c), 3);
        kernel.at("placeA", a).at("placeB", b).at("placeC", c);
        place(kernel, "placeBias", bias);
        place(kernel, "placeAddend", addend);
        strides(kernel, "ofAddend", addend, 3);
    }

    /** Arguments for what the library may do besides. */
    private void besides(TornadoKernel kernel) {
        place(kernel, "placeSums", sums.map(Sums::to));
        kernel.number(
                        "sumsOfB",
                        sums.filter(s -> s.factor() == SummedFactor.RHS).isPresent() ? 1 : 0)
                .number("activation", behind.activation().number);
        rows(kernel, "Activated", behind.result());
        rows(kernel, "Argument", behind.argument());
    }

    private static void strides(TornadoKernel kernel, String name, Optional<View> view, int axes) {
        for (var axis = 0; axis < axes; axis++) {
            var number = axis;
            kernel.number(name + axis, view.map(v -> v.stride(number)).orElse(0L));
        }
    }

    /** A matrix by its place and the step from row to row. */
    private static void rows(TornadoKernel kernel, String name, Optional<View> view) {
        place(kernel, "place" + name, view);
        kernel.number("of" + name, view.map(v -> v.stride(2)).orElse(0L));
    }

    private static void place(TornadoKernel kernel, String name, Optional<View> view) {
        view.ifPresentOrElse(v -> kernel.at(name, v), () -> kernel.number(name, -1));
    }
}
