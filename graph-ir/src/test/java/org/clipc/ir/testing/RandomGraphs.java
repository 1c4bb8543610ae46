package org.clipc.ir.testing;

import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.clipc.ir.DType;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.Location;
import org.clipc.ir.Op;
import org.clipc.ir.Output;
import org.clipc.ir.Value;
import org.clipc.ir.interp.Tensor64;

/**
 * Random graphs with inputs that suit them: indices in range, no logarithm of negatives, every value finite and of
 * moderate size. The same seed gives the same graph.
 */
public final class RandomGraphs {

    private static final List<DType> ALL_FLOATS = List.of(DType.F32, DType.F32, DType.F32, DType.BF16, DType.F16);
    private static final List<String> PATHS =
            List.of("", "visual", "visual.transformer.resblocks.3.attn", "ü \"\\\n\t");

    /** A graph with a value for each of its inputs. */
    public record Sample(Graph graph, Map<String, Tensor64> inputs) {}

    private RandomGraphs() {}

    /** The ops that {@link #applying} can make: all but inputs. */
    public static Set<Class<? extends Op>> ops() {
        return OpSamples.ops();
    }

    /** A graph of about {@code size} nodes of all ops and element types. */
    public static Sample graph(long seed, int size) {
        return graph(seed, size, ALL_FLOATS, List.copyOf(ops()));
    }

    /** A graph of about {@code size} nodes of the given ops, with floats of the given types only. */
    public static Sample graph(long seed, int size, List<DType> floats, List<Class<? extends Op>> ops) {
        var random = new Random(seed);
        var b = new GraphBuilder("random_" + seed);
        var source = new OperandSource(random, b, 0.8, floats);
        while (b.size() < size) {
            if (random.nextInt(5) == 0) {
                b.at(new Location(source.pick(PATHS), source.pick(List.of("", "clip.clip:41")), source.pick(PATHS)));
            }
            source.add(OpSamples.sample(source.pick(ops), source));
        }
        var values = source.values();
        for (var i = 0; i < 1 + size / 8; i++) {
            b.output("y" + i, source.pick(values));
        }
        values.stream()
                .filter(v -> b.node(v).op() instanceof Op.Input)
                .limit(2)
                .forEach(v -> update(b, v, values.reversed()));
        return new Sample(b.build(), source.inputs());
    }

    private static void update(GraphBuilder b, Value input, List<Value> latestFirst) {
        var op = (Op.Input) b.node(input).op();
        var replacement = latestFirst.stream()
                .filter(v -> b.type(v).equals(op.type()))
                .findFirst()
                .orElse(input);
        switch (op.kind()) {
            case PARAMETER, STATE, CARRIED -> b.output(new Output("new " + op.name(), replacement, op.name()));
            case DATA, SCALAR, OPERAND -> {}
        }
    }

    /**
     * A graph of inputs and one op, whose results are the outputs "0", "1", …; floats are f32 and operands are inputs of
     * their own. No numbers of the operands coincide or are whole.
     */
    public static Sample applying(Class<? extends Op> op, long seed) {
        var b = new GraphBuilder(op.getSimpleName());
        var source = new OperandSource(new Random(seed), b, 0, List.of(DType.F32));
        while (!source.add(OpSamples.sample(op, source))) {
            // Another try: the last one overflowed.
        }
        var node = b.size() - 1;
        for (var r = 0; r < b.node(new Value(node, 0)).types().size(); r++) {
            b.output(String.valueOf(r), new Value(node, r));
        }
        return new Sample(b.build(), source.inputs());
    }
}
