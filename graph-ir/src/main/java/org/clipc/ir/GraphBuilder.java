package org.clipc.ir;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** Collects nodes into a graph, inferring the type of each by {@link ShapeRules}. */
public final class GraphBuilder {

    private final String name;
    private final List<Node> nodes = new ArrayList<>();
    private final List<Output> outputs = new ArrayList<>();
    private Location location = Location.NONE;

    public GraphBuilder(String name) {
        this.name = name;
    }

    /** Nodes added from here on come from {@code here}. */
    public GraphBuilder at(Location here) {
        location = here;
        return this;
    }

    public Location location() {
        return location;
    }

    /** @throws ShapeException if the op cannot take these operands */
    public List<Value> addAll(Op op, List<Value> operands) {
        var operandTypes = operands.stream().map(this::type).toList();
        var types = ShapeRules.infer(op, operandTypes);
        nodes.add(new Node(op, operands, types, location));
        var index = nodes.size() - 1;
        return IntStream.range(0, types.size())
                .mapToObj(r -> new Value(index, r))
                .toList();
    }

    /** The first result of a new node. */
    public Value add(Op op, Value... operands) {
        return addAll(op, List.of(operands)).getFirst();
    }

    public TensorType type(Value value) {
        return nodes.get(value.node()).types().get(value.result());
    }

    public Shape shape(Value value) {
        return type(value).shape();
    }

    public Node node(Value value) {
        return nodes.get(value.node());
    }

    public int size() {
        return nodes.size();
    }

    public void output(String outputName, Value value) {
        outputs.add(new Output(outputName, value));
    }

    public void output(Output output) {
        outputs.add(output);
    }

    public Value input(String inputName, InputKind kind, TensorType type) {
        return add(new Op.Input(inputName, kind, type));
    }

    public Value constant(TensorType type, double value) {
        return add(new Op.Constant(type, value));
    }

    /** A constant of the type of {@code like}. */
    public Value constantLike(Value like, double value) {
        return constant(type(like), value);
    }

    public Value unary(UnaryFn fn, Value x) {
        return add(new Op.Unary(fn), x);
    }

    public Value binary(BinaryFn fn, Value a, Value b) {
        return add(new Op.Binary(fn), a, b);
    }

    public Value add(Value a, Value b) {
        return binary(BinaryFn.ADD, a, b);
    }

    public Value sub(Value a, Value b) {
        return binary(BinaryFn.SUB, a, b);
    }

    public Value mul(Value a, Value b) {
        return binary(BinaryFn.MUL, a, b);
    }

    public Value div(Value a, Value b) {
        return binary(BinaryFn.DIV, a, b);
    }

    public Value neg(Value a) {
        return unary(UnaryFn.NEG, a);
    }

    public Value mul(Value a, double factor) {
        return mul(a, constantLike(a, factor));
    }

    public Value compare(Comparison comparison, Value a, Value b) {
        return add(new Op.Compare(comparison), a, b);
    }

    public Value select(Value condition, Value a, Value b) {
        return add(new Op.Select(), condition, a, b);
    }

    public Value convert(Value x, DType dtype) {
        return type(x).dtype() == dtype ? x : add(new Op.Convert(dtype), x);
    }

    public Value reshape(Value x, Shape shape) {
        return shape(x).equals(shape) ? x : add(new Op.Reshape(shape), x);
    }

    public Value transpose(Value x, List<Integer> permutation) {
        return add(new Op.Transpose(permutation), x);
    }

    public Value broadcast(Value x, Shape shape, List<Integer> axes) {
        return shape(x).equals(shape) ? x : add(new Op.Broadcast(shape, axes), x);
    }

    /** Broadcasts with numpy's rule: trailing axes align. */
    public Value broadcastTo(Value x, Shape shape) {
        var offset = shape.rank() - shape(x).rank();
        return broadcast(x, shape, IntStream.range(offset, shape.rank()).boxed().toList());
    }

    public Value sum(Value x, List<Integer> axes) {
        return axes.isEmpty() ? x : add(new Op.Reduce(ReduceFn.SUM, axes), x);
    }

    public Value slice(Value x, List<Integer> starts, List<Integer> limits) {
        return add(new Op.Slice(starts, limits), x);
    }

    public Value concat(List<Value> parts, int axis) {
        return addAll(new Op.Concat(axis), parts).getFirst();
    }

    /** {@code a[m,k] · b[k,n]} and its transposed forms, for operands without batch axes. */
    public Value dot(Value a, int contractA, Value b, int contractB) {
        return add(new Op.DotGeneral(List.of(), List.of(), List.of(contractA), List.of(contractB)), a, b);
    }

    public Graph build() {
        return new Graph(name, nodes, outputs);
    }
}
