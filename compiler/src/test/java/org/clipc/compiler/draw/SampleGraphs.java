package org.clipc.compiler.draw;

import java.util.List;
import org.clipc.compiler.autodiff.Autodiff;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.InputKind;
import org.clipc.ir.Location;
import org.clipc.ir.Op;
import org.clipc.ir.Output;
import org.clipc.ir.Shape;
import org.clipc.ir.TensorType;
import org.clipc.ir.UnaryFn;
import org.clipc.ir.Value;

/** Two towers of transformer blocks and a contrastive loss, as elaboration would emit them. */
final class SampleGraphs {

    private static final int BATCH = 8;

    private final GraphBuilder b;
    private String path = "";

    private SampleGraphs(String name) {
        b = new GraphBuilder(name);
    }

    static Graph loss(int layers) {
        var s = new SampleGraphs("loss");
        var images = s.b.input("images", InputKind.DATA, TensorType.f32(BATCH, 50, 96));
        var tokens = s.b.input("tokens", InputKind.DATA, TensorType.i32(BATCH, 16));
        var image = s.pooled("visual", s.tower("visual.transformer", images, layers, false), 96);
        s.at("");
        var table = s.parameter("token_embedding.weight", 100, 64);
        var embedded = s.b.add(new Op.Gather(0), table, tokens);
        var text = s.pooled("ln_final", s.tower("transformer", embedded, layers, true), 64);
        s.at("");
        var logits = s.b.mul(s.b.dot(image, 1, text, 1), 14.28);
        var labels = s.b.add(new Op.Iota(Shape.of(BATCH), 0));
        var loss = s.b.addAll(new Op.SoftmaxXent(), List.of(logits, labels)).getFirst();
        s.b.output("loss", s.b.mul(s.b.sum(loss, List.of(0)), 1.0 / BATCH));
        return s.b.build();
    }

    /** Forward, backward and the update of every parameter. */
    static Graph trainStep(int layers) {
        var gradients = Autodiff.gradients(loss(layers), "loss", i -> i.kind() == InputKind.PARAMETER);
        var b = new GraphBuilder("train_step");
        gradients.nodes().forEach(n -> b.at(n.location()).addAll(n.op(), n.operands()));
        var lr = b.at(Location.NONE).input("lr", InputKind.SCALAR, TensorType.f32());
        var step = b.input("step", InputKind.SCALAR, TensorType.f32());
        var one = b.constant(TensorType.f32(), 1);
        b.output(gradients.output("loss"));
        for (var i = 0; i < gradients.nodes().size(); i++) {
            if (gradients.nodes().get(i).op() instanceof Op.Input input && input.kind() == InputKind.PARAMETER) {
                b.at(gradients.nodes().get(i).location());
                var gradient = gradients.output("grad." + input.name()).value();
                var m = b.input("adam.m." + input.name(), InputKind.STATE, input.type());
                var v = b.input("adam.v." + input.name(), InputKind.STATE, input.type());
                var update = b.addAll(
                        new Op.AdamW(0.9, 0.98, 1e-6, 0.2), List.of(new Value(i, 0), gradient, m, v, lr, step, one));
                b.output(new Output("new." + input.name(), update.get(0), input.name()));
            }
        }
        return b.build();
    }

    private void at(String newPath) {
        path = newPath;
        b.at(new Location(newPath, "vision.clip:12", ""));
    }

    private Value tower(String root, Value x, int layers, boolean causal) {
        var h = x;
        for (var i = 0; i < layers; i++) {
            var block = root + ".resblocks." + i;
            h = b.add(h, attention(block, norm(block + ".ln_1", h), causal));
            at(block);
            var mlp = mlp(block + ".mlp", norm(block + ".ln_2", h));
            at(block);
            h = b.add(h, mlp);
        }
        return h;
    }

    private Value norm(String where, Value x) {
        at(where);
        var width = b.shape(x).dim(-1);
        var operands = List.of(x, parameter("weight", width), parameter("bias", width));
        return b.addAll(new Op.LayerNorm(1e-5), operands).getFirst();
    }

    private Value attention(String where, Value x, boolean causal) {
        at(where);
        var shape = b.shape(x);
        var width = shape.dim(-1);
        var qkv = linear(x, "in_proj_weight", "in_proj_bias", 3 * width);
        var parts = new Value[3];
        for (var i = 0; i < 3; i++) {
            parts[i] = b.slice(qkv, List.of(0, 0, i * width), List.of(shape.dim(0), shape.dim(1), (i + 1) * width));
        }
        var o = b.addAll(new Op.Attention(4, causal, 0.2, 0, 0), List.of(parts)).getFirst();
        at(where + ".out_proj");
        return linear(o, "weight", "bias", width);
    }

    private Value mlp(String where, Value x) {
        var width = b.shape(x).dim(-1);
        at(where + ".c_fc");
        var h = linear(x, "weight", "bias", 4 * width);
        at(where + ".gelu");
        h = b.mul(h, b.unary(UnaryFn.SIGMOID, b.mul(h, 1.702)));
        at(where + ".c_proj");
        return linear(h, "weight", "bias", width);
    }

    private Value linear(Value x, String weight, String bias, int out) {
        var y = b.dot(x, 2, parameter(weight, out, b.shape(x).dim(-1)), 1);
        return b.add(y, b.broadcastTo(parameter(bias, out), b.shape(y)));
    }

    private Value pooled(String where, Value x, int width) {
        at(where);
        var shape = b.shape(x);
        var first = b.slice(x, List.of(0, 0, 0), List.of(BATCH, 1, shape.dim(2)));
        return b.dot(b.reshape(first, Shape.of(BATCH, width)), 1, parameter("proj." + width, width, 32), 0);
    }

    private Value parameter(String name, int... dims) {
        return b.input(path.isEmpty() ? name : path + "." + name, InputKind.PARAMETER, TensorType.f32(dims));
    }
}
