package org.clipc.ir.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;
import org.clipc.ir.DType;
import org.clipc.ir.FusionKind;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.InputKind;
import org.clipc.ir.Location;
import org.clipc.ir.Op;
import org.clipc.ir.Output;
import org.clipc.ir.Shape;
import org.clipc.ir.TensorType;
import org.clipc.ir.UnaryFn;
import org.clipc.ir.Verifier;
import org.clipc.ir.testing.RandomGraphs;

class GraphTextTest {

    private static final String SMALL = """
            graph "norm" {
              %0 = input.parameter {name = "x", type = f32[2,3]}
              %1 = constant {type = f32[3], value = 1.0} @ "visual.ln"
              %2 = layer_norm(%0, %1, %1) {epsilon = 1.0E-5} : f32[2,3], f32[2], f32[2] @ "visual.ln" "vision.clip:41"
              %3 = reduce.sum(%2.1) {axes = [0]} : f32[] @ "" "" "block \\"3\\""
              output "mean" = %3
              output "x" = %2 updates "x"
            }
            """;

    private static final List<String> TEXTS = LongStream.range(0, 50)
            .mapToObj(seed -> GraphPrinter.print(RandomGraphs.graph(seed, 15).graph()))
            .toList();

    private static Graph parse(String text) {
        return GraphParser.parse("test.cir", text);
    }

    @Example
    void printsOneNodeToALine() {
        var b = new GraphBuilder("norm");
        var x = b.input("x", InputKind.PARAMETER, TensorType.f32(2, 3));
        b.at(Location.of("visual.ln"));
        var one = b.constant(TensorType.f32(3), 1);
        b.at(new Location("visual.ln", "vision.clip:41", ""));
        var norm = b.addAll(new Op.LayerNorm(1e-5), List.of(x, one, one));
        b.at(new Location("", "", "block \"3\""));
        b.output("mean", b.sum(norm.get(1), List.of(0)));
        b.output(new Output("x", norm.getFirst(), "x"));
        assertThat(GraphPrinter.print(b.build())).isEqualTo(SMALL);
        assertThat(parse(SMALL)).isEqualTo(b.build());
    }

    @Property(tries = 300, shrinking = ShrinkingMode.OFF)
    void randomGraphsAreLegalAndReadBackEqual(@ForAll long seed) {
        var graph = RandomGraphs.graph(seed, 30).graph();
        assertThat(Verifier.verify(graph)).isEmpty();
        assertThat(parse(GraphPrinter.print(graph))).isEqualTo(graph);
    }

    @Example
    void everyOpHasAText() {
        for (var op : RandomGraphs.ops()) {
            for (var seed = 0; seed < 20; seed++) {
                var graph = RandomGraphs.applying(op, seed).graph();
                assertThat(parse(GraphPrinter.print(graph)))
                        .as("%s, seed %d", op, seed)
                        .isEqualTo(graph);
            }
        }
    }

    @Property(tries = 200)
    void anyStringIsAName(@ForAll String name) {
        var b = new GraphBuilder(name);
        b.at(Location.of(name)).output(name, b.input(name, InputKind.DATA, TensorType.f32()));
        if (name.length() <= Tokens.LONGEST_STRING) {
            assertThat(parse(GraphPrinter.print(b.build()))).isEqualTo(b.build());
        }
    }

    @Property(tries = 200)
    void anyNumberIsAConstant(@ForAll double value) {
        for (var v : new double[] {value, Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, -0.0}) {
            var b = new GraphBuilder("g");
            b.output("y", b.constant(TensorType.scalar(DType.F32), v));
            assertThat(parse(GraphPrinter.print(b.build()))).isEqualTo(b.build());
        }
    }

    /** Broken text gives a message or another graph; nothing else may happen. */
    @Property(tries = 3000, shrinking = ShrinkingMode.OFF)
    void mutatedTextNeverCrashes(@ForAll long seed) {
        var random = new Random(seed);
        var text = new StringBuilder(TEXTS.get(random.nextInt(TEXTS.size())));
        for (var i = 0; i <= random.nextInt(4); i++) {
            mutate(text, random);
        }
        try {
            Verifier.verify(parse(text.toString()));
        } catch (GraphParseException e) {
            assertThat(e).hasMessageMatching("(?s)test\\.cir:\\d+:\\d+: .+");
        }
    }

    private static void mutate(StringBuilder text, Random random) {
        if (text.isEmpty()) {
            text.append('%');
        }
        var at = random.nextInt(text.length());
        var end = Math.min(text.length(), at + 1 + random.nextInt(6));
        switch (random.nextInt(5)) {
            case 0 -> text.setCharAt(at, "\"%{}[](),.=-019aex\n\\:@".charAt(random.nextInt(22)));
            case 1 -> text.delete(at, end);
            case 2 -> text.insert(random.nextInt(text.length()), text.substring(at, end));
            case 3 -> text.setLength(Math.max(1, at));
            default -> text.insert(at, random.nextInt() * (random.nextBoolean() ? 1 : 7));
        }
    }

    @Example
    void peopleMayNameValuesLeaveOutTypesAndComment() {
        var graph = parse("""
                // A comment.
                graph "g" { %x = input.data {name = "x", type = f32[2]} // Another.
                  %hidden = unary.tanh(%x) output "y" = %hidden }
                """);
        var b = new GraphBuilder("g");
        b.output("y", b.unary(UnaryFn.TANH, b.input("x", InputKind.DATA, TensorType.f32(2))));
        assertThat(graph).isEqualTo(b.build());
    }

    @Example
    void errorsSayWhereAndWhat() {
        assertRefused("graph \"g\" {\n  %0 = tanh\n}", "2:8: unknown op tanh");
        assertRefused("graph \"g\" {\n  %0 = unary.tahn", "2:14: tahn is none of neg, abs, sign");
        assertRefused("graph \"g\" {\n  %0 = unary.neg(%1)", "2:18: %1 is not defined above");
        assertRefused("graph \"g\" { %0 = iota {shape = [2]} }", "1:18: iota needs axis");
        assertRefused("graph \"g\" { %0 = iota {shape = [2], axes = 0} }", "1:37: iota has no attribute axes");
        assertRefused("graph \"g\" { %0 = iota {axis = 0, axis = 0} }", "1:34: axis is given twice");
        assertRefused(
                "graph \"g\" { %0 = iota {shape = [0], axis = 0} }", "1:32: extent 0 in shape [0] is not positive");
        assertRefused("graph \"g\" { %0 = iota {shape = [2], axis = 1.5} }", "1:44: 1.5 is not a whole number");
        assertRefused(
                "graph \"g\" { %0 = iota {shape = [2], axis = 1} }",
                "1:18: iota cannot take []: axis 1 is outside of [2]");
        assertRefused(
                "graph \"g\" { %0 = iota {shape = [2], axis = 0} : f32[2] }",
                "1:47: the result types are [i32[2]], not [f32[2]]");
        assertRefused("graph \"g", "1:7: this string has no closing quote on its line");
        assertRefused("graph \"\\x\" {}", "1:8: unknown escape \\x");
        assertRefused("graph \"g\" { } x", "1:15: expected the end of the text but found x");
        assertRefused("", "1:1: expected graph but found end of text");
    }

    private static void assertRefused(String text, String message) {
        assertThatThrownBy(() -> parse(text))
                .isInstanceOf(GraphParseException.class)
                .hasMessageStartingWith("test.cir:" + message);
    }

    @Example
    void hostileTextMeetsLimits() {
        var body = "%0 = fused.gemm {body = graph \"b\" {";
        assertRefused("graph \"g\" {" + body.repeat(100_000), "1:281: bodies nest deeper than 8");
        assertRefused("graph \"" + "x".repeat(100_000), "1:7: a string of more than 4096 characters");
        assertRefused("graph \"g\" { %" + "x".repeat(100_000), "1:14: a word of 100000 characters");
        assertThatThrownBy(() -> parse("graph \"g\" { %0 = iota {shape = [" + "1,".repeat(100_000)))
                .hasMessageContaining("more than 4096 items");
        assertThatThrownBy(() -> parse("graph \"g\" { %0 = iota {shape = [" + "65536,".repeat(4) + "1], axis = 0} }"))
                .hasMessageContaining("more elements than 64 bits count");
        assertRefused(
                "graph \"g\" { %0 = input.data {name = \"x\", type = f32[2147483647,2147483647]} }",
                "1:52: shape [2147483647, 2147483647] has more elements than 64 bits count the bytes of");
    }

    @Example
    void bodiesAreIndented() {
        var body = new GraphBuilder("body");
        var x = body.input("0", InputKind.OPERAND, new TensorType(DType.BF16, Shape.of(2)));
        body.output("0", body.neg(x));
        var b = new GraphBuilder("g");
        var y = b.input("y", InputKind.DATA, new TensorType(DType.BF16, Shape.of(2)));
        b.output("z", b.add(new Op.Fused(FusionKind.ELEMENTWISE, body.build()), y));
        assertThat(GraphPrinter.print(b.build())).isEqualTo("""
                        graph "g" {
                          %0 = input.data {name = "y", type = bf16[2]}
                          %1 = fused.elementwise(%0) {body = graph "body" {
                            %0 = input.operand {name = "0", type = bf16[2]}
                            %1 = unary.neg(%0) : bf16[2]
                            output "0" = %1
                          }} : bf16[2]
                          output "z" = %1
                        }
                        """);
    }
}
