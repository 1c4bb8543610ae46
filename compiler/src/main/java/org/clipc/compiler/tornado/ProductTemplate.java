package org.clipc.compiler.tornado;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import org.clipc.compiler.kernel.Access;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.Expr;
import org.clipc.compiler.kernel.KernelSpec.Elementwise;
import org.clipc.compiler.kernel.KernelSpec.Gemm;
import org.clipc.compiler.kernel.KernelSpec.Operand;
import org.clipc.compiler.kernel.KernelSpec.Result;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.LaunchCost;
import org.clipc.compiler.kernel.RenderedKernel;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.DType;

/**
 * {@link Gemm} for CUDA, cut so that a library can do the product: {@code C = A · B}, with a bias for each column and a
 * matrix added where that is all there is to do; else the sums go through memory to a second, elementwise kernel. Whether
 * the library or the kernel rendered here runs, the runtime decides: all that a library must know are the kernel's first
 * {@value #HEADER} arguments. A third way is one kernel for all. What does no work in one way is there in every way, as a
 * call of no groups.
 *
 * <p>Sums that go through memory are of the type that the graph says the product has, so they are rounded to it as the
 * graph says.
 */
final class ProductTemplate {

    /**
     * The way to make the call (0: the runtime's; 1: this kernel; 2: the library); whether A and B, and C, are bf16; extents
     * of C, and of the depth; strides of A, of B, and of C but for its last; the places of A, B and C; those of bias and
     * addend, or -1; and the addend's strides but for its last.
     */
    static final int HEADER = 27;

    private static final String STEM = "Product";

    /** Who computes a product, by number; see {@link #HEADER}. */
    private static final List<String> WAYS = List.of("default", "kernel", "library");

    private ProductTemplate() {}

    /** Leaves the launch's arithmetic to the product, for profiles. */
    private record AfterProduct(CallSink to, long bytes) implements Redirecting {

        @Override
        public void launch(RenderedKernel kernel, List<Argument> arguments, int groups, int groupSize) {
            to.prepareLaunch(kernel, arguments, groups, groupSize, bytes);
        }
    }

    /** What is added to a product; each is an operand's index in the epilogue, or -1. */
    private record Added(int bias, int matrix) {

        Optional<Added> with(int operand, boolean isBias) {
            if (isBias) {
                return bias < 0 ? Optional.of(new Added(operand, matrix)) : Optional.empty();
            }
            return matrix < 0 ? Optional.of(new Added(bias, operand)) : Optional.empty();
        }
    }

    static void plan(Gemm spec, Launch launch, CallSink sink) {
        if (!isProduct(spec, launch)) {
            GemmTemplate.plan(spec, launch, sink);
            return;
        }
        var added = added(spec, launch);
        var options = new LinkedHashMap<String, Consumer<CallSink>>();
        if (added.isPresent()) {
            for (var way : WAYS) {
                options.put(way, to -> product(spec, launch, added.get(), WAYS.indexOf(way), to));
            }
        } else {
            var sums = sums(spec, launch, sink);
            for (var way : WAYS) {
                options.put(way, to -> {
                    GemmTemplate.plan(spec, launch, new Redirecting.Skipping(to));
                    product(spec, launch, sums, WAYS.indexOf(way), to);
                    var bytes = LaunchCost.bytes(sums)
                            + launch.outputs().stream()
                                    .mapToLong(LaunchCost::bytes)
                                    .sum();
                    rest(spec, launch, sums, new AfterProduct(to, bytes));
                });
            }
            options.put("fused", to -> {
                GemmTemplate.plan(spec, launch, to);
                product(spec, launch, sums, 0, new Redirecting.Skipping(to));
                rest(spec, launch, sums, new Redirecting.Skipping(to));
            });
        }
        sink.choose(GemmChoice.name(STEM, spec, launch), options);
    }

    /** Memory for the product, of the type that it has in the graph. */
    private static View sums(Gemm spec, Launch launch, CallSink sink) {
        var type = sumType(spec);
        var dims = launch.outputs().getFirst().dims();
        var strides = new Long[] {0L, 0L, 0L, 1L};
        for (var axis = 2; axis >= 0; axis--) {
            strides[axis] = strides[axis + 1] * dims.get(axis + 1);
        }
        var buffer = sink.temporary(strides[0] * dims.getFirst() * type.bytes());
        return new View(buffer, 0, type, dims, List.of(strides));
    }

    private static void product(Gemm spec, Launch launch, View sums, int way, CallSink sink) {
        var plain = new Gemm(
                spec.lhs(),
                spec.rhs(),
                spec.lhsRowMajor(),
                spec.rhsRowMajor(),
                List.of(),
                List.of(new Result(sums.dtype(), new Expr.Arg(0, sums.dtype()))));
        var factors = launch.inputs().subList(0, 2);
        product(plain, new Launch(plain, factors, List.of(sums), List.of()), new Added(-1, -1), way, sink);
    }

    /** What becomes of sums in memory. */
    private static void rest(Gemm spec, Launch launch, View sums, CallSink sink) {
        var operands = new ArrayList<Operand>();
        operands.add(new Operand(sums.dtype(), Access.CONTIGUOUS));
        operands.addAll(spec.operands());
        var views = new ArrayList<View>();
        views.add(sums);
        views.addAll(launch.inputs().subList(2, launch.inputs().size()));
        var stores = spec.results().stream().map(_ -> Access.CONTIGUOUS).toList();
        var rest = new Elementwise(4, operands, spec.results(), stores);
        ElementwiseTemplate.plan(rest, new Launch(rest, views, launch.outputs(), launch.attributes()), sink);
    }

    /** Libraries take factors of one type with strides that do not overlap. */
    private static boolean isProduct(Gemm spec, Launch launch) {
        var a = launch.inputs().get(0);
        var b = launch.inputs().get(1);
        return spec.lhs() == spec.rhs()
                && (spec.lhs() == DType.F32 || spec.lhs() == DType.BF16)
                && isMatrix(a, spec.lhsRowMajor())
                && isMatrix(b, spec.rhsRowMajor());
    }

    private static boolean isMatrix(View view, boolean rowMajor) {
        var inner = rowMajor ? 3 : 2;
        var outer = rowMajor ? 2 : 3;
        return view.stride(inner) == 1 && view.stride(outer) >= view.dim(inner);
    }

    /** The type of the product in the graph. */
    private static DType sumType(Gemm spec) {
        var types = new ArrayList<DType>();
        spec.results().forEach(result -> sumTypes(result.value(), types));
        return types.isEmpty() ? DType.F32 : types.getFirst();
    }

    private static void sumTypes(Expr expr, List<DType> types) {
        switch (expr) {
            case Expr.Arg(var index, var dtype) -> {
                if (index == 0) {
                    types.add(dtype);
                }
            }
            case Expr.Unary(var _, var x) -> sumTypes(x, types);
            case Expr.Convert(var _, var x) -> sumTypes(x, types);
            case Expr.Binary(var _, var a, var b) -> {
                sumTypes(a, types);
                sumTypes(b, types);
            }
            case Expr.Compare(var _, var a, var b) -> {
                sumTypes(a, types);
                sumTypes(b, types);
            }
            case Expr.Select(var condition, var a, var b) -> {
                sumTypes(condition, types);
                sumTypes(a, types);
                sumTypes(b, types);
            }
            case Expr.Const _, Expr.Attribute _, Expr.Uniform _, Expr.Index _ -> {}
        }
    }

    /** What a library adds to the product, if the epilogue is no more than that. */
    private static Optional<Added> added(Gemm spec, Launch launch) {
        if (spec.results().size() > 1) {
            return Optional.empty();
        }
        var result = spec.results().getFirst();
        return added(result.value(), result.dtype(), spec, launch);
    }

    private static Optional<Added> added(Expr expr, DType dtype, Gemm spec, Launch launch) {
        return switch (expr) {
            case Expr.Arg(var index, var _) when index == 0 -> Optional.of(new Added(-1, -1));
            case Expr.Convert(var to, var x) when to == dtype || to == DType.F32 -> added(x, dtype, spec, launch);
            case Expr.Binary(var fn, var a, Expr.Arg(var index, var type))
            when fn == BinaryFn.ADD && index > 0 && type == dtype ->
                added(a, dtype, spec, launch)
                        .flatMap(sum -> kind(
                                        launch.inputs().get(1 + index),
                                        launch.outputs().getFirst())
                                .flatMap(isBias -> sum.with(index, isBias)));
            default -> Optional.empty();
        };
    }

    /** Whether an operand is a bias (true) or a matrix (false) to a library; empty if neither. */
    private static Optional<Boolean> kind(View operand, View out) {
        if (operand.stride(3) != 1) {
            return Optional.empty();
        }
        if (operand.stride(2) == 0) {
            return operand.stride(0) == 0 && operand.stride(1) == 0 ? Optional.of(true) : Optional.empty();
        }
        return operand.stride(2) >= out.dim(3) ? Optional.of(false) : Optional.empty();
    }

    private static void product(Gemm spec, Launch launch, Added added, int way, CallSink sink) {
        var a = launch.inputs().get(0);
        var b = launch.inputs().get(1);
        var c = launch.outputs().getFirst();
        var onTensorCores = spec.lhs() == DType.BF16;
        var kernel = (onTensorCores
                        ? TensorProductTemplate.kernel(STEM, spec, launch, added.bias() >= 0, added.matrix() >= 0)
                        : GemmTemplate.kernel(STEM, spec))
                .number("way", way)
                .number("factorsAreBf16", spec.lhs() == DType.BF16 ? 1 : 0)
                .number("resultIsBf16", c.dtype() == DType.BF16 ? 1 : 0);
        for (var axis = 0; axis < 4; axis++) {
            kernel.number("extent" + axis, c.dim(axis));
        }
        kernel.number("along", a.dim(3));
        strides(kernel, "ofA", a, 4);
        strides(kernel, "ofB", b, 4);
        strides(kernel, "ofC", c, 3);
        kernel.at("placeA", a).at("placeB", b).at("placeC", c);
        place(kernel, "placeBias", added.bias(), launch);
        place(kernel, "placeAddend", added.matrix(), launch);
        if (added.matrix() < 0) {
            for (var axis = 0; axis < 3; axis++) {
                kernel.number("ofAddend" + axis, 0);
            }
        } else {
            strides(kernel, "ofAddend", launch.inputs().get(1 + added.matrix()), 3);
        }
        if (onTensorCores) {
            TensorProductTemplate.launch(spec, launch, kernel, added.bias() >= 0, added.matrix() >= 0, sink);
        } else {
            GemmTemplate.plan(spec, launch, kernel, sink);
        }
    }

    private static void strides(TornadoKernel kernel, String name, View view, int axes) {
        for (var axis = 0; axis < axes; axis++) {
            kernel.number(name + axis, view.stride(axis));
        }
    }

    private static void place(TornadoKernel kernel, String name, int operand, Launch launch) {
        if (operand < 0) {
            kernel.number(name, -1);
        } else {
            kernel.at(name, launch.inputs().get(1 + operand));
        }
    }
}
