package org.clipc.compiler.draw;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.clipc.compiler.draw.Diagram.Kind;
import org.clipc.ir.FusionKind;
import org.clipc.ir.Graph;
import org.clipc.ir.Node;
import org.clipc.ir.Op;
import org.clipc.ir.TensorType;

/** How ops are called and coloured in pictures. */
final class OpText {

    private static final int SUMMARY = 4;

    private OpText() {}

    /** A word or two. */
    static String name(Op op) {
        return switch (op) {
            case Op.Input input -> input.name();
            case Op.Constant constant -> number(constant.value());
            case Op.Unary unary -> lower(unary.fn());
            case Op.Binary binary -> lower(binary.fn());
            case Op.Compare compare -> lower(compare.comparison());
            case Op.Convert convert -> "to " + convert.dtype().text();
            case Op.Reduce reduce -> lower(reduce.fn()) + " over " + axes(reduce.axes());
            case Op.ArgMax argMax -> "argmax over axis " + argMax.axis();
            case Op.Concat concat -> "concat along axis " + concat.axis();
            case Op.DotGeneral _ -> "matmul";
            case Op.Attention attention -> attention.causal() ? "causal attention" : "attention";
            case Op.AttentionGrad attention -> attention.causal() ? "causal attention gradient" : "attention gradient";
            case Op.LayerNormGrad _ -> "layer norm gradient";
            case Op.SoftmaxGrad _ -> "softmax gradient";
            case Op.SoftmaxXentGrad _ -> "softmax xent gradient";
            case Op.AdamW _ -> "AdamW";
            case Op.AllReduce reduce ->
                "all-reduce " + lower(reduce.fn()) + " over " + reduce.axis().text();
            case Op.AllGather gather -> "all-gather over " + gather.axis().text();
            case Op.ReduceScatter scatter ->
                "reduce-scatter over " + scatter.axis().text();
            case Op.Permute permute -> "shift over " + permute.axis().text();
            case Op.Fused fused -> fused.kind() == FusionKind.GEMM ? "matmul, fused" : lower(fused.kind()) + ", fused";
            default -> spaced(op);
        };
    }

    private static String spaced(Op op) {
        return op.getClass()
                .getSimpleName()
                .replaceAll("(?<=[a-z])(?=[A-Z])", " ")
                .toLowerCase(Locale.ROOT);
    }

    /** What else is worth a line, such as what a fused op does; empty if nothing. */
    static String detail(Op op) {
        return switch (op) {
            case Op.Fused fused -> summary(fused.body());
            case Op.Attention attention -> attention.heads() + " heads";
            case Op.AttentionGrad attention -> attention.heads() + " heads";
            case Op.AllReduce reduce -> reduce.size() + " ranks";
            case Op.AllGather gather -> gather.size() + " ranks, axis " + gather.dim();
            case Op.ReduceScatter scatter -> scatter.size() + " ranks, axis " + scatter.dim();
            case Op.Permute permute -> permute.size() + " ranks, by " + permute.shift();
            case Op.Transpose transpose -> axes(transpose.permutation());
            default -> "";
        };
    }

    private static String summary(Graph body) {
        var names = new ArrayList<String>();
        for (var node : body.nodes()) {
            var quiet =
                    node.op() instanceof Op.Input || node.op() instanceof Op.Constant || kind(node.op()) == Kind.LAYOUT;
            if (!quiet && (names.isEmpty() || !names.getLast().equals(name(node.op())))) {
                names.add(name(node.op()));
            }
        }
        var shown = names.stream().limit(SUMMARY).collect(Collectors.joining(" · "));
        return names.size() > SUMMARY ? shown + " · …" : shown;
    }

    static Kind kind(Op op) {
        return switch (op) {
            case Op.Input _ -> Kind.INPUT;
            case Op.Constant _, Op.Elementwise _, Op.StopGradient _ -> Kind.POINTWISE;
            case Op.Uniform _, Op.RandomSubset _ -> Kind.RANDOM;
            case Op.Reduce _, Op.ArgMax _ -> Kind.REDUCTION;
            case Op.DotGeneral _ -> Kind.MATMUL;
            case Op.Gather _, Op.ScatterAdd _ -> Kind.INDEXING;
            case Op.LayerNorm _,
                    Op.LayerNormGrad _,
                    Op.Softmax _,
                    Op.SoftmaxGrad _,
                    Op.SoftmaxXent _,
                    Op.SoftmaxXentGrad _ -> Kind.NORMALIZATION;
            case Op.Attention _, Op.AttentionGrad _ -> Kind.ATTENTION;
            case Op.AdamW _ -> Kind.OPTIMIZER;
            case Op.Collective _ -> Kind.COLLECTIVE;
            case Op.Iota _, Op.DataMovement _ -> Kind.LAYOUT;
            case Op.Fused fused ->
                switch (fused.kind()) {
                    case ELEMENTWISE -> Kind.POINTWISE;
                    case REDUCE -> Kind.REDUCTION;
                    case GEMM -> Kind.MATMUL;
                };
        };
    }

    /** One line that says everything: {@code %12, %13 = layer norm(%3, %4, %5): f32[8,50,768], …}. */
    static String line(int index, Node node) {
        var operands = node.operands().stream().map(String::valueOf).collect(Collectors.joining(", ", "(", ")"));
        var types = node.types().stream().map(TensorType::toString).collect(Collectors.joining(", "));
        var detail = detail(node.op());
        var source = node.location().source();
        return "%" + index + " = " + name(node.op()) + (node.operands().isEmpty() ? "" : operands) + ": " + types
                + (detail.isEmpty() ? "" : "  {" + detail + "}")
                + (source.isEmpty() ? "" : "  at " + source);
    }

    static String axes(List<Integer> axes) {
        return axes.size() == 1
                ? "axis " + axes.getFirst()
                : "axes " + axes.stream().map(String::valueOf).collect(Collectors.joining(", "));
    }

    private static String lower(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }

    /** At most six digits, and no zeros that say nothing. */
    static String number(double value) {
        if (!Double.isFinite(value)) {
            return String.valueOf(value);
        }
        var rounded = new BigDecimal(value).round(new MathContext(6)).stripTrailingZeros();
        return Math.abs(value) < 1e9 && (value == 0 || Math.abs(value) >= 1e-4)
                ? rounded.toPlainString()
                : rounded.toString().replace('E', 'e');
    }
}
