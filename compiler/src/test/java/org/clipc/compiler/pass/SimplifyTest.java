package org.clipc.compiler.pass;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;
import org.clipc.ir.DType;
import org.clipc.ir.Graph;
import org.clipc.ir.Op;
import org.clipc.ir.Verifier;
import org.clipc.ir.interp.Interpreter;
import org.clipc.ir.interp.Tensor64;
import org.clipc.ir.testing.RandomGraphs;
import org.clipc.ir.text.GraphPrinter;

/** Simplified graphs compute what they did before; what they look like is in the files under {@code cir/simplify}. */
class SimplifyTest {

    private static final Simplify SIMPLIFY = new Simplify();
    private static final int FIXED_SEEDS = 1000;

    /** Ops without jumps, where a rounding moves a result a little only. */
    private static final List<Class<? extends Op>> CONTINUOUS = List.of(
            Op.Constant.class,
            Op.Binary.class,
            Op.Select.class,
            Op.Reshape.class,
            Op.Transpose.class,
            Op.Broadcast.class,
            Op.Slice.class,
            Op.Pad.class,
            Op.Concat.class,
            Op.Reduce.class,
            Op.DotGeneral.class);

    /** All ops. The seeds are fixed because a rounding could turn a tie, in a comparison say, the other way. */
    @Example
    void graphsOfAllOpsKeepTheirMeaning() {
        for (var seed = 0; seed < FIXED_SEEDS; seed++) {
            assertKeepsMeaning(RandomGraphs.graph(seed, 25), seed);
        }
    }

    @Property(tries = 500, shrinking = ShrinkingMode.OFF)
    void continuousGraphsKeepTheirMeaning(@ForAll long seed) {
        assertKeepsMeaning(RandomGraphs.graph(seed, 25, List.of(DType.F32), CONTINUOUS), seed);
    }

    private static void assertKeepsMeaning(RandomGraphs.Sample sample, long seed) {
        var simplified = SIMPLIFY.apply(sample.graph());
        assertThat(Verifier.verify(simplified)).isEmpty();
        assertThat(simplified.inputs()).isEqualTo(sample.graph().inputs());
        assertThat(withoutLocations(SIMPLIFY.apply(simplified)))
                .as("seed %d: simplifying twice", seed)
                .isEqualTo(withoutLocations(simplified));
        var before = Interpreter.run(sample.graph(), sample.inputs());
        var after = Interpreter.run(simplified, sample.inputs());
        assertThat(after.keySet()).isEqualTo(before.keySet());
        before.forEach((name, expected) -> assertClose(expected, get(after, name), seed, sample.graph()));
    }

    private static String withoutLocations(Graph graph) {
        return GraphPrinter.print(graph).replaceAll("(?m) @ \".*$", "");
    }

    private static void assertClose(Tensor64 expected, Tensor64 actual, long seed, Graph graph) {
        assertThat(actual.type()).isEqualTo(expected.type());
        for (var i = 0; i < expected.size(); i++) {
            if (!isClose(expected.get(i), actual.get(i))) {
                fail("seed %d: %s became %s in%n%s", seed, expected, actual, GraphPrinter.print(graph));
            }
        }
    }

    private static boolean isClose(double expected, double actual) {
        return Math.abs(actual - expected) <= 1e-9 * (1 + Math.abs(expected));
    }

    private static Tensor64 get(Map<String, Tensor64> outputs, String name) {
        return Objects.requireNonNull(outputs.get(name), name);
    }
}
