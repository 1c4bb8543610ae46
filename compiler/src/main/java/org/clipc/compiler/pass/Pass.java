package org.clipc.compiler.pass;

import java.util.function.UnaryOperator;
import org.clipc.ir.Graph;

/** A step from a graph to another that means the same. Stateless: equal graphs give equal results. */
public interface Pass {

    /** What the command line and tests call the pass, such as {@code simplify}. */
    String name();

    Graph apply(Graph graph);

    static Pass of(String name, UnaryOperator<Graph> step) {
        record Step(String name, UnaryOperator<Graph> step) implements Pass {
            @Override
            public Graph apply(Graph graph) {
                return step.apply(graph);
            }
        }
        return new Step(name, step);
    }
}
