package org.clipc.ir.testing;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.DoubleSupplier;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.clipc.ir.DType;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.InputKind;
import org.clipc.ir.Op;
import org.clipc.ir.Shape;
import org.clipc.ir.ShapeRules;
import org.clipc.ir.TensorType;
import org.clipc.ir.Value;
import org.clipc.ir.interp.Interpreter;
import org.clipc.ir.interp.Tensor64;

/**
 * Grows a graph and evaluates it on the way, so that operands can be picked for what they hold. Fresh inputs take their
 * numbers from a shuffled grid that avoids whole numbers and repeats, so that maxima and comparisons have no ties.
 */
final class OperandSource {

    private static final int LONGEST_AXIS = 4;
    private static final int GRID = 400;
    private static final double LARGEST = 1e3;

    final Random random;
    final GraphBuilder b;
    private final double reuse;
    private final List<DType> floats;
    private final List<List<Tensor64>> results = new ArrayList<>();
    private final Map<String, Tensor64> inputs = new LinkedHashMap<>();
    private final List<Double> grid = new ArrayList<>();

    /**
     * @param reuse the chance that an operand or a shape is one that the graph already has
     * @param floats the element types that operands may have where an op takes any float
     */
    OperandSource(Random random, GraphBuilder b, double reuse, List<DType> floats) {
        this.random = random;
        this.b = b;
        this.reuse = reuse;
        this.floats = floats;
    }

    Map<String, Tensor64> inputs() {
        return inputs;
    }

    DType floatType() {
        return floats.get(random.nextInt(floats.size()));
    }

    int upTo(int most) {
        return 1 + random.nextInt(most);
    }

    int extent() {
        return upTo(LONGEST_AXIS);
    }

    Shape shape(int leastRank, int mostRank) {
        if (random.nextDouble() < reuse) {
            var known = values().stream()
                    .map(b::shape)
                    .filter(s -> s.rank() >= leastRank && s.rank() <= mostRank)
                    .toList();
            if (!known.isEmpty()) {
                return pick(known);
            }
        }
        var rank = leastRank + random.nextInt(mostRank - leastRank + 1);
        return new Shape(IntStream.range(0, rank).mapToObj(i -> extent()).toList());
    }

    Value floats(Shape shape) {
        return floats(new TensorType(floatType(), shape), Domain.ANY);
    }

    Value floats(TensorType type, Domain domain) {
        return known(type, domain::holds, () -> input(type, () -> domain.move(nextOfGrid())));
    }

    /** An i32 tensor with elements in [from, to). */
    Value ints(Shape shape, int from, int to) {
        var type = new TensorType(DType.I32, shape);
        Predicate<Tensor64> holds = x -> Arrays.stream(x.data()).allMatch(v -> v >= from && v < to);
        return known(type, holds, () -> input(type, () -> from + random.nextInt(to - from)));
    }

    Value bools(Shape shape) {
        var type = new TensorType(DType.BOOL, shape);
        return known(type, _ -> true, () -> input(type, () -> random.nextInt(2)));
    }

    Value seed() {
        return ints(Shape.of(2), Integer.MIN_VALUE / 2, Integer.MAX_VALUE / 2);
    }

    /** A key, in half of all cases with the rows that stand before. */
    Value seedOfPart() {
        return random.nextBoolean() ? seed() : ints(Shape.of(3), 0, Integer.MAX_VALUE / 2);
    }

    private Value known(TensorType type, Predicate<Tensor64> holds, Supplier<Value> fresh) {
        if (random.nextDouble() < reuse) {
            var candidates = values().stream()
                    .filter(v -> b.type(v).equals(type) && holds.test(result(v)))
                    .toList();
            if (!candidates.isEmpty()) {
                return pick(candidates);
            }
        }
        return fresh.get();
    }

    private Value input(TensorType type, DoubleSupplier element) {
        var x = Tensor64.zeros(type);
        var constant = random.nextDouble() < reuse * 0.3;
        var first = element.getAsDouble();
        Arrays.setAll(x.data(), i -> constant || i == 0 ? first : element.getAsDouble());
        var rounded = Interpreter.apply(new Op.StopGradient(), List.of(x), List.of(type));
        results.add(rounded);
        if (constant) {
            return b.constant(type, first);
        }
        var name = "x" + inputs.size();
        inputs.put(name, rounded.getFirst());
        return b.input(name, pick(List.of(InputKind.DATA, InputKind.PARAMETER, InputKind.STATE)), type);
    }

    private double nextOfGrid() {
        if (grid.isEmpty()) {
            IntStream.range(0, GRID).mapToObj(i -> (i + 0.5) * 4 / GRID - 2).forEach(grid::add);
            Collections.shuffle(grid, random);
        }
        return grid.removeLast();
    }

    /** Adds the op unless one of its results would be infinite, huge or undefined; says whether it did. */
    boolean add(OpSamples.Application application) {
        var operands = application.operands().stream().map(this::result).toList();
        var types = ShapeRules.infer(
                application.op(), operands.stream().map(Tensor64::type).toList());
        var computed = Interpreter.apply(application.op(), operands, types);
        if (!computed.stream().flatMapToDouble(x -> Arrays.stream(x.data())).allMatch(OperandSource::isModerate)) {
            return false;
        }
        results.add(computed);
        b.addAll(application.op(), application.operands());
        return true;
    }

    private static boolean isModerate(double v) {
        return Math.abs(v) <= LARGEST || (v == Math.rint(v) && Math.abs(v) <= Integer.MAX_VALUE);
    }

    List<Value> values() {
        var values = new ArrayList<Value>();
        for (var node = 0; node < results.size(); node++) {
            for (var r = 0; r < results.get(node).size(); r++) {
                values.add(new Value(node, r));
            }
        }
        return values;
    }

    Tensor64 result(Value value) {
        return results.get(value.node()).get(value.result());
    }

    <T> T pick(List<T> list) {
        return list.get(random.nextInt(list.size()));
    }
}
