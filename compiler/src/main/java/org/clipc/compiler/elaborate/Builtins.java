package org.clipc.compiler.elaborate;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleBinaryOperator;
import java.util.function.DoubleUnaryOperator;
import java.util.function.Function;
import org.clipc.grammar.ast.Identifier;
import org.clipc.grammar.diagnostic.SourceFile;
import org.clipc.grammar.diagnostic.SourceSpan;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.DType;
import org.clipc.ir.MeshAxis;
import org.clipc.ir.Op;
import org.clipc.ir.ReduceFn;
import org.clipc.ir.UnaryFn;
import org.jspecify.annotations.Nullable;

/**
 * The functions that the language provides, one entry each. All else (activations, losses, layers, towers) is written
 * in the language, in the standard library.
 */
final class Builtins {
    private static final Map<String, Builtin> TABLE = new LinkedHashMap<>();

    private Builtins() {}

    static {
        // Of numbers and of tensors, element by element.
        unary("exp", UnaryFn.EXP, Math::exp);
        unary("log", UnaryFn.LOG, Math::log);
        unary("ln", UnaryFn.LOG, Math::log);
        unary("sqrt", UnaryFn.SQRT, Math::sqrt);
        unary("rsqrt", UnaryFn.RSQRT, x -> 1 / Math.sqrt(x));
        unary("tanh", UnaryFn.TANH, Math::tanh);
        unary("sin", UnaryFn.SIN, Math::sin);
        unary("cos", UnaryFn.COS, Math::cos);
        tensorOnly("erf", UnaryFn.ERF);
        tensorOnly("sigmoid", UnaryFn.SIGMOID);
        tensorOnly("softplus", UnaryFn.SOFTPLUS);
        tensorOnly("sign", UnaryFn.SIGN);
        add("abs(x)", a -> switch (a.any("x")) {
            case Val.Int i -> new Val.Int(Math.absExact(i.value()));
            case Val.Real r -> new Val.Real(Math.abs(r.value()));
            default -> Pointwise.unary(a.out(), a.span(), "abs", UnaryFn.ABS, a.tensor("x"));
        });
        binary("max", BinaryFn.MAX, Math::max);
        binary("min", BinaryFn.MIN, Math::min);
        binary("pow", BinaryFn.POW, Math::pow);
        add(
                "where(condition, a, b)",
                a -> Pointwise.select(a.out(), a.span(), a.tensor("condition"), a.any("a"), a.any("b")));
        add("cast(x, dtype)", a -> Pointwise.convert(a.out(), a.span(), a.tensor("x"), a.dtype("dtype")));
        add("stop_gradient(x)", a -> {
            Val.Tensor x = a.tensor("x");
            return a.out().add(a.span(), x.dims(), new Op.StopGradient(), x);
        });

        add("replicate(x)", a -> {
            Val.Tensor x = a.tensor("x");
            return a.out().add(a.span(), x.dims(), new Op.Replicate(MeshAxis.DATA), x);
        });

        add("from_rank_before(x, by)", a -> {
            Val.Tensor x = a.tensor("x");
            var ranks = a.out().dataRanks();
            var rows = x.dims().isEmpty() ? 0 : x.dims().getFirst().size();
            if (ranks > 1 && (rows == 0 || rows % ranks != 0)) {
                throw new Fault(a.span("x"), x.describe() + " has no equal share for each of " + ranks + " ranks");
            }
            var op = new Op.Permute(MeshAxis.DATA, ranks, (int) (a.integer("by") % ranks));
            return ranks == 1 ? x : a.out().add(a.span(), x.dims(), op, x);
        });

        // Of numbers.
        rounding("floor", Math::floor);
        rounding("ceil", Math::ceil);
        rounding("round", Math::rint);
        rounding("int", x -> x < 0 ? Math.ceil(x) : Math.floor(x));
        add("float(x)", a -> new Val.Real(a.number("x")));
        add("shape(x, axis?)", Builtins::shape);
        add("len(list)", a -> switch (a.any("list")) {
            case Val.Items(var all) -> new Val.Int(all.size());
            case Val.Tuple(var all) -> new Val.Int(all.size());
            case Val.Stack(var all) -> new Val.Int(all.size());
            default -> throw new Fault(a.span("list"), a.any("list").describe() + " has no length");
        });

        // Reductions: over all axes unless `axis` names some.
        reduction("sum", ReduceFn.SUM);
        reduction("max_reduce", ReduceFn.MAX);
        reduction("min_reduce", ReduceFn.MIN);
        add("mean(x, axis?, keepdims?)", a -> {
            Val.Tensor x = a.tensor("x");
            return Axes.mean(a.out(), a.span(), x, a.axes("axis", x), a.flag("keepdims", false));
        });
        add("argmax(x, axis?, keepdims?)", a -> {
            Val.Tensor x = a.tensor("x");
            return Axes.argmax(a.out(), a.span(), x, a.axis("axis", x, -1), a.flag("keepdims", false));
        });

        // Axes.
        add(
                "reshape(x, shape)",
                a -> Axes.reshape(a.out(), a.span(), a.tensor("x"), a.shape("shape"), a.span("shape")));
        add(
                "transpose(x, axes?)",
                a -> a.has("axes")
                        ? Axes.transpose(a.out(), a.span(), a.tensor("x"), a.integers("axes"))
                        : Axes.transpose(a.out(), a.span(), a.tensor("x")));
        add("broadcast(x, shape)", a -> Axes.broadcastTo(a.out(), a.span(), a.tensor("x"), a.shape("shape")));
        add("concat(parts, axis)", a -> Axes.concat(a.out(), a.span(), a.tensors("parts"), a.integer("axis")));
        add(
                "split(x, axis, parts)",
                a -> Axes.split(a.out(), a.span(), a.tensor("x"), a.integer("axis"), a.integer("parts")));
        add(
                "pad(x, low, high, value?)",
                a -> Axes.pad(
                        a.out(), a.span(), a.tensor("x"), a.integers("low"), a.integers("high"), a.number("value", 0)));

        // Making tensors.
        add("iota(n)", a -> {
            List<Dim> dims = List.of(new Dim(a.positive("n"), a.span("n").text(), a.span("n")));
            return a.out().add(a.span(), dims, new Op.Iota(Emission.shape(a.span(), dims), 0));
        });
        add(
                "full(shape, value, dtype?)",
                a -> Pointwise.number(
                        a.out(),
                        a.span(),
                        a.any("value"),
                        a.has("dtype") ? a.dtype("dtype") : DType.F32,
                        a.shape("shape")));
        add("uniform(shape)", a -> {
            var op = new Op.Uniform(
                    Emission.shape(a.span(), a.shape("shape")), a.out().nextStream());
            return a.out().add(a.span(), a.shape("shape"), op, a.out().seed(a.span()));
        });
        add("random_subset(batch, choose, from)", Builtins::randomSubset);

        // Contractions and look-ups.
        add(
                "linear(x, w, b?)",
                a -> Neural.linear(a.out(), a.span(), a.tensor("x"), a.tensor("w"), a.optionalTensor("b")));
        add("matmul(a, b)", a -> Neural.matmul(a.out(), a.span(), a.tensor("a"), a.tensor("b")));
        add("dot(a, b, contract_a, contract_b, batch_a?, batch_b?)", a -> {
            Val.Tensor x = a.tensor("a");
            Val.Tensor y = a.tensor("b");
            return Neural.dot(
                    a.out(),
                    a.span(),
                    x,
                    y,
                    a.axesInOrder("contract_a", x),
                    a.axesInOrder("contract_b", y),
                    a.axesInOrder("batch_a", x),
                    a.axesInOrder("batch_b", y));
        });
        add("gather(table, ids)", a -> Neural.take(a.out(), a.span(), "gather", a.tensor("table"), a.tensor("ids"), 0));
        add("take(x, index, axis)", a -> {
            Val.Tensor x = a.tensor("x");
            return Neural.take(a.out(), a.span(), "take", x, a.tensor("index"), a.axis("axis", x, 0));
        });

        // Layers with ops of their own.
        add(
                "layer_norm(x, w, b, eps?)",
                a -> Neural.layerNorm(
                        a.out(), a.span(), a.tensor("x"), a.tensor("w"), a.tensor("b"), a.number("eps", 1e-5)));
        add("softmax(x, axis?)", a -> {
            Val.Tensor x = a.tensor("x");
            return Neural.softmax(a.out(), a.span(), x, a.axis("axis", x, -1));
        });
        add(
                "attention(q, k, v, heads, causal?, scale?, dropout?)",
                a -> Neural.attention(
                        a.out(),
                        a.span(),
                        List.of(a.tensor("q"), a.tensor("k"), a.tensor("v")),
                        a.positive("heads"),
                        a.flag("causal", false),
                        a.has("scale") ? (Double) a.number("scale") : null,
                        a.number("dropout", 0)));
        add(
                "softmax_xent(logits, labels)",
                a -> Neural.softmaxXent(a.out(), a.span(), a.tensor("logits"), a.tensor("labels")));
    }

    static @Nullable Builtin find(String name) {
        return TABLE.get(name);
    }

    /** The outermost scope: built-in functions and element types. */
    static Scope scope() {
        var scope = new Scope(null);
        SourceSpan nowhere = new SourceFile("built in", "").span(0, 0);
        TABLE.values().forEach(b -> scope.define(new Identifier(b.name(), nowhere), new Val.Primitive(b)));
        for (DType dtype : DType.values()) {
            scope.define(new Identifier(dtype.text(), nowhere), new Val.Element(dtype));
        }
        return scope;
    }

    private static void add(String signature, Function<Args, Val> body) {
        Builtin builtin = Builtin.of(signature, body);
        TABLE.put(builtin.name(), builtin);
    }

    private static void unary(String name, UnaryFn fn, DoubleUnaryOperator ofNumber) {
        add(
                name + "(x)",
                a -> Numbers.isNumber(a.any("x"))
                        ? real(a, ofNumber.applyAsDouble(a.number("x")))
                        : Pointwise.unary(a.out(), a.span(), name, fn, a.tensor("x")));
    }

    private static void tensorOnly(String name, UnaryFn fn) {
        add(name + "(x)", a -> Pointwise.unary(a.out(), a.span(), name, fn, a.tensor("x")));
    }

    private static void binary(String name, BinaryFn fn, DoubleBinaryOperator ofNumbers) {
        add(name + "(a, b)", args -> {
            Val a = args.any("a");
            Val b = args.any("b");
            if (!Numbers.isNumber(a) || !Numbers.isNumber(b)) {
                return Pointwise.binary(args.out(), args.span(), name, fn, a, b);
            }
            double result = ofNumbers.applyAsDouble(Numbers.number(a), Numbers.number(b));
            boolean whole = a instanceof Val.Int && b instanceof Val.Int && result == Math.rint(result);
            return whole && Math.abs(result) < 1L << 53 ? new Val.Int((long) result) : real(args, result);
        });
    }

    private static Val real(Args a, double value) {
        if (!Double.isFinite(value)) {
            throw new Fault(a.span(), "`" + a.function() + "` has no finite value here");
        }
        return new Val.Real(value);
    }

    private static void rounding(String name, DoubleUnaryOperator round) {
        add(name + "(x)", a -> {
            double value = round.applyAsDouble(a.number("x"));
            if (!(Math.abs(value) < 1L << 53)) {
                throw new Fault(a.span(), value + " is too large for an int");
            }
            return a.any("x") instanceof Val.Int i ? i : new Val.Int((long) value);
        });
    }

    private static void reduction(String name, ReduceFn fn) {
        add(name + "(x, axis?, keepdims?)", a -> {
            Val.Tensor x = a.tensor("x");
            return Axes.reduce(a.out(), a.span(), fn, x, a.axes("axis", x), a.flag("keepdims", false));
        });
    }

    private static Val shape(Args a) {
        List<Dim> dims = switch (a.any("x")) {
            case Val.Tensor t -> t.dims();
            case Val.Param p -> p.dims();
            default -> throw new Fault(a.span("x"), a.any("x").describe() + " has no shape");
        };
        if (a.has("axis")) {
            int axis = Axes.axis(a.span("axis"), a.integer("axis"), dims.size(), Dim.sizes(dims));
            return new Val.Int(dims.get(axis).size());
        }
        List<Val> sizes = new ArrayList<>();
        dims.forEach(d -> sizes.add(new Val.Int(d.size())));
        return new Val.Items(sizes);
    }

    private static Val randomSubset(Args a) {
        int batch = a.positive("batch");
        int choose = a.positive("choose");
        int from = a.positive("from");
        if (choose > from) {
            throw new Fault(a.span(), "`random_subset` cannot choose " + choose + " of " + from);
        }
        List<Dim> dims = List.of(
                new Dim(batch, a.span("batch").text(), a.span("batch")),
                new Dim(choose, a.span("choose").text(), a.span("choose")));
        var op = new Op.RandomSubset(batch, choose, from, a.out().nextStream());
        return a.out().add(a.span(), dims, op, a.out().seed(a.span()));
    }
}
