package org.clipc.compiler.tornado;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;
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
import org.clipc.compiler.kernel.TanhGelu;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.DType;

/**
 * {@link Gemm} for CUDA, cut so that a library can do the product: {@code C = A · B}, with a bias for each column and a
 * matrix added where that is all there is to do; else the sums, with their bias, go through memory to a second, elementwise
 * kernel. Whether the library or the kernel rendered here runs, the runtime decides: all that a library must know are the
 * kernel's first {@value #HEADER} arguments. A third way is one kernel for all. What does no work in one way is there in every
 * way, as a call of no groups.
 *
 * <p>A library may do more than the product, by default: what the second kernel makes of the sums, where that is GELU by tanh or
 * its gradient (cuBLASLt's epilogues GELU and DGELU), or sums of a factor that the launch behind wants, as a bias's gradient
 * beside its weight's (BGRADA and BGRADB). Then the runtime leaves out the calls whose work is done.
 *
 * <p>What goes through memory, {@link ProductSums} says; where that itself is a result, it lies there.
 */
final class ProductTemplate {

    /**
     * The way to make the call (0: the runtime's; 1: this kernel; 2: the library); whether A and B, and C, are bf16; extents of
     * C, and of the depth; strides of A, of B, and of C but for its last; the places of A, B and C; those of bias and addend, or
     * -1; the addend's strides but for its last; the place of a factor's sums, or -1; whether they are of B, not of A; whether
     * they are bf16; and the number of the {@link Activation}, place and step from row to row of its result, and those of its
     * argument.
     */
    static final int HEADER = 35;

    private static final String STEM = "Product";

    /** Who computes a product, by number; see {@link #HEADER}. */
    private static final List<String> WAYS = List.of("default", "kernel", "library");

    private ProductTemplate() {}

    /** Leaves the launch's arithmetic to the product, for profiles. */
    private record BesideProduct(CallSink to, long bytes) implements Redirecting {

        @Override
        public void launch(RenderedKernel kernel, List<Argument> arguments, int groups, int groupSize) {
            to.prepareLaunch(kernel, arguments, groups, groupSize, bytes);
        }
    }

    /** Sums of a factor over the depth, which the launch behind the product wants. */
    private record Sums(SummedFactor factor, View to) {}

    /** What a library makes of C besides, by number. */
    private enum Activation {
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
    private record Behind(Activation activation, Optional<View> result, Optional<View> argument) {

        static final Behind NOTHING = new Behind(Activation.NONE, Optional.empty(), Optional.empty());
    }

    /** A product as libraries take it. */
    private record Product(View a, View b, View c, Optional<View> bias, Optional<View> addend) {

        /** With an epilogue that adds what there is to add. */
        Launch launch(Gemm of) {
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
    }

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
        var result = spec.results().getFirst();
        var added =
                spec.results().size() == 1 ? Added.of(result.value(), result.dtype(), launch) : Optional.<Added>empty();
        if (added.isPresent()) {
            planAlone(spec, launch, added.get(), sink);
        } else {
            planWithRest(spec, launch, sink);
        }
    }

    /** The library does all. */
    private static void planAlone(Gemm spec, Launch launch, Added added, CallSink sink) {
        var sums = added.isNothing() ? sums(launch, sink) : Optional.<Sums>empty();
        var rounding = rounding(launch, added, spec.results().getFirst().dtype(), sink);
        var product = product(launch, added, rounding, launch.outputs().getFirst());
        var options = new LinkedHashMap<String, Consumer<CallSink>>();
        for (var way : WAYS) {
            var sumsHere = WAYS.indexOf(way) == 0 ? sums : Optional.<Sums>empty();
            options.put(way, to -> {
                rounding.ifPresent(rounds -> elementwise(rounds, to));
                call(spec, product, sumsHere, Behind.NOTHING, WAYS.indexOf(way), to);
            });
        }
        var name = GemmChoice.name(STEM, spec, launch);
        sums.ifPresentOrElse(
                wanted -> sink.chooseWithNext(name + " sums " + wanted.factor(), options),
                () -> sink.choose(name, options));
    }

    /** A second kernel makes something of the sums. */
    private static void planWithRest(Gemm spec, Launch launch, CallSink sink) {
        var sums = ProductSums.of(spec, launch);
        var place = place(sums, launch, sink);
        var rest = rest(spec, sums, place, launch);
        var rounding = rounding(launch, sums.added(), sums.dtype(), sink);
        var product = product(launch, sums.added(), rounding, place);
        var behind = behind(launch, place, rest);
        var options = new LinkedHashMap<String, Consumer<CallSink>>();
        for (var way : WAYS) {
            var behindHere = WAYS.indexOf(way) == 0 ? behind : Behind.NOTHING;
            options.put(way, to -> {
                rounding.ifPresent(rounds -> elementwise(rounds, to));
                GemmTemplate.plan(spec, launch, new Redirecting.Skipping(to));
                call(spec, product, Optional.empty(), behindHere, WAYS.indexOf(way), to);
                elementwise(rest, to);
            });
        }
        options.put("fused", to -> {
            var skipping = new Redirecting.Skipping(to);
            rounding.ifPresent(rounds -> elementwise(rounds, skipping));
            GemmTemplate.plan(spec, launch, to);
            call(spec, product, Optional.empty(), Behind.NOTHING, 0, skipping);
            elementwise(rest, skipping);
        });
        sink.choose(GemmChoice.name(STEM, spec, launch), options);
    }

    private static void elementwise(Launch launch, CallSink sink) {
        var bytes = Stream.concat(launch.inputs().stream().limit(1), launch.outputs().stream())
                .mapToLong(LaunchCost::bytes)
                .sum();
        ElementwiseTemplate.plan((Elementwise) launch.spec(), launch, new BesideProduct(sink, bytes));
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
        return temporary(launch.outputs().getFirst().dims(), sums.dtype(), sink);
    }

    private static View temporary(List<Integer> dims, DType dtype, CallSink sink) {
        var strides = new Long[] {0L, 0L, 0L, 1L};
        for (var axis = 2; axis >= 0; axis--) {
            strides[axis] = strides[axis + 1] * dims.get(axis + 1);
        }
        var buffer = sink.temporary(strides[0] * dims.getFirst() * dtype.bytes());
        return new View(buffer, 0, dtype, dims, List.of(strides));
    }

    /** Rounds the bias, if it is to be rounded and added. */
    private static Optional<Launch> rounding(Launch launch, Added added, DType dtype, CallSink sink) {
        if (!added.roundsBias()) {
            return Optional.empty();
        }
        var bias = launch.inputs().get(1 + added.bias());
        var row = List.of(1, 1, 1, bias.dim(3));
        var from = new View(bias.buffer(), bias.offset(), bias.dtype(), row, List.of(0L, 0L, 0L, 1L));
        var spec = new Elementwise(
                4,
                List.of(new Operand(bias.dtype(), Access.CONTIGUOUS)),
                List.of(new Result(dtype, new Expr.Convert(dtype, new Expr.Arg(0, bias.dtype())))),
                List.of(Access.CONTIGUOUS));
        return Optional.of(new Launch(spec, List.of(from), List.of(temporary(row, dtype, sink)), List.of()));
    }

    /** @param rounding of the bias, where it is rounded */
    private static Product product(Launch launch, Added added, Optional<Launch> rounding, View to) {
        var bias = Optional.<View>empty();
        if (added.bias() >= 0) {
            var vector = launch.inputs().get(1 + added.bias());
            bias = Optional.of(rounding.map(rounds -> rounds.outputs().getFirst())
                    .map(rounded -> new View(rounded.buffer(), 0, rounded.dtype(), vector.dims(), vector.strides()))
                    .orElse(vector));
        }
        var addend = added.matrix() < 0
                ? Optional.<View>empty()
                : Optional.of(launch.inputs().get(1 + added.matrix()));
        return new Product(launch.inputs().get(0), launch.inputs().get(1), to, bias, addend);
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

    /** What a library can do of the second kernel's work: all of it, or nothing. */
    private static Behind behind(Launch launch, View c, Launch rest) {
        var results = ((Elementwise) rest.spec()).results();
        if (results.size() != 1 || !mayBeBehind(rest.outputs().getFirst(), c)) {
            return Behind.NOTHING;
        }
        var result = rest.outputs().getFirst();
        if (TanhGelu.isValue(results.getFirst().value(), rest.attributes())) {
            var isWanted = launch.outputs().size() > 1;
            return new Behind(Activation.GELU, Optional.of(result), isWanted ? Optional.of(c) : Optional.<View>empty());
        }
        if (TanhGelu.isGradient(launch)) {
            var argument = rest.inputs().get(1);
            // Where the library reads and writes the same matrix is not documented, but for C.
            if (mayBeBehind(argument, c) && argument.buffer() != result.buffer()) {
                return new Behind(Activation.GELU_GRADIENT, Optional.of(result), Optional.of(argument));
            }
        }
        return Behind.NOTHING;
    }

    private static boolean mayBeBehind(View view, View c) {
        return view.dtype() == c.dtype() && c.dim(0) * c.dim(1) == 1 && isMatrix(view, true);
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

    private static void call(Gemm of, Product product, Optional<Sums> sums, Behind behind, int way, CallSink sink) {
        var launch = product.launch(of);
        var spec = (Gemm) launch.spec();
        var hasBias = product.bias().isPresent();
        var hasAddend = product.addend().isPresent();
        var onTensorCores = spec.lhs() == DType.BF16;
        var kernel = onTensorCores
                ? TensorProductTemplate.kernel(STEM, spec, launch, hasBias, hasAddend)
                : GemmTemplate.kernel(STEM, spec);
        header(kernel, product, way);
        sums.ifPresentOrElse(
                wanted -> kernel.at("placeSums", wanted.to())
                        .number("sumsOfB", wanted.factor() == SummedFactor.RHS ? 1 : 0)
                        .number("sumsAreBf16", wanted.to().dtype() == DType.BF16 ? 1 : 0),
                () -> kernel.number("placeSums", -1).number("sumsOfB", 0).number("sumsAreBf16", 0));
        kernel.number("activation", behind.activation().number);
        rows(kernel, "Activated", behind.result());
        rows(kernel, "Argument", behind.argument());
        if (onTensorCores) {
            TensorProductTemplate.launch(spec, launch, kernel, hasBias, hasAddend, sink);
        } else {
            GemmTemplate.plan(spec, launch, kernel, sink);
        }
    }

    private static void header(TornadoKernel kernel, Product product, int way) {
        var a = product.a();
        var b = product.b();
        var c = product.c();
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
        place(kernel, "placeBias", product.bias());
        place(kernel, "placeAddend", product.addend());
        strides(kernel, "ofAddend", product.addend(), 3);
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
