package org.clipc.compiler.train;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.clipc.ir.Comparison;
import org.clipc.ir.DType;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.InputKind;
import org.clipc.ir.Location;
import org.clipc.ir.Op;
import org.clipc.ir.Shape;
import org.clipc.ir.TensorType;
import org.clipc.ir.UnaryFn;
import org.clipc.ir.Value;
import org.clipc.ir.interp.Tensor64;
import org.clipc.program.Parameter;
import org.jspecify.annotations.Nullable;

/** A contrastive image-text model of any size as a graph, the way elaboration builds one. */
public final class TwoTowers {

    /** Extents of one tower. */
    public record Tower(int width, int layers, int heads, int ffn) {}

    /** Extents of a model. */
    public record Sizes(
            int batch,
            int image,
            int patch,
            Tower vision,
            int tokens,
            int vocabulary,
            Tower text,
            int embed,
            double dropout) {

        /** Small enough to interpret. */
        public static Sizes tiny(double dropout) {
            return new Sizes(3, 8, 4, new Tower(8, 2, 2, 12), 5, 4, new Tower(6, 2, 3, 10), 4, dropout);
        }

        /** Large enough for products to be the dearest work by far. */
        public static Sizes middling() {
            return new Sizes(48, 64, 16, new Tower(256, 4, 4, 1024), 20, 512, new Tower(192, 4, 3, 768), 64, 0);
        }

        /** ViT-B/32 with 77 tokens. */
        public static Sizes b32(int batch) {
            return new Sizes(
                    batch, 224, 32, new Tower(768, 12, 12, 3072), 77, 49408, new Tower(512, 12, 8, 2048), 512, 0);
        }
    }

    private final Sizes sizes;
    private final GraphBuilder b = new GraphBuilder("loss");
    private final List<Parameter> parameters = new ArrayList<>();
    private final Value seed;
    private int streams;
    private String path = "";

    private TwoTowers(Sizes sizes) {
        this.sizes = sizes;
        seed = b.input("seed", InputKind.SCALAR, TensorType.i32(2));
    }

    /** The graph of the loss, and the model's parameters. */
    public record Model(Graph loss, List<Parameter> parameters) {

        /** Numbers for every input of a graph made of the loss, by name. */
        public Map<String, Tensor64> inputs(Graph graph, long seed) {
            var inputs = new TreeMap<String, Tensor64>();
            for (var input : graph.inputs()) {
                var random = new Random(seed + input.name().hashCode());
                var type = input.type();
                var tensor = Tensor64.zeros(type);
                for (var i = 0; i < tensor.size(); i++) {
                    var isMoment = input.kind() == InputKind.STATE;
                    tensor.data()[i] = type.dtype() == DType.I32
                            ? random.nextInt(4)
                            : isMoment ? (float) (0.01 * random.nextDouble()) : (float) (0.4 * random.nextGaussian());
                }
                inputs.put(input.name(), tensor);
            }
            return inputs;
        }
    }

    public static Model build(Sizes sizes) {
        var towers = new TwoTowers(sizes);
        towers.loss();
        return new Model(towers.b.build(), towers.parameters);
    }

    private void loss() {
        var images = b.input("images", InputKind.DATA, TensorType.f32(sizes.batch(), 3, sizes.image(), sizes.image()));
        var tokens = b.input("tokens", InputKind.DATA, TensorType.i32(sizes.batch(), sizes.tokens()));
        var image = normalize(vision(images));
        var text = normalize(text(tokens));
        path = "";
        var scale = b.unary(UnaryFn.EXP, parameter("logit_scale", List.of(0.0, Math.log(100))));
        var logits =
                b.mul(b.dot(image, 1, text, 1), b.broadcast(scale, Shape.of(sizes.batch(), sizes.batch()), List.of()));
        var labels = b.add(new Op.Iota(Shape.of(sizes.batch()), 0));
        var both = b.add(mean(entropy(logits, labels)), mean(entropy(b.transpose(logits, List.of(1, 0)), labels)));
        b.output("loss", b.mul(both, 0.5));
    }

    private Value entropy(Value logits, Value labels) {
        return b.add(new Op.SoftmaxXent(), logits, labels);
    }

    private Value mean(Value x) {
        return b.mul(b.sum(x, List.of(0)), 1.0 / sizes.batch());
    }

    private Value normalize(Value x) {
        var squares = b.sum(b.mul(x, x), List.of(1));
        var length = b.unary(UnaryFn.RSQRT, b.add(squares, b.constantLike(squares, 1e-12)));
        return b.mul(x, b.broadcast(length, b.shape(x), List.of(0)));
    }

    private Value vision(Value images) {
        var tower = sizes.vision();
        var grid = sizes.image() / sizes.patch();
        path = "visual";
        var split = b.reshape(images, Shape.of(sizes.batch(), 3, grid, sizes.patch(), grid, sizes.patch()));
        var patches = b.reshape(
                b.transpose(split, List.of(0, 2, 4, 1, 3, 5)),
                Shape.of(sizes.batch(), grid * grid, 3 * sizes.patch() * sizes.patch()));
        var weight = b.reshape(
                parameter("conv1.weight", tower.width(), 3, sizes.patch(), sizes.patch()),
                Shape.of(tower.width(), 3 * sizes.patch() * sizes.patch()));
        var embedded = b.dot(patches, 2, weight, 1);
        var token = b.broadcast(
                parameter("class_embedding", tower.width()), Shape.of(sizes.batch(), 1, tower.width()), List.of(2));
        var x = b.concat(List.of(token, embedded), 1);
        var positions = parameter("positional_embedding", grid * grid + 1, tower.width());
        x = b.add(x, b.broadcast(positions, b.shape(x), List.of(1, 2)));
        x = layerNorm("ln_pre", x);
        x = blocks(x, tower, false);
        path = "visual";
        var pooled = b.reshape(
                b.slice(x, List.of(0, 0, 0), List.of(sizes.batch(), 1, tower.width())),
                Shape.of(sizes.batch(), tower.width()));
        return b.dot(layerNorm("ln_post", pooled), 1, parameter("proj", tower.width(), sizes.embed()), 0);
    }

    private Value text(Value tokens) {
        var tower = sizes.text();
        path = "";
        var table = parameter("token_embedding.weight", sizes.vocabulary(), tower.width());
        var x = b.add(new Op.Gather(0), table, tokens);
        var positions = parameter("positional_embedding", sizes.tokens(), tower.width());
        x = b.add(x, b.broadcast(positions, b.shape(x), List.of(1, 2)));
        x = blocks(x, tower, true);
        path = "";
        x = layerNorm("ln_final", x);
        var last = b.add(new Op.ArgMax(1), tokens);
        var pooled = b.reshape(
                b.add(new Op.Gather(1), x, b.reshape(last, Shape.of(sizes.batch(), 1))),
                Shape.of(sizes.batch(), tower.width()));
        return b.dot(pooled, 1, parameter("text_projection", tower.width(), sizes.embed()), 0);
    }

    private Value blocks(Value x, Tower tower, boolean causal) {
        var root = path.isEmpty() ? "transformer.resblocks." : path + ".transformer.resblocks.";
        var result = x;
        for (var layer = 0; layer < tower.layers(); layer++) {
            path = root + layer;
            result = b.add(result, dropPath(attention(layerNorm("ln_1", result), tower, causal), layer));
            result = b.add(result, dropPath(mlp(layerNorm("ln_2", result), tower), layer));
        }
        return result;
    }

    private Value attention(Value x, Tower tower, boolean causal) {
        var width = tower.width();
        var qkv = linear(x, "attn.in_proj_weight", "attn.in_proj_bias", 3 * width);
        var dims = b.shape(qkv).dims();
        var parts = IntStream.range(0, 3)
                .mapToObj(
                        i -> b.slice(qkv, List.of(0, 0, i * width), List.of(dims.get(0), dims.get(1), (i + 1) * width)))
                .toList();
        var operands = new ArrayList<>(parts);
        if (sizes.dropout() > 0) {
            operands.add(seed);
        }
        var scale = 1 / Math.sqrt((double) width / tower.heads());
        var o = b.addAll(new Op.Attention(tower.heads(), causal, scale, sizes.dropout(), streams++), operands);
        return linear(o.getFirst(), "attn.out_proj.weight", "attn.out_proj.bias", width);
    }

    private Value mlp(Value x, Tower tower) {
        var h = linear(x, "mlp.c_fc.weight", "mlp.c_fc.bias", tower.ffn());
        var gate = b.add(b.unary(UnaryFn.ERF, b.mul(h, Math.sqrt(0.5))), b.constantLike(h, 1));
        var y = linear(b.mul(b.mul(h, 0.5), gate), "mlp.c_proj.weight", "mlp.c_proj.bias", tower.width());
        return sizes.dropout() > 0 ? dropout(y, sizes.dropout()) : y;
    }

    private Value dropout(Value x, double rate) {
        var kept = b.add(new Op.Uniform(b.shape(x), streams++), seed);
        var keep = b.compare(Comparison.GE, kept, b.constantLike(kept, rate));
        return b.select(keep, b.mul(x, 1 / (1 - rate)), b.constantLike(x, 0));
    }

    /** Whole samples, rather as the layers go up. */
    private Value dropPath(Value x, int layer) {
        if (sizes.dropout() == 0) {
            return x;
        }
        var rate = sizes.dropout() * (layer + 1) / 3;
        var kept = b.add(new Op.Uniform(Shape.of(b.shape(x).dim(0)), streams++), seed);
        var keep = b.compare(Comparison.GE, kept, b.constantLike(kept, rate));
        var factor = b.select(keep, b.constantLike(kept, 1 / (1 - rate)), b.constantLike(kept, 0));
        return b.mul(x, b.broadcast(factor, b.shape(x), List.of(0)));
    }

    private Value linear(Value x, String weight, String bias, int out) {
        var width = b.shape(x).dim(-1);
        var product = b.dot(x, 2, parameter(weight, out, width), 1);
        return b.add(product, b.broadcast(parameter(bias, out), b.shape(product), List.of(2)));
    }

    private Value layerNorm(String name, Value x) {
        var width = b.shape(x).dim(-1);
        return b.addAll(
                        new Op.LayerNorm(1e-5),
                        List.of(x, parameter(name + ".weight", width), parameter(name + ".bias", width)))
                .getFirst();
    }

    private Value parameter(String name, int... dims) {
        return parameter(name, null, dims);
    }

    private Value parameter(String name, @Nullable List<Double> clamp, int... dims) {
        var full = path.isEmpty() ? name : path + "." + name;
        var type = TensorType.f32(dims);
        var decay = dims.length > 1 && !full.contains("ln_");
        var initializer = new Parameter.Initializer(Parameter.Kind.NORMAL, 0.02, 0);
        parameters.add(new Parameter(full, type, initializer, decay, true, clamp, -1, 0));
        b.at(Location.of(path));
        return b.input(full, InputKind.PARAMETER, type);
    }
}
