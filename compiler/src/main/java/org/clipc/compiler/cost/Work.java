package org.clipc.compiler.cost;

import java.util.List;
import java.util.stream.IntStream;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.Graph;
import org.clipc.ir.Node;
import org.clipc.ir.Op;
import org.clipc.ir.Shape;
import org.clipc.ir.TensorType;
import org.clipc.ir.UnaryFn;

/**
 * What ops take, in additions, to choose by: elementary functions count as the additions that they take, random numbers as
 * theirs. What the field calls an op's FLOPs, {@link org.clipc.ir.Cost} counts.
 */
public final class Work {

    private Work() {}

    /** Of a whole graph; a multiplication with an addition counts as two. */
    public static double of(Graph graph) {
        return graph.nodes().stream()
                .mapToDouble(node ->
                        of(node.op(), node.operands().stream().map(graph::type).toList(), node.types()))
                .sum();
    }

    /** Of a node. */
    public static double of(Op op, List<TensorType> operands, List<TensorType> results) {
        var elements = (double) results.getFirst().elements();
        return switch (op) {
            case Op.Input _, Op.Constant _, Op.Iota _, Op.DataMovement _ -> 0;
            case Op.AllReduce _, Op.ReduceScatter _ -> elements;
            case Op.Elementwise _, Op.Uniform _ -> elements * perElement(op);
            case Op.RandomSubset(var batch, var _, var from, var _) -> (double) batch * from * PHILOX;
            case Op.Reduce _, Op.ArgMax _ -> operands.getFirst().elements();
            case Op.DotGeneral dot ->
                2 * elements * contracted(dot, operands.getFirst().shape());
            case Op.ScatterAdd _ -> operands.getFirst().elements();
            case Op.LayerNorm _ -> 8 * elements;
            case Op.LayerNormGrad _ -> 14 * elements;
            case Op.Softmax _, Op.SoftmaxXentGrad _ -> 20 * elements;
            case Op.SoftmaxGrad _ -> 5 * elements;
            case Op.SoftmaxXent _ -> 20.0 * operands.getFirst().elements();
            case Op.Attention attention -> attention(attention.causal(), operands.get(0), operands.get(1), 2);
            case Op.AttentionGrad attention -> attention(attention.causal(), operands.get(1), operands.get(2), 5);
            case Op.AdamW _ -> 16 * elements;
            case Op.Fused(var _, var body) -> of(body);
        };
    }

    private static final int PHILOX = 30;

    /** Work for one element of the result of an elementwise op or a generator, in additions. */
    public static int perElement(Op op) {
        return switch (op) {
            case Op.Unary(var fn) -> perElement(fn);
            case Op.Binary(var fn) -> fn == BinaryFn.POW ? 30 : fn == BinaryFn.DIV ? 5 : 1;
            case Op.Uniform _ -> PHILOX;
            default -> 1;
        };
    }

    private static int perElement(UnaryFn fn) {
        return switch (fn) {
            case NEG, ABS, SIGN, NOT, FLOOR -> 1;
            case SQRT, RSQRT, RECIPROCAL -> 6;
            case EXP, LOG, SIGMOID -> 14;
            case TANH, ERF, SIN, COS, SOFTPLUS -> 20;
        };
    }

    private static long contracted(Op.DotGeneral dot, Shape lhs) {
        return dot.lhsContract().stream().mapToLong(lhs::dim).reduce(1, (a, b) -> a * b);
    }

    /** Products of [s, d] and [d, t] matrices for each head; with a causal mask, half of each. */
    private static double attention(boolean causal, TensorType q, TensorType k, int products) {
        var pairs = (double) q.elements() * k.dim(1);
        return 2 * products * pairs / (causal ? 2 : 1);
    }

    /** Bytes that a node reads and writes. */
    public static double traffic(Node node, Graph graph) {
        var read = IntStream.range(0, node.operands().size())
                .mapToLong(i -> graph.type(node.operand(i)).bytes())
                .sum();
        return read + node.types().stream().mapToLong(TensorType::bytes).sum();
    }
}
