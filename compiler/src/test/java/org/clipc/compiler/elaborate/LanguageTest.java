package org.clipc.compiler.elaborate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.clipc.ir.Graph;
import org.clipc.ir.InputKind;
import org.clipc.ir.Node;
import org.clipc.ir.Op;
import org.clipc.ir.TensorType;
import org.clipc.ir.interp.Tensor64;
import org.clipc.program.Parameter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the language means, on small examples run by the reference interpreter. */
class LanguageTest {
    @TempDir
    Path folder;

    private static final Tensor64 X = Tensor64.of(TensorType.f32(2, 3), 1, 2, 3, 4, 5, 6);
    private static final Tensor64 IDS = Tensor64.of(TensorType.i32(2, 2), 1, 0, 2, 2);

    private String value(String body) {
        Tensor64 result =
                Source.entry(folder, "", "x: [B, 3], ids: i32[B, 2]", body).run(2, false, Map.of("x", X, "ids", IDS));
        return result.type() + " "
                + IntStream.range(0, result.size())
                        .mapToObj(i -> round(result.get(i)))
                        .toList();
    }

    private static String round(double value) {
        double rounded = Math.round(value * 1000) / 1000.0;
        return rounded == Math.rint(rounded) ? String.valueOf((long) rounded) : String.valueOf(rounded);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '~',
            value = {
                "x + 1 ~ f32[2,3] [2, 3, 4, 5, 6, 7]",
                "x + x[0] ~ f32[2,3] [2, 4, 6, 5, 7, 9]",
                "x[:, :1] * x ~ f32[2,3] [1, 2, 3, 16, 20, 24]",
                "-x[1] ~ f32[3] [-4, -5, -6]",
                "x[-1, -1] ~ f32[] [6]",
                "x[.., 1] ~ f32[2] [2, 5]",
                "x[:, -2:] ~ f32[2,2] [2, 3, 5, 6]",
                "1 / x[0] ~ f32[3] [1, 0.5, 0.333]",
                "x @ transpose(x) ~ f32[2,2] [14, 32, 32, 77]",
                "reshape(x, [B, 1, 3]) @ reshape(x, [1, 3, B]) ~ f32[2,1,2] [22, 28, 49, 64]",
                "matmul(x, reshape(x[:2], [3, 2])) ~ f32[2,2] [22, 28, 49, 64]",
                "dot(x, x, contract_a = 0, contract_b = 0) ~ f32[3,3] [17, 22, 27, 22, 29, 36, 27, 36, 45]",
                "dot(x, x, 1, 1, batch_a = 0, batch_b = 0) ~ f32[2] [14, 77]",
                "linear(x, x, x[:, 0]) ~ f32[2,2] [15, 36, 33, 81]",
                "sum(x) ~ f32[] [21]",
                "sum(x, axis = 0) ~ f32[3] [5, 7, 9]",
                "sum(ids, axis = -1, keepdims = true) ~ i32[2,1] [1, 4]",
                "mean(x, axis = [0, 1]) ~ f32[] [3.5]",
                "sum(x, axis = []) ~ f32[2,3] [1, 2, 3, 4, 5, 6]",
                "mean(x, shape(x)[2:], keepdims = true) ~ f32[2,3] [1, 2, 3, 4, 5, 6]",
                "max_reduce(x, axis = 1) ~ f32[2] [3, 6]",
                "min_reduce(x, axis = 1) ~ f32[2] [1, 4]",
                "argmax(-x) ~ i32[2] [0, 0]",
                "argmax(x, axis = 0, keepdims = true) ~ i32[1,3] [1, 1, 1]",
                "reshape(x[:2], [-1, 2]) ~ f32[3,2] [1, 2, 3, 4, 5, 6]",
                "reshape(x, shape(x) + [1])[1, 2] ~ f32[1] [6]",
                "transpose(x, [1, 0]) ~ f32[3,2] [1, 4, 2, 5, 3, 6]",
                "transpose(sum(x), shape(sum(x))) ~ f32[] [21]",
                "broadcast(x[0], [2, 2, 3]) ~ f32[2,2,3] [1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3]",
                "concat([x, x[:, :1]], axis = -1) ~ f32[2,4] [1, 2, 3, 1, 4, 5, 6, 4]",
                "split(x, axis = 1, parts = 3)[2] ~ f32[2,1] [3, 6]",
                "pad(x, [0, 1], [1, 0], value = 9) ~ f32[3,4] [9, 1, 2, 3, 9, 4, 5, 6, 9, 9, 9, 9]",
                "gather(transpose(x), ids)[0, 1] ~ f32[2] [1, 4]",
                "take(x, ids, axis = 1) ~ f32[2,2] [2, 1, 6, 6]",
                "take(x, argmax(ids), axis = 1) ~ f32[2] [1, 4]",
                "iota(3) ~ i32[3] [0, 1, 2]",
                "full([2], 1.5) ~ f32[2] [1.5, 1.5]",
                "full([2], 3, i32) ~ i32[2] [3, 3]",
                "where(x > 3, x, 0) ~ f32[2,3] [0, 0, 0, 4, 5, 6]",
                "where(ids == 2 or not (ids >= 1), 1, 2) ~ i32[2,2] [2, 1, 1, 1]",
                "where(x > 3, 1.5, 2) ~ f32[2,3] [2, 2, 2, 1.5, 1.5, 1.5]",
                "cast(ids, f32) / 2 ~ f32[2,2] [0.5, 0, 1, 1]",
                "cast(x / 4, i32) ~ i32[2,3] [0, 0, 0, 1, 1, 1]",
                "exp(x[0, :1]) ~ f32[1] [2.718]",
                "log(x[0]) ~ f32[3] [0, 0.693, 1.099]",
                "sqrt(x[1]) + rsqrt(x[1]) ~ f32[3] [2.5, 2.683, 2.858]",
                "tanh(x[0]) + erf(x[0]) ~ f32[3] [1.604, 1.959, 1.995]",
                "sigmoid(x[0]) + softplus(x[0]) ~ f32[3] [2.044, 3.008, 4.001]",
                "sin(x[0]) + cos(x[0]) + abs(-x[0]) + sign(x[0]) ~ f32[3] [3.382, 3.493, 3.151]",
                "max(x, 4) + min(2, x) + pow(x, 2) ~ f32[2,3] [6, 10, 15, 22, 32, 44]",
                "stop_gradient(x)[0] ~ f32[3] [1, 2, 3]",
                "softmax(x, axis = 0)[0] ~ f32[3] [0.047, 0.047, 0.047]",
                "softmax(x)[0] ~ f32[3] [0.09, 0.245, 0.665]",
                "layer_norm(x, full([3], 1), full([3], 0.5))[1] ~ f32[3] [-0.725, 0.5, 1.725]",
                "softmax_xent(x, ids[:, 0]) ~ f32[2] [1.408, 0.408]",
                "attention(reshape(x, [B, 3, 1]), reshape(x, [B, 3, 1]), reshape(x, [B, 3, 1]), 1, causal = true)[:, 0, 0] ~ f32[2] [1, 4]",
                "x[0] * (if B == 2 and true then 2 else 3) ~ f32[3] [2, 4, 6]",
                "x[0, 0] * (floor(2.7) + ceil(2.1) + round(2.5) + int(-2.7) + int(float(7) / 2)) ~ f32[] [8]",
                "x[0, 0] * (max(1, 2) + min(1, 2) + abs(-3) + 7 % 4 + len([1, 2]) + [4, 5, 6][1:][0] + -(2)) ~ f32[] [14]",
                "x[0, 0] * (sqrt(16) + exp(0) + ln(1) + max(0.5, 1) + pow(2, 3)) ~ f32[] [14]",
                "x[0, 0] * shape(x, axis = -1) ~ f32[] [3]",
            })
    void expressions(String body, String expected) {
        assertThat(value(body.strip())).isEqualTo(expected.strip());
    }

    @Test
    void functionsBlocksAndStatements() {
        var source = new Source(folder, """
                fn scaled(x: [D..], by: float = 2) -> [D..] {
                  assert by > 0, "positive"
                  var y = x
                  repeat i in 3 {
                    if i == 1 { y = y * by } else if i == 2 { y = y + i }
                  }
                  return y
                }
                fn pair(x: [(A), N]) -> ([A], [A]) {
                  assert A > 1
                  let first = x[:, 0]
                  return (first, x[:, N - 1])
                }
                fn sums(x: [A, N]) {
                  var total = x[:, 0] * 0
                  repeat i in [2, 0] { total = total * 10 + x[:, i] }
                  return total
                }
                model M {
                  entry main(x: [B, 3]) -> [B] {
                    let (a, b) = pair(scaled(x, by = 3))
                    return a + b + sums(x)
                  }
                }
                """);
        assertThat(source.run(2, false, Map.of("x", X)).data())
                .containsExactly(3 + 2 + 9 + 2 + 31, 12 + 2 + 18 + 2 + 64);
    }

    @Test
    void defaultsComeInTheOrderThatTheyNeed() {
        var source = new Source(folder, """
                fn rows(x: [B, n], m: int = n * 2, n: int = 2 + 1) -> [B] = x[:, n - 1] * m
                fn last(x: [B, S], at: int = S - 1, by: float = if training then 1 else 2) = x[:, at] * by
                model M { entry main(x: [B, 3]) -> [B] = rows(x) + last(x) + last(by = 1, x = x, at = 0) }
                """);
        assertThat(source.run(2, false, Map.of("x", X)).data()).containsExactly(18 + 6 + 1, 36 + 12 + 4);
    }

    @Test
    void stacksHandOnTheFirstParameterWhateverTheOrderOfArguments() {
        var source = new Source(folder, """
                module Add() { fn (x: [D..], y: [D..]) = x + 2 * y }
                model M { adds = repeat i in 2 { Add() } entry main(x: [B, 3]) -> [B] = adds(y = x[:, 0], x = x[:, 1]) }
                """);
        assertThat(source.run(2, false, Map.of("x", X)).data()).containsExactly(2 + 4, 5 + 16);
        var without = new Source(folder, """
                module One() { fn () = 1 }
                model M { ones = repeat i in 2 { One() } entry main(x: [B]) = x + ones() }
                """);
        assertThat(without.problems()).contains("what the one before gives, but this call has none");
    }

    @Test
    void modulesParametersAndNames() {
        var source = new Source(folder, """
                module Scale(n: int, trained: bool = true) {
                  param weight: [n, n] = normal(0.5) shard(tp, 1)
                  if trained { param bias: [n] = uniform(-1, 1) decay }
                  param shift: [] = constant(3) clamp(0, ln(100)) name("logit_scale")
                  fn (x: [D.., n]) = x * shift
                  fn twice(x: [D.., n]) = x * shift * 2
                }
                module Pair(n: int) {
                  a = Scale(n)
                  b = Scale(n, trained = false)
                  fn (x: [D.., n]) = b.twice(a(x))
                }
                model M {
                  frozen(1 < 2) first = Pair(3)
                  inline second = Pair(3)
                  blocks = repeat i in 2 { Scale(3, i == 0) }
                  shared = blocks[1]
                  frozen param last: [] = ones
                  entry main(x: [B, 3]) = blocks(second(first(x))) * last * shared.weight[0, 0] * len(blocks)
                }
                """);
        ElaboratedModel model = source.model();
        assertThat(model.parameters().stream().map(p -> p.name() + p.type().shape() + (p.trainable() ? "" : " frozen")))
                .containsExactly(
                        "first.a.weight[3,3] frozen",
                        "first.a.bias[3] frozen",
                        "first.a.logit_scale[] frozen",
                        "first.b.weight[3,3] frozen",
                        "first.b.logit_scale[] frozen",
                        "a.weight[3,3]",
                        "a.bias[3]",
                        "a.logit_scale[]",
                        "b.weight[3,3]",
                        "b.logit_scale[]",
                        "blocks.0.weight[3,3]",
                        "blocks.0.bias[3]",
                        "blocks.0.logit_scale[]",
                        "blocks.1.weight[3,3]",
                        "blocks.1.logit_scale[]",
                        "last[] frozen");
        ModelParameter weight = model.parameters().getFirst();
        assertThat(weight.decay()).isTrue();
        assertThat(weight.shardAxis()).isEqualTo(1);
        assertThat(weight.initializer()).isEqualTo(new Parameter.Initializer(Parameter.Kind.NORMAL, 0.5, 0));
        assertThat(weight.span().line()).isEqualTo(2);
        ModelParameter bias = model.parameters().get(1);
        assertThat(bias.decay()).as("asked for by the modifier").isTrue();
        assertThat(bias.initializer()).isEqualTo(new Parameter.Initializer(Parameter.Kind.UNIFORM, -1, 1));
        ModelParameter scale = model.parameters().get(2);
        assertThat(scale.decay()).isFalse();
        assertThat(scale.clamp()).containsExactly(0.0, Math.log(100));

        Graph graph = model.entry("main", 2, false);
        assertThat(graph.inputs())
                .filteredOn(i -> i.kind() == InputKind.PARAMETER)
                .extracting(Op.Input::name)
                .containsExactly(
                        "first.a.logit_scale",
                        "first.b.logit_scale",
                        "a.logit_scale",
                        "b.logit_scale",
                        "blocks.0.logit_scale",
                        "blocks.1.logit_scale",
                        "last",
                        "blocks.1.weight");
        assertThat(graph.nodes().stream()
                        .filter(n -> n.op() instanceof Op.Binary)
                        .map(n -> n.location().path())
                        .distinct())
                .containsExactly("first.a", "first.b", "a", "b", "blocks.0", "blocks.1", "");
        assertThat(graph.nodes()).extracting(n -> n.location().source()).allMatch(s -> s.matches("m\\.clip:\\d+"));
    }

    @Test
    void recomputeRegionsMarkTheirNodesAndKeepTheirNames() {
        var source = new Source(folder, """
                module Act() {
                  fn (x: [D..]) { recompute { let y = exp(x) } return y + 1 }
                }
                model M {
                  a = Act()
                  entry main(x: [B]) {
                    recompute { let h = a(x) * 3 }
                    return a(h)
                  }
                }
                """);
        List<Node> nodes = source.model().entry("main", 2, true).nodes();
        assertThat(nodes.stream()
                        .filter(n -> n.op() instanceof Op.Unary || n.op() instanceof Op.Binary)
                        .map(n -> n.location().recompute()))
                .containsExactly("#0", "#0", "#0", "a#1", "");
    }

    @Test
    void trainingAndRandomness() {
        var source = new Source(folder, """
                model M {
                  entry main(x: [B, 3]) {
                    if not training { return x }
                    return where(uniform(shape(x)) < 0.5, uniform([B, 1]), x)
                      + cast(take(iota(8), random_subset(B, 3, 8), axis = 0), f32)
                  }
                }
                """);
        Graph inference = source.model().entry("main", 2, false);
        assertThat(inference.nodes()).hasSize(1);
        Graph training = source.model().entry("main", 2, true);
        assertThat(training.inputs()).extracting(Op.Input::name).containsExactly("x", "seed");
        assertThat(training.inputs().get(1)).isEqualTo(new Op.Input("seed", InputKind.SCALAR, TensorType.i32(2)));
        assertThat(training.nodes().stream()
                        .map(Node::op)
                        .filter(op -> op instanceof Op.Uniform || op instanceof Op.RandomSubset)
                        .map(op -> op instanceof Op.Uniform u ? u.stream() : ((Op.RandomSubset) op).stream()))
                .containsExactly(0, 1, 2);
    }

    @Test
    void entriesNameTheirResultsAndCallEachOther() {
        var source = new Source(folder, """
                model M {
                  /// Twice.
                  entry double(x: [B]) -> [B] = x * 2
                  entry both(x: [B]) -> (once: [B], twice: [B]) = (x, double(x))
                  entry flag(x: [B]) -> bool[B] = x > 1
                  entry named(x: [B]) -> (half: [B]) = x / 2
                }
                """);
        ElaboratedModel model = source.model();
        assertThat(model.entryNames()).containsExactly("double", "both", "flag", "named");
        assertThat(model.doc("double")).contains("Twice.");
        assertThat(model.doc("both")).isEmpty();
        assertThat(model.entry("both", 4, false).outputs()).extracting("name").containsExactly("once", "twice");
        assertThat(model.entry("double", 4, false).outputs()).extracting("name").containsExactly("double");
        assertThat(model.entry("named", 4, false).outputs()).extracting("name").containsExactly("half");
        assertThatThrownBy(() -> model.entry("nine", 1, false)).hasMessageContaining("no entry 'nine'");
        assertThatThrownBy(() -> model.entry("both", 0, false)).hasMessageContaining("batch");
    }

    @Test
    void anErrorOfOneBatchSizeOnlyIsReportedForIt() {
        var source = Source.entry(folder, "", "x: [B]", "x[:2]");
        ElaboratedModel model = source.model();
        assertThatThrownBy(() -> model.entry("main", 1, false))
                .isInstanceOf(ElaborationException.class)
                .hasMessageContaining("the bound 2 is outside of 0 to 1");
    }

    @Test
    void configurationTypesExtendOthers() {
        var source = new Source(folder, """
                config Base { width: int = 8 heads: int = width / 4 }
                config Deep: Base { width: int = 16 layers: int = heads + 1 inner: Base }
                module Use(c: Base) { param w: [c.width, c.heads] = zeros }
                model M {
                  config deep: Deep { heads = 2 }
                  a = Use(deep)
                  b = Use(deep.inner)
                }
                """);
        ElaboratedModel model = source.model("deep.inner.width", 12L);
        assertThat(model.config()).hasToString("{deep={width=16, heads=2, layers=3, inner={width=12, heads=3}}}");
        assertThat(model.configSchema())
                .extracting(ConfigKey::path)
                .containsExactly("deep.width", "deep.heads", "deep.layers", "deep.inner.width", "deep.inner.heads");
        assertThat(model.parameters())
                .extracting(ModelParameter::type)
                .containsExactly(TensorType.f32(16, 2), TensorType.f32(12, 3));
    }

    @Test
    void parametersCanBeHandedToModules() {
        var source = new Source(folder, """
                module Head(table: [v, w], v: int, w: int) { fn (x: [B, w]) -> [B, v] = x @ transpose(table) }
                model M {
                  param table: [5, 3] = zeros
                  head = Head(table, 5, 3)
                  entry main(x: [B, 3]) = head(x)
                }
                """);
        Tensor64 table = Tensor64.filled(TensorType.f32(5, 3), 2);
        assertThat(source.run(2, false, Map.of("x", X, "table", table)).data())
                .containsExactly(new double[] {12, 12, 12, 12, 12, 30, 30, 30, 30, 30}, within(0.0));
    }
}
