package org.clipc.ir.interp;

import java.util.Arrays;
import java.util.List;
import org.clipc.ir.Op;
import org.clipc.ir.TensorType;

/**
 * Attention with the whole matrix of probabilities written out, one (batch, head) pair at a time. The probabilities are
 * exp(scale · q·k - lse); dropout multiplies them by 0 or 1 / (1 - dropout).
 */
final class AttentionMath {

    private final Op.Attention op;
    private final Tensor64 q;
    private final Tensor64 k;
    private final Tensor64 v;
    private final Tensor64 seed;
    private final int width;
    private final int d;
    private final int s;
    private final int t;

    /** @param seed not read unless there is dropout */
    private AttentionMath(Op.Attention op, Tensor64 q, Tensor64 k, Tensor64 v, Tensor64 seed) {
        this.op = op;
        this.q = q;
        this.k = k;
        this.v = v;
        this.seed = seed;
        width = q.shape().dim(2);
        d = width / op.heads();
        s = q.shape().dim(1);
        t = k.shape().dim(1);
    }

    static List<Tensor64> forward(Op.Attention op, List<Tensor64> in, List<TensorType> types) {
        return new AttentionMath(op, in.get(0), in.get(1), in.get(2), in.getLast()).outputs(types);
    }

    static List<Tensor64> backward(Op.AttentionGrad grad, List<Tensor64> in, List<TensorType> types) {
        var op = new Op.Attention(grad.heads(), grad.causal(), grad.scale(), grad.dropout(), grad.stream());
        var math = new AttentionMath(op, in.get(1), in.get(2), in.get(3), in.getLast());
        return math.gradients(in.get(0), in.get(4), in.get(5), types);
    }

    private List<Tensor64> outputs(List<TensorType> types) {
        var o = Tensor64.zeros(types.get(0));
        var lse = Tensor64.zeros(types.get(1));
        for (var row = 0; row < lse.size(); row++) {
            var scores = scores(row);
            lse.data()[row] = Rows.logSumExp(scores, 0, t);
            for (var j = 0; j < t; j++) {
                var p = Math.exp(scores[j] - lse.get(row)) * dropoutFactor(row, j);
                for (var c = 0; c < d; c++) {
                    o.data()[query(row) + c] += p * v.get(key(row, j) + c);
                }
            }
        }
        return List.of(o, lse);
    }

    private List<Tensor64> gradients(Tensor64 dout, Tensor64 o, Tensor64 lse, List<TensorType> types) {
        var dq = Tensor64.zeros(types.get(0));
        var dk = Tensor64.zeros(types.get(1));
        var dv = Tensor64.zeros(types.get(2));
        for (var row = 0; row < lse.size(); row++) {
            var scores = scores(row);
            var delta = dot(dout, query(row), o, query(row));
            for (var j = 0; j < t; j++) {
                var p = Math.exp(scores[j] - lse.get(row));
                var factor = dropoutFactor(row, j);
                var dp = dot(dout, query(row), v, key(row, j)) * factor;
                var dscore = p * (dp - delta) * op.scale();
                for (var c = 0; c < d; c++) {
                    dv.data()[key(row, j) + c] += p * factor * dout.get(query(row) + c);
                    dq.data()[query(row) + c] += dscore * k.get(key(row, j) + c);
                    dk.data()[key(row, j) + c] += dscore * q.get(query(row) + c);
                }
            }
        }
        return List.of(dq, dk, dv);
    }

    /** Scaled products of one query with all keys; minus infinity where the causal mask hides the key. */
    private double[] scores(int row) {
        var scores = new double[t];
        Arrays.setAll(
                scores,
                j -> op.causal() && j > row % s
                        ? Double.NEGATIVE_INFINITY
                        : op.scale() * dot(q, query(row), k, key(row, j)));
        return scores;
    }

    private double dot(Tensor64 a, int atA, Tensor64 b, int atB) {
        var sum = 0.0;
        for (var c = 0; c < d; c++) {
            sum += a.get(atA + c) * b.get(atB + c);
        }
        return sum;
    }

    private double dropoutFactor(int row, int j) {
        if (op.dropout() == 0) {
            return 1;
        }
        var kept = Randoms.uniformAt(seed, maskRow(row) * t + j, op.stream()) >= op.dropout();
        return kept ? 1 / (1 - op.dropout()) : 0;
    }

    /** The number of a row among those of all ranks. */
    private long maskRow(int row) {
        if (seed.size() == 2) {
            return row;
        }
        var pair = seed.getInt(2) + (long) batch(row) * seed.getInt(3) + head(row);
        return pair * s + row % s;
    }

    /** Where the query of row (batch · heads + head) · s + i starts. */
    private int query(int row) {
        return (batch(row) * s + row % s) * width + head(row) * d;
    }

    private int key(int row, int j) {
        return (batch(row) * t + j) * width + head(row) * d;
    }

    private int batch(int row) {
        return row / s / op.heads();
    }

    private int head(int row) {
        return row / s % op.heads();
    }
}
