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
     * of elements. Input and output of an all-reduce may be the same view. Other steps go on meanwhile if there is an
     * {@link Await} for it.
     *
     * @param op what they do
     */
    record Exchange(int node, Op.Collective op, List<View> inputs, List<View> outputs) implements Step {
        public Exchange {
            inputs = List.copyOf(inputs);
            outputs = List.copyOf(outputs);
        }
    }

    /**
     * An exchange that goes on beside the steps behind it is over. Its operands and results are in use until then.
     *
     * @param start index of the step that began it
     */
    record Await(int start, Exchange exchange) implements Step {

        @Override
        public int node() {
            return exchange.node();
        }

        @Override
        public List<View> inputs() {
            return exchange.inputs();
        }

        @Override
        public List<View> outputs() {
            return exchange.outputs();
        }
    }
}
