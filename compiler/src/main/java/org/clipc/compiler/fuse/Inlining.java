package org.clipc.compiler.fuse;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;
import org.clipc.compiler.cost.Work;
import org.clipc.compiler.fuse.Expression.Counting;
import org.clipc.compiler.fuse.Expression.Leaf;
import org.clipc.compiler.lower.Views;
import org.clipc.ir.Graph;
import org.clipc.ir.Node;
import org.clipc.ir.Op;
import org.clipc.ir.Value;

/**
 * Decides which values are stored. A value that is not is part of every kernel that uses it, computed again in each.
 *
 * <p>One walk over the graph. An elementwise value is stored if something needs it in memory, or if several kernels use it
 * and computing it again is dearer than reading it; otherwise it is inlined into its users.
 */
final class Inlining {

    /** Tensors that an inlined value may read; a kernel may read a few more. */
    static final int MAX_LEAVES = 10;

    private static final int MAX_SIZE = 96;

    /** Cost of what is computed again in each kernel that uses it, when it is read off one tensor. */
    private static final int CHEAP = 64;

    /** The same for what takes two tensors. */
    private static final int VERY_CHEAP = 8;

    private final Graph graph;
    private final List<List<Integer>> users;
    private final Set<Value> needed = new HashSet<>();
    private final Set<Value> stored = new HashSet<>();
    private final Map<Value, Expression> expressions = new HashMap<>();

    private Inlining(Graph graph) {
        this.graph = graph;
        this.users = graph.users();
    }

    static Inlining of(Graph graph) {
        var inlining = new Inlining(graph);
        inlining.collectNeeded();
        for (var i = 0; i < graph.nodes().size(); i++) {
            inlining.visit(graph.nodes().get(i), new Value(i, 0));
        }
        return inlining;
    }

    /** Whether the value of an elementwise op, a contraction, a generator or a move is a tensor in memory. */
    boolean isStored(Value value) {
        return stored.contains(value);
    }

    /** Whether kernels can compute the value, or see it as part of another. */
    boolean hasExpression(Value value) {
        return expressions.containsKey(value);
    }

    /** What a kernel evaluates for the value itself, stored or not. */
    Expression expression(Value value) {
        return Objects.requireNonNull(expressions.get(value), () -> "no expression of " + graph.op(value));
    }

    /** What a kernel evaluates for a use of the value. */
    Expression use(Value value) {
        var known = expressions.get(value);
        return known == null || stored.contains(value) ? Expression.leaf(Leaf.of(value)) : known;
    }

    private void collectNeeded() {
        graph.outputs().forEach(output -> needed.add(output.value()));
        for (var i = graph.nodes().size() - 1; i >= 0; i--) {
            var node = graph.nodes().get(i);
            if (readsTensors(node.op()) || node.op() instanceof Op.Uniform) {
                needed.addAll(node.operands());
            } else if (node.op() instanceof Op.View && needed.contains(new Value(i, 0))) {
                needed.add(node.operand(0));
            }
        }
    }

    /** Whether an op needs its operands as tensors in memory. */
    static boolean readsTensors(Op op) {
        return !(op instanceof Op.Elementwise
                || op instanceof Op.View
                || op instanceof Op.Reduce
                || op instanceof Op.Uniform);
    }

    private void visit(Node node, Value value) {
        switch (node.op()) {
            case Op.Constant _ -> expressions.put(value, Expression.leafless(0, Counting.NOTHING));
            case Op.Iota _ -> generator(value, Expression.leafless(1, Counting.AXES));
            case Op.Uniform _ -> generator(value, Expression.random(Work.perElement(node.op()), use(node.operand(0))));
            case Op.DotGeneral _ -> {
                expressions.put(value, Expression.dot(value));
                if (needed.contains(value) || !hasOneElementwiseUser(value)) {
                    stored.add(value);
                }
            }
            case Op.Reduce reduce -> reduce(reduce, node, value);
            case Op.View move -> move(move, node.operand(0), value);
            case Op.Elementwise _ -> elementwise(node, value);
            default -> {}
        }
    }

    private void generator(Value value, Expression expression) {
        expressions.put(value, expression);
        if (needed.contains(value)) {
            stored.add(value);
        }
    }

    private boolean hasOneElementwiseUser(Value value) {
        var list = users.get(value.node());
        return list.size() == 1 && graph.nodes().get(list.getFirst()).op() instanceof Op.Elementwise;
    }

    private void move(Op.View move, Value operand, Value value) {
        if (!use(operand).isLeaf() && !mayMove(use(operand), operand, move)) {
            store(operand);
        }
        if (!see(move, operand, value) && !use(operand).isLeaf()) {
            store(operand);
            see(move, operand, value);
        }
    }

    /** Takes a move as a way to see its operand, if that is possible; else it is a tensor of its own. */
    private boolean see(Op.View move, Value operand, Value value) {
        var moved = use(operand).moved(move);
        var isView = moved.leaves().stream().allMatch(leaf -> leaf.view(graph).isPresent());
        if (isView) {
            expressions.put(value, moved);
        } else {
            expressions.remove(value);
        }
        return isView;
    }

    /** Whether computing an expression at the far side of a move is right, and no dearer. */
    private boolean mayMove(Expression expression, Value value, Op.View move) {
        if (expression.size() == 0) {
            return expression.dot() == null;
        }
        if (expression.dot() != null || !counts(expression.counting(), move)) {
            return false;
        }
        return switch (move) {
            case Op.Broadcast _ -> expression.leaves().size() <= 1 && expression.cost() <= 2;
            case Op.Slice _, Op.Transpose _ -> users.get(value.node()).size() == 1;
            case Op.Reshape _, Op.StopGradient _ -> true;
        };
    }

    private static boolean counts(Counting counting, Op.View move) {
        return switch (counting) {
            case NOTHING -> true;
            case ELEMENTS -> move instanceof Op.Reshape || move instanceof Op.StopGradient;
            case AXES -> move instanceof Op.StopGradient;
        };
    }

    private void elementwise(Node node, Value value) {
        if (node.operands().stream()
                        .filter(v -> use(v).dot() != null)
                        .distinct()
                        .count()
                > 1) {
            // One contraction per kernel: the last, which has the others at hand.
            node.operands().stream()
                    .filter(v -> use(v).dot() != null)
                    .sorted(Comparator.comparingInt(Value::node).reversed())
                    .skip(1)
                    .forEach(this::store);
        }
        var expression = combine(node);
        while (expression.leaves().size() > MAX_LEAVES || expression.size() > MAX_SIZE) {
            var largest = node.operands().stream().max(Comparator.comparingInt(v -> use(v).size()));
            store(largest.orElseThrow());
            expression = combine(node);
        }
        if (expression.dot() != null && !fitsProduct(expression)) {
            node.operands().stream().filter(v -> use(v).dot() != null).forEach(this::store);
            expression = combine(node);
        }
        expressions.put(value, expression);
        var kernels = users.get(value.node()).size();
        if (needed.contains(value) || (kernels > 1 && !isCheap(expression, value))) {
            stored.add(value);
        }
    }

    private Expression combine(Node node) {
        return Expression.combine(
                Work.perElement(node.op()),
                node.operands().stream().map(this::use).toList());
    }

    private boolean isCheap(Expression expression, Value value) {
        if (expression.dot() != null) {
            return false;
        }
        var large = expression.leaves().stream()
                .filter(leaf -> leaf.isAsLargeAs(value, graph))
                .count();
        return expression.cost() <= (large <= 1 ? CHEAP : large == 2 ? VERY_CHEAP : 0);
    }

    private void reduce(Op.Reduce reduce, Node node, Value value) {
        var operand = node.operand(0);
        var inlined = use(operand);
        if (!inlined.isLeaf()
                && !fitsReduction(inlined, reduce, graph.type(operand).rank())) {
            store(operand);
        }
        var isConstant = inlined.leaves().isEmpty() && inlined.dot() == null;
        expressions.put(value, isConstant ? Expression.leaf(Leaf.of(operand)) : use(operand));
        stored.add(value);
    }

    private boolean fitsReduction(Expression expression, Op.Reduce reduce, int rank) {
        var axes = reduce.axes();
        if (expression.dot() != null || expression.counting() == Counting.AXES || axes.isEmpty()) {
            return false;
        }
        var from = axes.getFirst();
        var to = axes.getLast() + 1;
        if (axes.size() != to - from) {
            return false;
        }
        var groups = List.of(range(0, from), range(from, to), range(to, rank));
        return expression.leaves().stream().allMatch(leaf -> leaf.isSeed() || collapses(leaf, groups));
    }

    /** Whether a kernel for the expression's contraction can walk all that it reads as matrices. */
    boolean fitsProduct(Expression expression) {
        var dot = Objects.requireNonNull(expression.dot());
        if (expression.counting() == Counting.AXES) {
            return false;
        }
        var op = (Op.DotGeneral) graph.op(dot);
        var batches = op.lhsBatch().size();
        var lhs = graph.type(graph.node(dot).operand(0)).rank();
        var rows = lhs - op.lhsContract().size();
        var groups = new ArrayList<List<Integer>>();
        groups.add(range(0, batches));
        groups.add(range(batches, rows));
        groups.add(range(rows, graph.type(dot).rank()));
        return expression.leaves().stream().allMatch(leaf -> leaf.isSeed() || collapses(leaf, groups));
    }

    private boolean collapses(Leaf leaf, List<List<Integer>> groups) {
        return leaf.view(graph).flatMap(view -> Views.collapse(view, groups)).isPresent();
    }

    private void store(Value value) {
        var node = graph.node(value);
        if (node.op() instanceof Op.View move) {
            store(node.operand(0));
            see(move, node.operand(0), value);
        } else if (expressions.containsKey(value) && !(node.op() instanceof Op.Constant)) {
            stored.add(value);
        }
    }

    private static List<Integer> range(int from, int to) {
        return IntStream.range(from, to).boxed().toList();
    }
}
