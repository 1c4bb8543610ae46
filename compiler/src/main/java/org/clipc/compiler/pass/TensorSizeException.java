package org.clipc.compiler.pass;

import org.clipc.ir.Graph;
import org.clipc.ir.Node;
import org.clipc.ir.TensorType;

/** A tensor with more elements than kernels can index. */
public final class TensorSizeException extends RuntimeException {

    private static final long serialVersionUID = 1L;
    private static final long MOST = Integer.MAX_VALUE;

    private TensorSizeException(Node node, TensorType type) {
        super("%s%s has %,d elements, but kernels index %,d at most: lower model.micro_batch_size, or use more ranks"
                .formatted(
                        type,
                        node.location().path().isEmpty()
                                ? ""
                                : " in " + node.location().path(),
                        type.elements(),
                        MOST));
    }

    /** @throws TensorSizeException if there is such a tensor in the graph */
    public static void check(Graph graph) {
        graph.nodes().forEach(TensorSizeException::check);
    }

    private static void check(Node node) {
        for (var type : node.types()) {
            if (type.elements() > MOST) {
                throw new TensorSizeException(node, type);
            }
        }
    }
}
