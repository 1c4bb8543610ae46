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
import org.clipc.compiler.tornado.ProductCall.Activation;
import org.clipc.compiler.tornado.ProductCall.Behind;
import org.clipc.compiler.tornado.ProductCall.Sums;
import org.clipc.ir.DType;

/**
 * {@link Gemm} for CUDA, cut so that a library can do the product: {@code C = A · B}, with a bias for each column and a
 * matrix added where that is all there is to do; else the sums, with their bias, go through memory to a second, elementwise
 * kernel. Whether the library or the kernel rendered here runs, the runtime decides, by a {@link ProductCall}. A third way is
 * one kernel for all. What does no work in one way is there in every way, as a call of no groups.
 *
 * <p>A library may do more than the product, by default: what the second kernel makes of the sums, where that is GELU by tanh or
 * its gradient (cuBLASLt's epilogues GELU and DGELU), or sums of a factor that the launch behind wants, as a bias's gradient
 * beside its weight's (BGRADA and BGRADB). Then the runtime leaves out the calls whose work is done.
 *
 * <p>What goes through memory, {@link ProductSums} says; where that itself is a result, it lies there.
 */
final class ProductTemplate {

    /** Who computes a product, by number; see {@link ProductCall#HEADER}. */
    private static final List<String> WAYS = List.of("default", "kernel", "library");

    private ProductTemplate() {}

    /** Leaves the launch's arithmetic to the product, for profiles. */
    private record BesideProduct(CallSink to, long bytes) implements Redirecting {

        @Override
        public void launch(RenderedKernel kernel, List<Argument> arguments, int groups, int groupSize) {
            to.prepareLaunch(kernel, arguments, groups, groupSize, bytes);
        }
    }

    /** cuBLASLt gives sums of the type of its result only. */
    private static Optional<Sums> sums(Launch launch, CallSink sink) {
        return sink.next()
                .flatMap(next -> SummedFactor.of(launch, next)
                        .map(factor -> new Sums(factor, next.outputs().getFirst())))
                .filter(sums -> sums.to().dtype() == launch.outputs().getFirst().dtype());
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
            var call = WAYS.indexOf(way) == 0 ? product.with(sums) : product;
            options.put(way, to -> {
                rounding.ifPresent(rounds -> elementwise(rounds, to));
                call.make(spec, WAYS.indexOf(way), to);
            });
        }
        var name = GemmChoice.name(ProductCall.STEM, spec, launch);
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
            var call = WAYS.indexOf(way) == 0 ? product.with(behind) : product;
            options.put(way, to -> {
                rounding.ifPresent(rounds -> elementwise(rounds, to));
                GemmTemplate.plan(spec, launch, new Redirecting.Skipping(to));
                call.make(spec, WAYS.indexOf(way), to);
                elementwise(rest, to);
            });
        }
        options.put("fused", to -> {
            var skipping = new Redirecting.Skipping(to);
            rounding.ifPresent(rounds -> elementwise(rounds, skipping));
            GemmTemplate.plan(spec, launch, to);
            product.make(spec, 0, skipping);
            elementwise(rest, skipping);
        });
        sink.choose(GemmChoice.name(ProductCall.STEM, spec, launch), options);
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
        return sink.temporary(sums.dtype(), launch.outputs().getFirst().dims());
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
        return Optional.of(new Launch(spec, List.of(from), List.of(sink.temporary(dtype, row)), List.of()));
    }

    /** @param rounding of the bias, where it is rounded */
    private static ProductCall product(Launch launch, Added added, Optional<Launch> rounding, View to) {
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
        return ProductCall.of(launch.inputs().get(0), launch.inputs().get(1), to, bias, addend);
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

    /** Of bf16 only: how exact its GELU is, cuBLASLt does not say, and f32 has digits to lose. */
    private static boolean mayBeBehind(View view, View c) {
        return view.dtype() == DType.BF16
                && c.dtype() == DType.BF16
                && c.dim(0) * c.dim(1) == 1
                && isMatrix(view, true);
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

    static boolean isMatrix(View view, boolean rowMajor) {
        var inner = rowMajor ? 3 : 2;
        var outer = rowMajor ? 2 : 3;
        return view.stride(inner) == 1 && view.stride(outer) >= view.dim(inner);
    }
}
