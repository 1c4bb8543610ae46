package org.clipc.compiler.pass;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.InputKind;
import org.clipc.ir.Output;
import org.clipc.ir.TensorType;
import org.clipc.ir.Value;
import org.junit.jupiter.api.Test;

class PassPipelineTest {

    private static Graph graph() {
        var b = new GraphBuilder("g");
        var x = b.input("x", InputKind.DATA, TensorType.f32(2));
        b.output("y", b.neg(b.neg(x)));
        return b.build();
    }

    @Test
    void runsPassesInOrderTimesThemAndShowsEachGraph() {
        var seen = new ArrayList<String>();
        var same = Pass.of("same", g -> g);
        var result = PassPipeline.of(same, new Simplify())
                .observed((pass, g) -> seen.add(pass.name() + " " + g.nodes().size()))
                .run(graph());
        assertThat(seen).containsExactly("same 3", "simplify 1");
        assertThat(result.graph().nodes()).hasSize(1);
        assertThat(result.timings()).extracting(PassPipeline.Timing::pass).containsExactly("same", "simplify");
        assertThat(result.timings()).allMatch(t -> t.nanos() >= 0);
        assertThat(result.timings().getLast().nodesBefore()).isEqualTo(3);
        assertThat(result.timings().getLast().nodesAfter()).isEqualTo(1);
    }

    @Test
    void namesThePassThatBreaksAGraph() {
        var breaks = Pass.of("breaks", g -> new Graph("g", g.nodes(), List.of(new Output("y", new Value(9, 0)))));
        var pipeline = PassPipeline.of(breaks);
        assertThat(pipeline.run(graph()).graph().outputs()).hasSize(1);
        assertThatThrownBy(() -> pipeline.verifyingEach().run(graph()))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("pass breaks made an illegal graph g:\n  output y is %9, which does not exist");
    }
}
