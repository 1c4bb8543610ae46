package org.clipc.compiler.pass;

import java.util.List;
import org.clipc.ir.Graph;

/**
 * Brings a graph into the form that later passes count on: constants folded, equal nodes merged, nothing unused, and
 *
 * <ul>
 *   <li>a constant operand of a commutative op or a comparison stands second, other operands in order of definition;
 *   <li>subtraction of a constant is an addition, division by a power of two a multiplication;
 *   <li>chains of reshapes, transposes, broadcasts, slices, pads, concats or reductions are one; what moves nothing is
 *       gone;
 *   <li>operands of a broadcast have no axes of extent 1, and elementwise ops on broadcasts happen before these;
 *   <li>transposes of matrix operands and products are part of the product; zero-padded parts that add up to a whole
 *       tensor, as gradients of slices do, are a concat.
 * </ul>
 *
 * <p>Results are those of the original graph, with these liberties: zeros may change sign; in f32, factors are merged,
 * as in (x · 2) · 3 = x · 6, and sums are regrouped, so that roundings differ; x to the power of 0.5 is the square root,
 * for minus infinity too, as in torch. NaN and infinities are respected: x · 0 and x - x stay. Runs in time
 * proportional to the graph. Stop-gradients stay, so that a graph may be simplified before it is differentiated.
 */
public final class Simplify implements Pass {

    private static final List<Rewriter.Rule> RULES = List.of(
            FoldConstants::apply,
            Algebra::apply,
            SinkBroadcasts::apply,
            Movement::apply,
            Parts::apply,
            Contractions::apply);

    @Override
    public String name() {
        return "simplify";
    }

    @Override
    public Graph apply(Graph graph) {
        return new DeadCode().apply(Rewriter.rewrite(graph, RULES));
    }
}
