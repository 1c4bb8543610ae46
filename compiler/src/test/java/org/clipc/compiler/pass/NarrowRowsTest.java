package org.clipc.compiler.pass;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Objects;
import net.jqwik.api.Example;
import org.assertj.core.data.Offset;
import org.clipc.ir.Verifier;
import org.clipc.ir.interp.Interpreter;
import org.clipc.ir.testing.RandomGraphs;

/** Narrowed graphs compute what they did before; what they look like is in the files under {@code cir/narrow-rows}. */
class NarrowRowsTest {

    private static final int SEEDS = 1500;

    @Example
    void graphsOfAllOpsKeepTheirMeaning() {
        var narrowed = 0;
        for (var seed = 0; seed < SEEDS; seed++) {
            var sample = RandomGraphs.graph(seed, 30);
            var before = new Simplify().apply(sample.graph());
            var after = new NarrowRows().apply(before);
            assertThat(Verifier.verify(after)).as("seed %d", seed).isEmpty();
            narrowed += after.equals(before) ? 0 : 1;
            var expected = Interpreter.run(before, sample.inputs());
            var actual = Interpreter.run(after, sample.inputs());
            assertThat(actual.keySet()).isEqualTo(expected.keySet());
            for (var name : expected.keySet()) {
                var x = Objects.requireNonNull(expected.get(name));
                var y = Objects.requireNonNull(actual.get(name));
                assertThat(y.type()).isEqualTo(x.type());
                for (var i = 0; i < x.size(); i++) {
                    assertThat(y.get(i))
                            .as("seed %d, %s[%d]", seed, name, i)
                            .isCloseTo(x.get(i), Offset.offset(1e-9 * (1 + Math.abs(x.get(i)))));
                }
            }
        }
        assertThat(narrowed).as("graphs that were narrowed").isPositive();
    }
}
