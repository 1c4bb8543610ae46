package org.clipc.compiler.pack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.function.Consumer;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.RenderedKernel;
import org.clipc.compiler.kernel.Target;
import org.clipc.compiler.lower.Lowering;
import org.clipc.ir.Cost;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.InputKind;
import org.clipc.ir.TensorType;
import org.junit.jupiter.api.Test;

/** What can be made in several ways. */
class TargetCallsTest {

    /** Makes one launch, and a second with a single call. */
    private record TwoLaunches(Consumer<CallSink> first) implements Target {

        @Override
        public String name() {
            return "two";
        }

        @Override
        public void plan(Launch launch, CallSink sink) {
            (sink.next().isPresent() ? first : units(1)).accept(sink);
        }
    }

    private static Consumer<CallSink> units(int units) {
        var kernel = new RenderedKernel("org.clipc.kernels.two.K", () -> "");
        return sink -> sink.call(kernel, List.of(), units, 0, 0);
    }

    private static TargetCalls plan(Consumer<CallSink> first) {
        var b = new GraphBuilder("g");
        var x = b.input("x", InputKind.DATA, TensorType.f32(3));
        b.output("y", b.neg(b.neg(x)));
        return TargetCalls.plan(new TwoLaunches(first), Lowering.lower(b.build()), new HashMap<>());
    }

    private static SequencedMap<String, Consumer<CallSink>> ways(int... units) {
        var ways = new LinkedHashMap<String, Consumer<CallSink>>();
        for (var count : units) {
            ways.put("of " + count, units(count));
        }
        return ways;
    }

    /** Makes all launches by one call. */
    private record Together() implements Target {

        @Override
        public String name() {
            return "together";
        }

        @Override
        public void plan(Launch launch, CallSink sink) {
            units(1).accept(sink);
        }

        @Override
        public int plan(List<Launch> launches, CallSink sink) {
            units(launches.size()).accept(sink);
            return launches.size();
        }
    }

    @Test
    void launchesThatAreMadeTogetherHaveOneCallAndAllTheCost() {
        var b = new GraphBuilder("g");
        var x = b.input("x", InputKind.DATA, TensorType.f32(3));
        b.output("y", b.neg(x));
        b.output("z", b.sum(x, List.of(0)));
        var lowered = Lowering.lower(b.build());
        var apart = TargetCalls.plan(new TwoLaunches(units(1)), lowered, new HashMap<>());
        var calls = TargetCalls.plan(new Together(), lowered, new HashMap<>());
        assertThat(apart.calls()).hasSize(2);
        assertThat(calls.calls()).singleElement().satisfies(call -> {
            var use = (TargetCalls.KernelUse) call;
            assertThat(use.units()).isEqualTo(2);
            assertThat(use.cost())
                    .isEqualTo(apart.calls().stream()
                            .map(c -> ((TargetCalls.KernelUse) c).cost())
                            .reduce(Cost.NONE, Cost::plus));
        });
        assertThat(calls.temporaryBytes()).hasSize(lowered.steps().size());
    }

    @Test
    void waysTakeNoMemoryOfTheirOwn() {
        var ways = ways(1);
        ways.put("roomy", sink -> sink.temporary(8));
        assertThatThrownBy(() -> plan(sink -> sink.choose("a product", ways)))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("a way to compute a product takes memory of its own");
    }

    @Test
    void theNextLaunchBelongsToWhatIsChosenWithIt() {
        var calls = plan(sink -> sink.chooseWithNext("a product", ways(1, 2)));
        assertThat(calls.sites())
                .singleElement()
                .satisfies(site -> assertThat(site.options().get("of 2")).hasSize(2));
    }

    @Test
    void theNextLaunchBelongsToNoChoiceOfBefore() {
        var calls = plan(sink -> {
            sink.choose("a product", ways(1, 2));
            sink.chooseWithNext("another", ways(1));
        });
        assertThat(calls.sites())
                .singleElement()
                .satisfies(site -> assertThat(site.options().get("of 2")).hasSize(1));
    }
}
