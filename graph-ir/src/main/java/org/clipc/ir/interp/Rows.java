package org.clipc.ir.interp;

import java.util.List;
import org.clipc.ir.TensorType;

/** Normalisations over the last axis: layer norm, softmax, softmax cross-entropy, and their gradients. */
final class Rows {

    private Rows() {}

    static List<Tensor64> layerNorm(Tensor64 x, Tensor64 gain, Tensor64 bias, double epsilon, List<TensorType> types) {
        var w = x.shape().dim(-1);
        var y = Tensor64.zeros(types.get(0));
        var mean = Tensor64.zeros(types.get(1));
        var rstd = Tensor64.zeros(types.get(2));
        for (var row = 0; row < mean.size(); row++) {
            var sum = 0.0;
            for (var i = 0; i < w; i++) {
                sum += x.get(row * w + i);
            }
            var m = sum / w;
            var squares = 0.0;
            for (var i = 0; i < w; i++) {
                squares += Math.pow(x.get(row * w + i) - m, 2);
            }
            var r = 1 / Math.sqrt(squares / w + epsilon);
            for (var i = 0; i < w; i++) {
                y.data()[row * w + i] = (x.get(row * w + i) - m) * r * gain.get(i) + bias.get(i);
            }
            mean.data()[row] = m;
            rstd.data()[row] = r;
        }
        return List.of(y, mean, rstd);
    }

    /** dx = rstd · (g - mean(g) - x̂ · mean(g · x̂)) with g = dy · gain and x̂ the normalised x. */
    static List<Tensor64> layerNormGrad(List<Tensor64> in, List<TensorType> types) {
        var dy = in.get(0);
        var x = in.get(1);
        var gain = in.get(2);
        var w = x.shape().dim(-1);
        var dx = Tensor64.zeros(types.get(0));
        var dgain = Tensor64.zeros(types.get(1));
        var dbias = Tensor64.zeros(types.get(2));
        for (var row = 0; row < x.size() / w; row++) {
            var mean = in.get(3).get(row);
            var rstd = in.get(4).get(row);
            var meanG = 0.0;
            var meanGx = 0.0;
            for (var i = 0; i < w; i++) {
                var at = row * w + i;
                var normal = (x.get(at) - mean) * rstd;
                var g = dy.get(at) * gain.get(i);
                meanG += g / w;
                meanGx += g * normal / w;
                dgain.data()[i] += dy.get(at) * normal;
                dbias.data()[i] += dy.get(at);
            }
            for (var i = 0; i < w; i++) {
                var at = row * w + i;
                var normal = (x.get(at) - mean) * rstd;
                dx.data()[at] = rstd * (dy.get(at) * gain.get(i) - meanG - normal * meanGx);
            }
        }
        return List.of(dx, dgain, dbias);
    }

    static Tensor64 softmax(Tensor64 x) {
        var w = x.shape().dim(-1);
        var y = Tensor64.zeros(x.type());
        for (var first = 0; first < x.size(); first += w) {
            var lse = logSumExp(x.data(), first, w);
            for (var at = first; at < first + w; at++) {
                y.data()[at] = Math.exp(x.get(at) - lse);
            }
        }
        return y;
    }

    static Tensor64 softmaxGrad(Tensor64 dy, Tensor64 y) {
        var w = y.shape().dim(-1);
        var dx = Tensor64.zeros(y.type());
        for (var first = 0; first < y.size(); first += w) {
            var sum = 0.0;
            for (var at = first; at < first + w; at++) {
                sum += dy.get(at) * y.get(at);
            }
            for (var at = first; at < first + w; at++) {
                dx.data()[at] = y.get(at) * (dy.get(at) - sum);
            }
        }
        return dx;
    }

    static List<Tensor64> softmaxXent(Tensor64 logits, Tensor64 labels, List<TensorType> types) {
        var classes = logits.shape().dim(-1);
        var loss = Tensor64.zeros(types.get(0));
        var lse = Tensor64.zeros(types.get(1));
        for (var row = 0; row < loss.size(); row++) {
            var label = Indexing.inRange(labels.getInt(row), classes);
            lse.data()[row] = logSumExp(logits.data(), row * classes, classes);
            loss.data()[row] = lse.get(row) - logits.get(row * classes + label);
        }
        return List.of(loss, lse);
    }

    static Tensor64 softmaxXentGrad(Tensor64 dloss, Tensor64 logits, Tensor64 labels, Tensor64 lse) {
        var classes = logits.shape().dim(-1);
        var dlogits = Tensor64.zeros(logits.type());
        for (var at = 0; at < logits.size(); at++) {
            var row = at / classes;
            var label = Indexing.inRange(labels.getInt(row), classes);
            var target = at % classes == label ? 1 : 0;
            dlogits.data()[at] = dloss.get(row) * (Math.exp(logits.get(at) - lse.get(row)) - target);
        }
        return dlogits;
    }

    /** Logarithm of the sum of exponentials of {@code count} elements; minus infinity if all are. */
    static double logSumExp(double[] x, int first, int count) {
        var max = Double.NEGATIVE_INFINITY;
        for (var i = 0; i < count; i++) {
            max = Math.max(max, x[first + i]);
        }
        if (max == Double.NEGATIVE_INFINITY) {
            return max;
        }
        var sum = 0.0;
        for (var i = 0; i < count; i++) {
            sum += Math.exp(x[first + i] - max);
        }
        return max + Math.log(sum);
    }
}
