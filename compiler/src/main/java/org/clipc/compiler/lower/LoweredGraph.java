package org.clipc.compiler.lower;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.Graph;

/**
 * A graph as launches.
 *
 * @param buffers by id
 * @param inputs by name: where each input of the graph is expected; dense
 * @param outputs by name: where each output is found after the last step; dense, and the slot itself for an output that
 *     updates an input
 */
public record LoweredGraph(
        Graph graph, List<Buffer> buffers, List<Step> steps, Map<String, View> inputs, Map<String, View> outputs) {

    public LoweredGraph {
        buffers = List.copyOf(buffers);
        steps = List.copyOf(steps);
        inputs = Collections.unmodifiableMap(new LinkedHashMap<>(inputs));
        outputs = Collections.unmodifiableMap(new LinkedHashMap<>(outputs));
    }
}
