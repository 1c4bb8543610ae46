package org.clipc.compiler.lower;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.clipc.compiler.kernel.Expr;
import org.clipc.compiler.kernel.KernelSpec;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.Graph;
import org.clipc.ir.Op;
import org.clipc.ir.Shape;
import org.clipc.ir.Value;

/**
 * Reads a fused body as expressions over operands. Data movement inside the body becomes part of how operands are
 * walked: a transposed sum is a sum of transposed operands.
 */
final class BodyReader {

    private final Emitter emitter;
    private final Graph body;
    private final List<View> bound;
    private final Map<Value, Expr> given = new HashMap<>();
    private final Map<Moved, Expr> known = new HashMap<>();
    private final List<Operand> operands = new ArrayList<>();
    private final Map<Attribute, Integer> attributes = new LinkedHashMap<>();
    private final int firstArgument;

    private record Operand(View view, boolean isSeed) {}

    /** A value behind data movement. */
    private record Moved(Value value, List<Op.View> moves) {}

    /** A number of a node: its constant or stream, or the elements in a row of it. */
    private record Attribute(Value of, boolean isRow) {}

    /**
     * @param bound what the body's inputs are bound to, in order
     * @param firstArgument number of the first operand as an {@link Expr.Arg}
     */
    BodyReader(Emitter emitter, Graph body, List<View> bound, int firstArgument) {
        this.emitter = emitter;
        this.body = body;
        this.bound = bound;
        this.firstArgument = firstArgument;
    }

    /** Takes {@code value} as given instead of reading what computes it. */
    void give(Value value, Expr expr) {
        given.put(value, expr);
    }

    Expr read(Value value) {
        return read(value, List.of());
    }

    List<View> operands() {
        return operands.stream().map(Operand::view).toList();
    }

    /** How each operand is walked once its view has the kernel's layout. */
    List<KernelSpec.Operand> accesses(List<View> laidOut) {
        var accesses = new ArrayList<KernelSpec.Operand>();
        for (var i = 0; i < operands.size(); i++) {
            accesses.add(operands.get(i).isSeed() ? IndexSpace.SEED : IndexSpace.operand(laidOut.get(i)));
        }
        return accesses;
    }

    boolean isSeed(int operand) {
        return operands.get(operand).isSeed();
    }

    /** The numbers that the expressions' attributes stand for. */
    List<Double> attributes() {
        return attributes.keySet().stream()
                .map(a -> a.isRow() ? row(body.type(a.of()).shape()) : number(body.op(a.of())))
                .toList();
    }

    private static double row(Shape shape) {
        return shape.elements(1, shape.rank());
    }

    private static double number(Op op) {
        return switch (op) {
            case Op.Constant(var _, var value) -> value;
            case Op.Uniform(var _, var stream) -> stream;
            default -> throw new IllegalStateException(op + " is no number");
        };
    }

    /** The tensor that a chain of data movements inside the body makes of one of its inputs. */
    View view(Value value) {
        return view(value, List.of());
    }

    /**
     * {@code moves} are applied to {@code value}, first to last. What the body shares is one object, since trees of their
     * own would grow with every use.
     */
    private Expr read(Value value, List<Op.View> moves) {
        var moved = new Moved(value, moves);
        var expr = known.get(moved);
        if (expr == null) {
            expr = readAnew(value, moves);
            known.put(moved, expr);
        }
        return expr;
    }

    private Expr readAnew(Value value, List<Op.View> moves) {
        var expr = given.get(value);
        if (expr != null) {
            if (!moves.isEmpty()) {
                throw new IllegalStateException("a fused body moves the data of " + body.op(value));
            }
            return expr;
        }
        var node = body.node(value);
        var dtype = body.type(value).dtype();
        return switch (node.op()) {
            case Op.Input _ -> new Expr.Arg(operand(view(value, moves), false), dtype);
            case Op.Constant(var _, var number) ->
                Constants.isBaked(number) ? new Expr.Const(number, dtype) : new Expr.Attribute(attribute(value), dtype);
            case Op.Iota(var _, var axis) when moves.isEmpty() -> new Expr.Index(axis);
            case Op.Uniform _
            when moves.stream().allMatch(Op.Reshape.class::isInstance) ->
                new Expr.Uniform(
                        operand(view(node.operand(0)), true),
                        attribute(value),
                        body.type(node.operand(0)).elements() > 2 ? attribute(new Attribute(value, true)) : -1);
            case Op.Unary(var fn) -> new Expr.Unary(fn, read(node.operand(0), moves));
            case Op.Binary(var fn) -> new Expr.Binary(fn, read(node.operand(0), moves), read(node.operand(1), moves));
            case Op.Compare(var comparison) ->
                new Expr.Compare(comparison, read(node.operand(0), moves), read(node.operand(1), moves));
            case Op.Select _ ->
                new Expr.Select(
                        read(node.operand(0), moves), read(node.operand(1), moves), read(node.operand(2), moves));
            case Op.Convert(var to) -> new Expr.Convert(to, read(node.operand(0), moves));
            case Op.StopGradient _ -> read(node.operand(0), moves);
            case Op.View move -> read(node.operand(0), prepend(move, moves));
            default -> throw new IllegalStateException("a fused body cannot hold " + node.op() + " before " + moves);
        };
    }

    private View view(Value value, List<Op.View> moves) {
        var node = body.node(value);
        if (node.op() instanceof Op.Input(var name, var _, var _)) {
            var view = bound.get(Integer.parseInt(name));
            for (var move : moves) {
                view = emitter.require(view, v -> Views.apply(move, v));
            }
            return view;
        }
        return view(node.operand(0), prepend((Op.View) node.op(), moves));
    }

    private static List<Op.View> prepend(Op.View move, List<Op.View> moves) {
        var all = new ArrayList<Op.View>();
        all.add(move);
        all.addAll(moves);
        return all;
    }

    private int operand(View view, boolean isSeed) {
        var operand = new Operand(view, isSeed);
        var index = operands.indexOf(operand);
        if (index < 0) {
            operands.add(operand);
            index = operands.size() - 1;
        }
        return firstArgument + index;
    }

    /** By node and not by number, so that layers whose numbers happen to agree look like those whose do not. */
    private int attribute(Value value) {
        return attribute(new Attribute(value, false));
    }

    private int attribute(Attribute attribute) {
        attributes.putIfAbsent(attribute, attributes.size());
        return attributes.get(attribute);
    }
}
