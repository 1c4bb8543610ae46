package org.clipc.compiler.fuse;

import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.clipc.compiler.fuse.Expression.Leaf;
import org.clipc.ir.FusionKind;
import org.clipc.ir.Graph;
import org.clipc.ir.Op;
import org.clipc.ir.Value;
import org.jspecify.annotations.Nullable;

/**
 * Puts stored values into kernels. Values that start from one contraction share its kernel; elementwise values join a
 * kernel that computes what they read, or reads what they read, if it stands near and their other operands exist by then.
 */
final class Clustering {

    private static final int MAX_RESULTS = 4;
    private static final int MAX_LEAVES = 14;

    /** Nodes between values of one kernel: what is computed long before its use takes memory all that time. */
    private static final int MAX_DISTANCE = 40;

    private final Graph graph;
    private final Inlining inlining;
    private final Map<Value, Cluster> clusters = new HashMap<>();
    private final Map<Leaf, Cluster> lastReader = new HashMap<>();

    private Clustering(Graph graph, Inlining inlining) {
        this.graph = graph;
        this.inlining = inlining;
    }

    /** The kernel of each stored value that a fusion may compute; some of these turn out to need no storing. */
    static Map<Value, Cluster> of(Graph graph, Inlining inlining) {
        var clustering = new Clustering(graph, inlining);
        for (var i = 0; i < graph.nodes().size(); i++) {
            var value = new Value(i, 0);
            if (inlining.isStored(value)) {
                clustering.place(value);
            }
        }
        clustering.dropInnerResults();
        return clustering.clusters;
    }

    /** Results that only their own kernel uses need not be stored after all. */
    private void dropInnerResults() {
        Set<Value> used = new HashSet<>();
        graph.outputs().forEach(output -> used.add(root(output.value())));
        for (var node : graph.nodes()) {
            if (Inlining.readsTensors(node.op())) {
                node.operands().forEach(operand -> used.add(root(operand)));
            }
        }
        for (var cluster : Set.copyOf(clusters.values())) {
            cluster.leaves().forEach(leaf -> used.add(leaf.root()));
            cluster.leaves().forEach(leaf -> used.add(root(leaf.root())));
        }
        for (var cluster : Set.copyOf(clusters.values())) {
            cluster.dropUnless(used);
        }
    }

    private Value root(Value value) {
        var node = graph.node(value);
        return node.op() instanceof Op.View ? root(node.operand(0)) : value;
    }

    private void place(Value value) {
        var op = graph.op(value);
        var expression = inlining.expression(value);
        var dot = expression.dot();
        if (op instanceof Op.Reduce) {
            clusters.put(value, new Cluster(FusionKind.REDUCE, value, expression));
        } else if (dot != null) {
            clusters.put(value, new Cluster(FusionKind.GEMM, value, expression));
        } else {
            var joined = join(value, expression);
            var cluster = joined != null ? joined : new Cluster(FusionKind.ELEMENTWISE, value, expression);
            clusters.put(value, cluster);
            if (cluster.kind() == FusionKind.ELEMENTWISE) {
                expression.leaves().stream()
                        .filter(leaf -> leaf.isAsLargeAs(value, graph))
                        .forEach(leaf -> lastReader.put(leaf, cluster));
            }
        }
    }

    private @Nullable Cluster join(Value value, Expression expression) {
        Set<Cluster> candidates = new LinkedHashSet<>();
        for (var leaf : expression.leaves()) {
            if (leaf.moves().isEmpty() && !leaf.isSeed() && clusters.containsKey(leaf.root())) {
                candidates.add(clusters.get(leaf.root()));
            }
        }
        for (var leaf : expression.leaves()) {
            if (lastReader.containsKey(leaf)) {
                candidates.add(lastReader.get(leaf));
            }
        }
        for (var cluster : candidates) {
            if (mayJoin(value, expression, cluster)) {
                cluster.add(value, expression);
                return cluster;
            }
        }
        return null;
    }

    private boolean mayJoin(Value value, Expression expression, Cluster cluster) {
        if (cluster.kind() == FusionKind.REDUCE
                || cluster.results().size() >= MAX_RESULTS
                || value.node() - cluster.position() > MAX_DISTANCE
                || !graph.type(value)
                        .shape()
                        .equals(graph.type(cluster.results().getFirst()).shape())) {
            return false;
        }
        // A result of the kernel can be read as it is computed, but not from elsewhere in the tensor.
        var readsMoved = expression.leaves().stream()
                .anyMatch(leaf -> (leaf.isSeed() || !leaf.moves().isEmpty())
                        && cluster.results().contains(leaf.root()));
        Set<Leaf> leaves = new HashSet<>(cluster.leaves());
        leaves.addAll(expression.leaves());
        if (readsMoved || leaves.size() > MAX_LEAVES) {
            return false;
        }
        if (cluster.kind() == FusionKind.GEMM && !fitsProduct(cluster, expression)) {
            return false;
        }
        return isReady(expression, cluster);
    }

    private boolean fitsProduct(Cluster cluster, Expression expression) {
        var dot = inlining.expression(cluster.results().getFirst()).dot();
        var started =
                new Expression(expression.leaves(), expression.size(), expression.cost(), dot, expression.counting());
        return inlining.fitsProduct(started);
    }

    /** Kernels run in order of their positions, so what a kernel reads must have a lower one. */
    private boolean isReady(Expression expression, Cluster cluster) {
        return expression.leaves().stream()
                .map(Leaf::root)
                .filter(root -> !cluster.results().contains(root))
                .allMatch(root -> position(root) < cluster.position());
    }

    private int position(Value value) {
        var cluster = clusters.get(value);
        return cluster == null ? value.node() : cluster.position();
    }
}
