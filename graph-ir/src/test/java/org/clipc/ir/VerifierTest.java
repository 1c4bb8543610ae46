package org.clipc.ir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class VerifierTest {

    private static final TensorType TYPE = TensorType.f32(2);
    private static final Op NEG = new Op.Unary(UnaryFn.NEG);

    private static Node input(String name, InputKind kind) {
        return node(new Op.Input(name, kind, TYPE), TYPE);
    }

    private static Node node(Op op, TensorType type, Value... operands) {
        return new Node(op, List.of(operands), List.of(type), Location.NONE);
    }

    private static List<String> verify(List<Node> nodes, Output... outputs) {
        return Verifier.verify(new Graph("g", nodes, List.of(outputs)));
    }

    @Test
    void operandsMustExistBeforeTheirUse() {
        var x = input("x", InputKind.DATA);
        assertThat(verify(List.of(x, node(NEG, TYPE, new Value(1, 0)))))
                .containsExactly("%1 = unary: %1 is not defined before");
        assertThat(verify(List.of(x, node(NEG, TYPE, new Value(0, 1)))))
                .containsExactly("%1 = unary: %0.1 is not defined before");
        assertThat(verify(List.of(x, node(NEG, TYPE, new Value(-1, 0))))).hasSize(1);
    }

    @Test
    void typesMustFollowTheShapeRules() {
        var x = input("x", InputKind.DATA);
        assertThat(verify(List.of(x, node(NEG, TensorType.f32(3), new Value(0, 0)))))
                .containsExactly("%1 = unary: its types are [f32[3]] and should be [f32[2]]");
        assertThat(verify(List.of(x, node(new Op.Unary(UnaryFn.NOT), TYPE, new Value(0, 0)))))
                .containsExactly("%1 = unary: unary cannot take [f32[2]]: operand 0 must hold bool");
    }

    @Test
    void namesMustBeDistinct() {
        var nodes = List.of(input("x", InputKind.DATA), input("x", InputKind.DATA));
        var y = new Output("y", new Value(0, 0));
        assertThat(verify(nodes, y, y)).containsExactly("two inputs are named x", "two outputs are named y");
    }

    @Test
    void outputsMustExist() {
        assertThat(verify(List.of(input("x", InputKind.DATA)), new Output("y", new Value(3, 0))))
                .containsExactly("output y is %3, which does not exist");
    }

    @Test
    void updatesReplaceWhatOutlivesARunOfTheSameTypeOnce() {
        var nodes = List.of(
                input("w", InputKind.PARAMETER),
                input("x", InputKind.DATA),
                node(new Op.Constant(TensorType.f32(), 0), TensorType.f32()),
                input("s", InputKind.STATE),
                input("c", InputKind.CARRIED));
        var w = new Value(0, 0);
        assertThat(verify(nodes, new Output("a", w, "w"), new Output("b", w, "s"), new Output("c", w, "c")))
                .isEmpty();
        assertThat(verify(nodes, new Output("a", w, "x")))
                .containsExactly("output a updates x, which is no parameter, state or carried input");
        assertThat(verify(nodes, new Output("a", w, "gone")))
                .containsExactly("output a updates gone, which is no parameter, state or carried input");
        assertThat(verify(nodes, new Output("a", new Value(2, 0), "w")))
                .containsExactly("output a updates w, which is f32[2], with a f32[]");
        assertThat(verify(nodes, new Output("a", w, "w"), new Output("b", w, "w")))
                .containsExactly("output b updates w, which another output updates too");
    }

    @Test
    void bodiesMustBeLegalThemselves() {
        var inner = new ArrayList<Node>();
        inner.add(input("zero", InputKind.OPERAND));
        inner.add(node(NEG, TYPE, new Value(5, 0)));
        var body = new Graph("b", inner, List.of(new Output("y", new Value(0, 0))));
        var fused = node(new Op.Fused(FusionKind.ELEMENTWISE, body), TYPE, new Value(0, 0));
        assertThat(verify(List.of(input("x", InputKind.DATA), fused)))
                .contains(
                        "%1 = fused: in its body: %1 = unary: %5 is not defined before",
                        "%1 = fused: in its body: input 0 of the body is named zero",
                        "%1 = fused: in its body: output 0 of the body is named y");
        assertThat(verify(List.of(input("x", InputKind.OPERAND)))).containsExactly("input x is of kind OPERAND");
    }

    @Test
    void checkThrowsWithAllProblems() {
        var graph =
                new Graph("g", List.of(), List.of(new Output("y", new Value(0, 0)), new Output("z", new Value(0, 0))));
        assertThatThrownBy(() -> Verifier.check(graph))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("graph g")
                .hasMessageContaining("output y is %0")
                .hasMessageContaining("output z is %0");
    }
}
