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
import org.clipc.compiler.kernel.SummedFactor;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.DType;

/**
 * {@link Gemm} for CUDA, cut so that a library can do the product: {@code C = A · B}, with a bias for each column and a
 * matrix added where that is all there is to do; else the sums go through memory to a second, elementwise kernel. Whether
 * the library or the kernel rendered here runs, the runtime decides: all that a library must know are the kernel's first
 * {@value #HEADER} arguments. A third way is one kernel for all. What does no work in one way is there in every way, as a
 * call of no groups. Sums of a factor that the launch behind wants (a bias's gradient, beside its weight's) the library may
 * give along with the product; then the runtime leaves that launch's calls out. cuBLASLt's epilogues of GELU
 * and its gradient are not used: they are of the approximation by tanh, which no model of clip-graphs has by default; for those
 * that set {@code activation = "gelu_tanh"} they could be, where the forward pass kept what GELU takes with its bias added.
 *
 * <p>Sums that go through memory are of the type that {@link ProductSums} says; where the sums themselves are a result, they
 * lie there.
 */
final class ProductTemplate {

    /**
     * The way to make the call (0: the runtime's; 1: this kernel; 2: the library; 3: the library, which gives a factor's sums,
     * too); whether A and B, and C, are bf16; extents of C, and of the depth; strides of A, of B, and of C but for its last;
     * the places of A, B and C; those of bias and addend, or -1; the addend's strides but for its last; the place of the sums,
     * or -1; whether they are of B, not of A; and whether they are bf16.
     */
    static final int HEADER = 30;

    private static final String STEM = "Product";

    /** Who computes a product, by number; see {@link #HEADER}. */
    private static final List<String> WAYS = List.of("default", "kernel", "library");

    private static final String WITH_SUMS = "library with sums";

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

        boolean isNothing() {
            return bias < 0 && matrix < 0;
        }

        Optional<Added> with(int operand, boolean isBias) {
            if (isBias) {
                return bias < 0 ? Optional.of(new Added(operand, matrix)) : Optional.empty();
            }
            return matrix < 0 ? Optional.of(new Added(bias, operand)) : Optional.empty();
        }
    }

    /** Sums of a factor over the depth, which the launch behind the product wants. */
    private record Sums(SummedFactor factor, View to) {}

    private static Optional<Sums> sums(Launch launch, CallSink sink) {
        return sink.next()
                .flatMap(next -> SummedFactor.of(launch, next)
                        .map(factor -> new Sums(factor, next.outputs().getFirst())));
    }

    static void plan(Gemm spec, Launch launch, CallSink sink) {
        if (!isProduct(spec, launch)) {
            GemmTemplate.plan(spec, launch, sink);
            return;
        }
        var added = added(spec, launch);
        var options = new LinkedHashMap<String, Consumer<CallSink>>();
        var name = GemmChoice.name(STEM, spec, launch);
        if (added.isPresent()) {
            var sums = added.get().isNothing() ? sums(launch, sink) : Optional.<Sums>empty();
            for (var way : WAYS) {
                options.put(way, to -> product(spec, launch, added.get(), sums, WAYS.indexOf(way), to));
            }
            if (sums.isPresent()) {
                options.put(WITH_SUMS, to -> product(spec, launch, added.get(), sums, WAYS.size(), to));
                sink.chooseWithNext(name + " sums " + sums.get().factor(), options);
                return;
            }
        } else {
            var sums = ProductSums.of(spec);
            var place = place(sums, launch, sink);
            var rest = rest(spec, sums, place, launch);
            var bytes = LaunchCost.bytes(place)
                    + rest.outputs().stream().mapToLong(LaunchCost::bytes).sum();
            for (var way : WAYS) {
                options.put(way, to -> {
                    GemmTemplate.plan(spec, launch, new Redirecting.Skipping(to));
                    product(spec, launch, place, WAYS.indexOf(way), to);
                    ElementwiseTemplate.plan((Elementwise) rest.spec(), rest, new AfterProduct(to, bytes));
                });
            }
            options.put("fused", to -> {
                GemmTemplate.plan(spec, launch, to);
                product(spec, launch, place, 0, new Redirecting.Skipping(to));
                ElementwiseTemplate.plan((Elementwise) rest.spec(), rest, new Redirecting.Skipping(to));
            });
        }
        sink.choose(name, options);
    }

    /** Where the sums go: to the result that they are, unless an operand of the epilogue lies there, or to memory of their own. */
    private static View place(ProductSums sums, Launch launch, CallSink sink) {
        if (sums.itself() >= 0) {
            var result = launch.outputs().get(sums.itself());
            var operands = launch.inputs().subList(2, launch.inputs().size());
            if (isMatrix(result, true) && operands.stream().noneMatch(view -> view.buffer() == result.buffer())) {
                return result;
            }
        }
        var dims = launch.outputs().getFirst().dims();
        var strides = new Long[] {0L, 0L, 0L, 1L};
        for (var axis = 2; axis >= 0; axis--) {
            strides[axis] = strides[axis + 1] * dims.get(axis + 1);
        }
        var buffer = sink.temporary(strides[0] * dims.getFirst() * sums.dtype().bytes());
        return new View(buffer, 0, sums.dtype(), dims, List.of(strides));
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
        product(
                plain,
                new Launch(plain, factors, List.of(sums), List.of()),
                new Added(-1, -1),
                Optional.empty(),
                way,
                sink);
    }

    /** What becomes of sums in memory, other than that they stay there. */
    private static Launch rest(Gemm spec, ProductSums sums, View place, Launch launch) {
        var operands = new ArrayList<Operand>();
        operands.add(new Operand(sums.dtype(), Access.CONTIGUOUS));
        operands.addAll(spec.operands());
        var views = new ArrayList<View>();
        views.add(place);
        views.addAll(launch.inputs().subList(2, launch.inputs().size()));
        var results = new ArrayList<>(sums.results());
        var outputs = new ArrayList<>(launch.outputs());
        var itself = sums.itself();
        if (itself >= 0 && outputs.get(itself).equals(place)) {
            results.remove(itself);
            outputs.remove(itself);
        }
        var stores = results.stream().map(_ -> Access.CONTIGUOUS).toList();
        return new Launch(new Elementwise(4, operands, results, stores), views, outputs, launch.attributes());
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

    private static void product(Gemm spec, Launch launch, Added added, Optional<Sums> sums, int way, CallSink sink) {
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
        sums.ifPresentOrElse(
                wanted -> kernel.at("placeSums", wanted.to())
                        .number("sumsOfB", wanted.factor() == SummedFactor.RHS ? 1 : 0)
                        .number("sumsAreBf16", wanted.to().dtype() == DType.BF16 ? 1 : 0),
                () -> kernel.number("placeSums", -1).number("sumsOfB", 0).number("sumsAreBf16", 0));
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
