package org.clipc.compiler.kernel;

import java.util.List;
import org.clipc.ir.Cost;
import org.clipc.ir.Op;
import org.clipc.ir.ReduceFn;
import org.clipc.ir.Shape;
import org.clipc.ir.TensorType;

/**
 * What a launch takes, by the formulas of {@link Cost}: for profiles, which compare it with what the device could do.
 * Subexpressions that a kernel computes once count once.
 */
public final class LaunchCost {

    private LaunchCost() {}

    public static Cost of(Launch launch) {
        return new Cost(flops(launch), bytes(launch));
    }

    private static long flops(Launch launch) {
        return switch (launch.spec()) {
            case KernelSpec.Gemm spec -> {
                var elements = launch.outputs().getFirst().elements();
                var values =
                        spec.results().stream().map(KernelSpec.Result::value).toList();
                yield 2 * elements * launch.inputs().getFirst().dim(3) + elements * operations(values);
            }
            case KernelSpec.Elementwise spec -> {
                var values =
                        spec.results().stream().map(KernelSpec.Result::value).toList();
                yield launch.outputs().getFirst().elements() * operations(values);
            }
            case KernelSpec.Reduce spec -> {
                var perElement = (spec.value().dtype().isFloat() ? 1 : 0) + operations(List.of(spec.value()));
                yield reduced(launch) * perElement;
            }
            case KernelSpec.Combine _ -> flops(new Op.Reduce(ReduceFn.SUM, List.of(1)), launch);
            case KernelSpec.ArgMax _ -> flops(new Op.ArgMax(1), launch);
            case KernelSpec.LayerNorm _ -> flops(new Op.LayerNorm(0), launch);
            case KernelSpec.LayerNormGrad _ -> flops(new Op.LayerNormGrad(), launch);
            case KernelSpec.Softmax _ -> flops(new Op.Softmax(), launch);
            case KernelSpec.SoftmaxGrad _ -> flops(new Op.SoftmaxGrad(), launch);
            case KernelSpec.SoftmaxXent _ -> flops(new Op.SoftmaxXent(), launch);
            case KernelSpec.SoftmaxXentGrad _ -> flops(new Op.SoftmaxXentGrad(), launch);
            case KernelSpec.Attention spec -> flops(new Op.Attention(1, spec.causal(), 1, 0, 0), launch);
            case KernelSpec.AttentionGrad spec -> flops(new Op.AttentionGrad(1, spec.causal(), 1, 0, 0), launch);
            case KernelSpec.Gather _, KernelSpec.RandomSubset _ -> 0;
            case KernelSpec.ScatterAdd _ -> flops(new Op.ScatterAdd(1, 1), launch);
            case KernelSpec.AdamW _ -> flops(new Op.AdamW(0, 0, 0, 0), launch);
        };
    }

    private static long flops(Op op, Launch launch) {
        return Cost.of(op, types(launch.inputs()), types(launch.outputs())).flops();
    }

    private static List<TensorType> types(List<View> views) {
        return views.stream().map(LaunchCost::type).toList();
    }

    /** The type that the op sees: a view [b, s, h, d] of attention is its [b, s, h·d]. */
    private static TensorType type(View view) {
        var dims = view.dims();
        return new TensorType(
                view.dtype(),
                new Shape(
                        dims.size() == 4
                                ? List.of(dims.get(0), dims.get(1), Math.multiplyExact(dims.get(2), dims.get(3)))
                                : dims));
    }

    /** Operations for one element: those on floats, as {@link Cost} counts them. */
    private static long operations(List<Expr> values) {
        return ExprDag.of(values).nodes().stream()
                .filter(expr -> switch (expr) {
                    case Expr.Unary unary -> unary.dtype().isFloat();
                    case Expr.Binary binary -> binary.dtype().isFloat();
                    case Expr.Compare(var _, var a, var _) -> a.dtype().isFloat();
                    case Expr.Arg _,
                            Expr.Const _,
                            Expr.Attribute _,
                            Expr.Select _,
                            Expr.Convert _,
                            Expr.Uniform _,
                            Expr.Index _ -> false;
                })
                .count();
    }

    /** Elements that a reduction combines. */
    private static long reduced(Launch launch) {
        return launch.inputs().stream()
                .filter(view -> view.dims().size() == 3)
                .mapToLong(View::elements)
                .max()
                .orElse(0);
    }

    private static long bytes(Launch launch) {
        var results = launch.outputs().stream().mapToLong(LaunchCost::bytes).sum();
        var operands = launch.inputs();
        return results
                + switch (launch.spec()) {
                    // Of the table, only the rows that become the result.
                    case KernelSpec.Gather _ -> results + bytes(operands.get(1));
                    default -> operands.stream().mapToLong(LaunchCost::bytes).sum();
                };
    }

    /** Bytes of a view's elements, those that it repeats counted once. */
    public static long bytes(View view) {
        var elements = 1L;
        for (var axis = 0; axis < view.dims().size(); axis++) {
            elements *= view.stride(axis) == 0 ? 1 : view.dim(axis);
        }
        return elements * view.dtype().bytes();
    }
}
