package org.clipc.runtime.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.clipc.program.Manifest;
import org.clipc.runtime.model.Recipe;
import org.clipc.runtime.model.RecipeException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LearningRateTest {

    private static final double EXACT = 1e-18;

    private static Recipe recipe(String... changes) {
        Map<String, Object> sched =
                Map.of("name", "CosineAnnealing", "warmup_steps", 10L, "constant_steps", 0L, "min_lr", 0.0);
        Map<String, Object> config = Map.of("model", Map.of("optim", Map.of("lr", 1e-3, "sched", sched)));
        var manifest = new Manifest(1, "m", config, List.of(), List.of(), List.of(), 0, 0, 0, List.of(), Map.of());
        return Recipe.of(manifest).with(List.of(changes));
    }

    private static LearningRate schedule(String... changes) {
        return LearningRate.of(recipe(changes), 100);
    }

    /** Values of open_clip 3.3.0's schedulers. */
    @ParameterizedTest
    @CsvSource({
        "cosine, 0, cosine_lr base=1e-3 warmup=10 steps=100",
        "const, 0, const_lr base=1e-3 warmup=10 steps=100",
        "const-cooldown, 30, const_lr_cooldown base=1e-3 warmup=10 steps=100 cooldown=30 power=1.0 end=0"
    })
    void agreesWithOpenClip(String name, int cooldown, String key) throws IOException {
        var schedule = schedule("model.optim.sched.name=" + name, "model.optim.sched.constant_steps=" + cooldown);
        try (var stream = getClass().getResourceAsStream("/golden/lr_schedules.json")) {
            var golden = JsonMapper.builder()
                    .build()
                    .readTree(Objects.requireNonNull(stream))
                    .required(key);
            assertThat(golden).hasSize(100);
            for (var step = 0; step < 100; step++) {
                assertThat(schedule.at(step)).isCloseTo(golden.get(step).doubleValue(), within(EXACT));
            }
        }
    }

    @Test
    void cosineAnnealingIsNemos() {
        var schedule = schedule("model.optim.sched.min_lr=1e-4");
        assertThat(schedule.at(0)).isCloseTo(1e-3 / 11, within(EXACT));
        assertThat(schedule.at(10)).isCloseTo(1e-3, within(EXACT));
        assertThat(schedule.at(11)).isCloseTo(1e-4 + 9e-4 * 0.5 * (1 + Math.cos(Math.PI / 90)), within(EXACT));
        assertThat(schedule.at(55)).isCloseTo(5.5e-4, within(EXACT));
        assertThat(schedule.at(100)).isCloseTo(1e-4, within(EXACT));
        assertThat(schedule.at(101)).isEqualTo(1e-4);
    }

    @Test
    void cosineAnnealingWithConstantStepsIsMegatrons() {
        var schedule = schedule("model.optim.sched.constant_steps=20", "model.optim.sched.min_lr=1e-4");
        assertThat(schedule.at(0)).isZero();
        assertThat(schedule.at(5)).isCloseTo(5e-4, within(EXACT));
        assertThat(schedule.at(45)).isCloseTo(5.5e-4, within(EXACT));
        assertThat(schedule.at(80)).isCloseTo(1e-4, within(EXACT));
        assertThat(schedule.at(90)).isEqualTo(1e-4);
    }

    @Test
    void linearAndConstantWarmUpAsNemoDoes() {
        var linear = schedule("model.optim.sched.name=Linear", "model.optim.sched.min_lr=1e-4");
        assertThat(linear.at(4)).isCloseTo(5e-3 / 11, within(EXACT));
        assertThat(linear.at(55)).isCloseTo(5.5e-4, within(EXACT));
        assertThat(linear.at(100)).isEqualTo(1e-4);
        var constant = schedule("model.optim.sched.name=Constant");
        assertThat(constant.at(4)).isCloseTo(5e-3 / 11, within(EXACT));
        assertThat(constant.at(99)).isEqualTo(1e-3);
        assertThat(schedule("model.optim.sched.warmup_steps=0").at(0)).isEqualTo(1e-3);
    }

    @Test
    void neverLeavesItsBounds() {
        for (var name : List.of("CosineAnnealing", "Linear", "Constant", "cosine", "const", "const-cooldown")) {
            for (var warmup : List.of(0, 1, 100, 150)) {
                var schedule = schedule("model.optim.sched.name=" + name, "model.optim.sched.warmup_steps=" + warmup);
                for (var step = 0; step < 120; step++) {
                    assertThat(schedule.at(step)).isBetween(0.0, 1e-3);
                }
            }
        }
    }

    @Test
    void refusesWhatMakesNoSense() {
        assertThatThrownBy(() -> schedule("model.optim.sched.name=Square"))
                .isInstanceOf(RecipeException.class)
                .hasMessageContaining("not 'Square'");
        assertThatThrownBy(() -> schedule("model.optim.sched.min_lr=1"))
                .isInstanceOf(RecipeException.class)
                .hasMessageContaining("is above model.optim.lr");
        assertThatThrownBy(() -> schedule("model.optim.lr=fast"))
                .isInstanceOf(RecipeException.class)
                .hasMessageContaining("'model.optim.lr' must be a number, not 'fast'");
    }
}
