package org.clipc.runtime.device.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.clipc.program.Choice;
import org.clipc.program.KernelCall;
import org.clipc.program.Schedule;
import org.junit.jupiter.api.Test;

class TornadoChoicesTest {

    private static final String KERNELS = "org.clipc.kernels.tornadocpu.";
    private static final Schedule SCHEDULE = schedule();

    private static KernelCall call(String kernel, int units, long place) {
        return new KernelCall(KERNELS + kernel, List.of(place), units, 0, 0, 0);
    }

    /** A product at two places, in tiles of which each has a kernel, and attention at two, with other work between. */
    private static Schedule schedule() {
        var options = new LinkedHashMap<String, List<Choice.Patch>>();
        options.put(
                "wide",
                List.of(new Choice.Patch(0, 0, 0, new TreeMap<>()), new Choice.Patch(4, 0, 0, new TreeMap<>())));
        return new Schedule(
                "loss",
                "tornadocpu",
                0,
                0,
                Map.of(),
                List.of(),
                List.of(
                        call("Gemm_a", 8, 0),
                        call("Gemm_b", 0, 0),
                        call("Attention_c", 6, 1),
                        call("Softmax_d", 6, 2),
                        call("Gemm_a", 8, 3),
                        call("Gemm_b", 0, 3),
                        call("Attention_c", 6, 4),
                        call("Attention_c", 9, 5)),
                List.of(new Choice("product", List.of(0, 4), options, new TreeMap<>(Map.of(16, "wide")))));
    }

    private static TornadoChoices choices(String... inBoth) {
        return choices(8, inBoth);
    }

    private static TornadoChoices choices(int lanes, String... inBoth) {
        return new TornadoChoices(
                SCHEDULE, Arrays.stream(inBoth).map(KERNELS::concat).collect(Collectors.toSet()), lanes);
    }

    private static List<Integer> units(TornadoChoices.Made made) {
        return made.schedule().kernelCalls().stream().map(KernelCall::units).toList();
    }

    /** Indices of the calls whose kernels are to be in Java. */
    private static List<Integer> inJava(TornadoChoices.Made made) {
        var calls = made.schedule().kernelCalls();
        return IntStream.range(0, calls.size())
                .filter(i -> made.inJava().contains(calls.get(i)))
                .boxed()
                .toList();
    }

    @Test
    void offersEveryWayInBothRenderings() {
        var all = choices("Gemm_a", "Gemm_b", "Attention_c").all();
        assertThat(all)
                .extracting(Choice::name)
                .containsExactly("product", "Attention_c of 6 groups", "Attention_c of 9 groups");
        assertThat(all.get(0).options().keySet()).containsExactly("wide", "jit", "wide jit");
        assertThat(all.get(1).options().keySet()).containsExactly("jit");
        assertThat(all).extracting(Choice::sites).containsExactly(List.of(0, 4), List.of(2, 6), List.of(7));
        assertThat(all).extracting(Choice::calls).containsExactly(2, 1, 1);
    }

    @Test
    void offersOneRenderingWhereThereIsOne() {
        var all = choices().all();
        assertThat(all).isEqualTo(SCHEDULE.choices());
    }

    @Test
    void makesCallsAsChosen() {
        var choices = choices("Gemm_a", "Gemm_b", "Attention_c");
        var plain = choices.with(Map.of());
        assertThat(plain.schedule()).isEqualTo(SCHEDULE);
        assertThat(inJava(plain)).isEmpty();
        assertThat(plain.starts().stream().boxed().toList()).containsExactly(0, 2, 3, 4, 6, 7, 8);
        var wide = choices.with(Map.of("product", "wide jit", "Attention_c of 9 groups", "jit", "other", "x"));
        assertThat(units(wide)).containsExactly(0, 4, 6, 6, 0, 4, 6, 9);
        assertThat(inJava(wide)).containsExactly(0, 1, 4, 5, 7);
        assertThat(units(choices.with(Map.of("product", "jit")))).isEqualTo(units(plain));
        assertThat(inJava(choices.with(Map.of("product", "wide")))).isEmpty();
        assertThat(inJava(choices.with(Map.of("Attention_c of 6 groups", "jit"))))
                .containsExactly(2, 6);
    }

    @Test
    void wideVectorsMakeAnotherWayTheDefault() {
        var choices = choices(16, "Gemm_a", "Gemm_b", "Attention_c");
        assertThat(choices.all().getFirst().options().keySet()).containsExactly("listed", "jit", "listed jit");
        var plain = choices.with(Map.of());
        assertThat(units(plain)).containsExactly(0, 4, 6, 6, 0, 4, 6, 9);
        assertThat(inJava(plain)).isEmpty();
        assertThat(units(choices.with(Map.of("product", "listed")))).containsExactly(8, 0, 6, 6, 8, 0, 6, 9);
        var jit = choices.with(Map.of("product", "jit"));
        assertThat(units(jit)).isEqualTo(units(plain));
        assertThat(inJava(jit)).containsExactly(0, 1, 4, 5);
        assertThat(units(choices.with(Map.of("product", "listed jit")))).containsExactly(8, 0, 6, 6, 8, 0, 6, 9);
        assertThat(choices(8).with(Map.of()).schedule()).isEqualTo(SCHEDULE);
    }

    @Test
    void followsTilesWhereRenderingsAreNotToBeChosen() {
        assertThat(units(choices().with(Map.of("product", "wide jit", "Attention_c of 6 groups", "jit"))))
                .containsExactly(0, 4, 6, 6, 0, 4, 6, 9);
    }

    @Test
    void refusesOptionsThatThereAreNot() {
        assertThatThrownBy(() -> choices("Gemm_a").with(Map.of("product", "narrow jit")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("'product' has no option 'narrow', only ");
    }
}
