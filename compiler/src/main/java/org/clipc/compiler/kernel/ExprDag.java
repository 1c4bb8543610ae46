package org.clipc.compiler.kernel;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.clipc.ir.BinaryFn;

/**
 * Expressions with equal subtrees made one: each distinct subtree has a number, operands before what uses them. Takes time
 * in proportion to the objects that make up the trees, however often they share subtrees.
 */
public final class ExprDag {

    /** A subtree by what it does to which numbered subtrees; leaves stand for themselves. */
    private record Key(Object function, List<Integer> operands) {}

    private final IdentityHashMap<Expr, Integer> seen = new IdentityHashMap<>();
    private final Map<Key, Integer> numbers = new HashMap<>();
    private final List<Expr> nodes = new ArrayList<>();
    private final List<Key> keys = new ArrayList<>();
    private final List<Integer> roots = new ArrayList<>();

    public static ExprDag of(List<Expr> roots) {
        var dag = new ExprDag();
        roots.forEach(root -> dag.roots.add(dag.number(root)));
        return dag;
    }

    /** The number of a subtree; numbers it if it is new. */
    public int number(Expr expr) {
        var known = seen.get(expr);
        if (known != null) {
            return known;
        }
        var operands = new ArrayList<Integer>();
        expr.parts().forEach(part -> operands.add(number(part)));
        var key = new Key(function(expr), operands);
        var number = numbers.computeIfAbsent(key, k -> {
            nodes.add(expr);
            keys.add(k);
            return nodes.size() - 1;
        });
        seen.put(expr, number);
        return number;
    }

    /** One expression of each number. */
    public List<Expr> nodes() {
        return List.copyOf(nodes);
    }

    /** The nodes that are leaves of type {@code leaf}. */
    public <T extends Expr> List<T> leaves(Class<T> leaf) {
        return nodes.stream().filter(leaf::isInstance).map(leaf::cast).toList();
    }

    public boolean reads(int operand) {
        return leaves(Expr.Arg.class).stream().anyMatch(arg -> arg.index() == operand);
    }

    /** Whether computing it costs no more than a few instructions. */
    public boolean isCheap() {
        return nodes.size() <= 8 && nodes.stream().noneMatch(ExprDag::isCostly);
    }

    private static boolean isCostly(Expr expr) {
        return switch (expr) {
            case Expr.Unary(var fn, var _) ->
                switch (fn) {
                    case EXP, LOG, TANH, ERF, SIGMOID, SOFTPLUS, SIN, COS, FLOOR -> true;
                    case NEG, ABS, SIGN, SQRT, RSQRT, RECIPROCAL, NOT -> false;
                };
            case Expr.Binary(var fn, var _, var _) -> fn == BinaryFn.POW;
            case Expr.Uniform _ -> true;
            case Expr.Arg _,
                    Expr.Const _,
                    Expr.Attribute _,
                    Expr.Index _,
                    Expr.Compare _,
                    Expr.Select _,
                    Expr.Convert _ -> false;
        };
    }

    private static Object function(Expr expr) {
        return switch (expr) {
            case Expr.Arg _, Expr.Const _, Expr.Attribute _, Expr.Uniform _, Expr.Index _ -> expr;
            case Expr.Unary(var fn, var _) -> fn;
            case Expr.Binary(var fn, var _, var _) -> fn;
            case Expr.Compare(var comparison, var _, var _) -> comparison;
            case Expr.Select _ -> "select";
            case Expr.Convert(var dtype, var _) -> dtype;
        };
    }

    /**
     * The expressions as text, the same for equal expressions only, with a name for every inner subtree that is used more
     * than once: {@code t2 = exp(x0); mul(t2, add(t2, 1.0))}.
     */
    public String text() {
        var uses = new int[nodes.size()];
        keys.forEach(key -> key.operands().forEach(operand -> uses[operand]++));
        roots.forEach(root -> uses[root]++);
        var lets = new StringBuilder();
        var texts = new ArrayList<String>();
        for (var i = 0; i < nodes.size(); i++) {
            var text = text(keys.get(i), texts);
            var named = uses[i] > 1 && !keys.get(i).operands().isEmpty();
            if (named) {
                lets.append('t').append(i).append(" = ").append(text).append("; ");
            }
            texts.add(named ? "t" + i : text);
        }
        return lets + roots.stream().map(texts::get).collect(Collectors.joining(", "));
    }

    private static String text(Key key, List<String> texts) {
        return switch (key.function()) {
            case Expr.Arg(var index, var dtype) -> "x" + index + ":" + dtype.text();
            case Expr.Const(var value, var dtype) -> value + ":" + dtype.text();
            case Expr.Attribute(var index, var dtype) -> "attribute" + index + ":" + dtype.text();
            case Expr.Uniform(var seed, var stream, var row) ->
                "uniform(x" + seed + ", " + stream + (row < 0 ? ")" : ", " + row + ")");
            case Expr.Index(var axis) -> "index(" + axis + ")";
            case Object function ->
                key.operands().stream()
                        .map(texts::get)
                        .collect(Collectors.joining(", ", function.toString().toLowerCase(Locale.ROOT) + "(", ")"));
        };
    }
}
