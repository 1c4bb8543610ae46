package org.clipc.compiler.fuse;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.clipc.compiler.fuse.Expression.Leaf;
import org.clipc.ir.FusionKind;
import org.clipc.ir.Value;

/** Values that one kernel computes and stores. Grows while fusion decides. */
final class Cluster {

    private final FusionKind kind;
    private final List<Value> results = new ArrayList<>();
    private final Set<Value> inner = new HashSet<>();
    private final Set<Leaf> leaves = new LinkedHashSet<>();
    private final int position;

    Cluster(FusionKind kind, Value result, Expression expression) {
        this.kind = kind;
        this.position = result.node();
        add(result, expression);
    }

    /** One more result. What it reads of the others is not read from memory any more. */
    void add(Value result, Expression expression) {
        results.add(result);
        leaves.addAll(expression.leaves());
        leaves.removeIf(leaf -> results.contains(leaf.root()));
    }

    /** Keeps results to itself that are not {@code used} elsewhere. */
    void dropUnless(Set<Value> used) {
        for (var result : List.copyOf(results)) {
            if (results.size() > 1 && !used.contains(result)) {
                results.remove(result);
                inner.add(result);
            }
        }
    }

    /** Whether the kernel computes the value. */
    boolean computes(Value value) {
        return results.contains(value) || inner.contains(value);
    }

    boolean isSingle() {
        return results.size() == 1 && inner.isEmpty();
    }

    FusionKind kind() {
        return kind;
    }

    /** What the kernel stores, in order of definition. */
    List<Value> results() {
        return results;
    }

    Set<Leaf> leaves() {
        return leaves;
    }

    /** The place in the order of nodes where the kernel runs: that of the first value it was made for. */
    int position() {
        return position;
    }
}
