package org.clipc.program;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ScheduleTest {

    private static final KernelCall CALL =
            new KernelCall("org.clipc.kernels.jvm128.Gemm", List.of(1L, 2L, 3L), 4, 1, 5, 6, 7, 8, 9);

    private static final Choice CHOICE = new Choice(
            "gemm",
            List.of(1),
            Map.of("tall", List.of(new Choice.Patch(40, 50, 60, new TreeMap<>(Map.of(0, 10L, 2, 30L))))));

    private static final Schedule SCHEDULE =
            new Schedule("loss", "jvm128", 0, 0, Map.of(), List.of(), List.of(CALL, CALL, CALL), List.of(CHOICE));

    @Test
    void optionsChangeTheirSitesOnly() {
        var changed = SCHEDULE.with(Map.of("gemm", "tall", "another", "wide"));
        assertThat(changed.calls().get(0)).isEqualTo(CALL);
        assertThat(changed.calls().get(1))
                .isEqualTo(
                        new KernelCall("org.clipc.kernels.jvm128.Gemm", List.of(10L, 2L, 30L), 40, 1, 50, 60, 7, 8, 9));
        assertThat(changed.calls().get(2)).isEqualTo(CALL);
        assertThat(SCHEDULE.with(Map.of())).isEqualTo(SCHEDULE);
    }

    @Test
    void theLargestFigureThatADeviceReachesDecides() {
        var options = Map.of("a", List.<Choice.Patch>of(), "b", List.<Choice.Patch>of());
        var choice = new Choice("gemm", List.of(), options, new TreeMap<>(Map.of(8, "a", 16, "b")));
        assertThat(IntStream.of(0, 7, 8, 15, 16, 64)
                        .mapToObj(figure -> choice.standard(figure).orElse("")))
                .containsExactly("", "", "a", "a", "b", "b");
        assertThat(CHOICE.standard(16)).isEmpty();
    }

    @Test
    void refusesOptionsThatDoNotExist() {
        assertThatThrownBy(() -> SCHEDULE.with(Map.of("gemm", "flat")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("'gemm' has no option 'flat', only [tall]");
    }
}
