package org.clipc.compiler.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.clipc.program.Manifest;
import org.junit.jupiter.api.Test;

class PlanMemoryTest {

    @Property(tries = 300)
    void buffersThatLiveTogetherLieApart(@ForAll long seed) {
        var random = new Random(seed);
        var steps = 1 + random.nextInt(60);
        var intervals = new ArrayList<Interval>();
        for (var i = 0; i < random.nextInt(80); i++) {
            var first = random.nextInt(steps + 1) - 1;
            var last = first + random.nextInt(steps - first + 1);
            var bytes = random.nextInt(3) == 0 ? 4 : 1 + random.nextInt(5000);
            intervals.add(new Interval(i, "b" + i, bytes, first, last));
        }
        var plan = PlanMemory.plan(intervals, steps);
        assertThat(plan.placements())
                .extracting(MemoryPlan.Placement::interval)
                .containsExactlyInAnyOrderElementsOf(intervals);
        assertThat(plan.bytes()).isGreaterThanOrEqualTo(plan.lowerBound());
        for (var a : plan.placements()) {
            assertThat(a.offset() % Manifest.ALIGNMENT).isZero();
            assertThat(a.offset()).isNotNegative();
            assertThat(a.end()).isLessThanOrEqualTo(plan.bytes());
            for (var b : plan.placements()) {
                if (a.interval().buffer() != b.interval().buffer()
                        && a.interval().overlaps(b.interval())) {
                    assertThat(a.end() <= b.offset() || b.end() <= a.offset()).isTrue();
                }
            }
        }
    }

    @Test
    void theBoundCountsWhatLivesAtOnce() {
        var intervals = List.of(
                new Interval(0, "input", 64, -1, 0),
                new Interval(1, "early", 128, 0, 1),
                new Interval(2, "late", 100, 2, 3),
                new Interval(3, "output", 64, 1, 4));
        assertThat(PlanMemory.lowerBound(intervals, 4)).isEqualTo(192);
        assertThat(PlanMemory.plan(intervals, 4).bytes()).isEqualTo(192);
    }

    @Test
    void aStackOfLayersFitsTightly() {
        // Activations of 40 layers, kept until the backward pass has come to them, with short-lived work between.
        var intervals = new ArrayList<Interval>();
        var layers = 40;
        for (var i = 0; i < layers; i++) {
            for (var k = 0; k < 5; k++) {
                var bytes = List.of(1L, 3L, 1L, 4L, 1L).get(k) * 4_915_200;
                intervals.add(new Interval(intervals.size(), "kept", bytes, 10 * i + k, 20 * layers - 10 * i - k));
            }
            intervals.add(new Interval(intervals.size(), "work", 4 * 4_915_200L, 10 * i + 5, 10 * i + 7));
            var back = 20 * layers - 10 * i - 6;
            intervals.add(new Interval(intervals.size(), "work", 4 * 4_915_200L, back, back + 2));
            intervals.add(new Interval(intervals.size(), "gradient", 28_311_552L, back, 20 * layers));
        }
        var plan = PlanMemory.plan(intervals, 20 * layers);
        assertThat(plan.bytes()).isLessThanOrEqualTo((long) (1.03 * plan.lowerBound()));
    }
}
