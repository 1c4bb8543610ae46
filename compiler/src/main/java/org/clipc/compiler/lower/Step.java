package org.clipc.compiler.lower;

import java.util.List;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.Op;

/** What happens next, in the order of execution. */
public sealed interface Step {

    /** Index of the graph node that it computes, or helps to. */
    int node();

    List<View> inputs();

    List<View> outputs();

    /** A kernel runs. */
    record Kernel(int node, Launch launch) implements Step {

        @Override
        public List<View> inputs() {
            return launch.inputs();
        }

        @Override
        public List<View> outputs() {
            return launch.outputs();
        }
    }

    /**
     * Ranks exchange tensors. All views are dense; shards are cut along the first axis, so that a rank's shard is one run
     * of elements. Input and output of an all-reduce may be the same view.
     *
     * @param op the collective
     */
    record Exchange(int node, Op op, List<View> inputs, List<View> outputs) implements Step {
        public Exchange {
            inputs = List.copyOf(inputs);
            outputs = List.copyOf(outputs);
        }
    }
}
