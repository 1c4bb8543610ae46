package org.clipc.compiler.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RecipeReaderTest {

    private static final String RECIPE = """
            model:
              optim:
                lr: 1e-3
                betas: [0.9, 0.98]
              vision:
                hidden_size: 768
                ffn_hidden_size: ${.hidden_size}
              text:
                hidden_size: ${model.vision.hidden_size}
                label: "w${..vision.hidden_size}-${.hidden_size}"
            trainer:
              max_steps: null
              resume: yes
            """;

    @TempDir
    Path folder;

    private Map<String, Setting> read(String yaml, String... overrides) throws IOException {
        var file = Files.writeString(folder.resolve("recipe.yaml"), yaml);
        return RecipeReader.read(file, List.of(overrides));
    }

    private static Object value(Map<String, Setting> settings, String key) {
        return Objects.requireNonNull(Objects.requireNonNull(settings.get(key)).value());
    }

    @Test
    void readsNestedKeysWithTheirTypes() throws IOException {
        var settings = read(RECIPE);
        assertThat(value(settings, "model.optim.lr")).isEqualTo(1e-3);
        assertThat(value(settings, "model.optim.betas")).isEqualTo(List.of(0.9, 0.98));
        assertThat(value(settings, "model.vision.hidden_size")).isEqualTo(768L);
        assertThat(value(settings, "trainer.resume")).isEqualTo(true);
        assertThat(settings.get("trainer.max_steps")).extracting(Setting::value).isNull();
    }

    @Test
    void interpolatesAbsoluteSiblingAndParentKeysAfterOverrides() throws IOException {
        var settings = read(RECIPE, "model.vision.hidden_size=512");
        assertThat(value(settings, "model.vision.ffn_hidden_size")).isEqualTo(512L);
        assertThat(value(settings, "model.text.hidden_size")).isEqualTo(512L);
        assertThat(value(settings, "model.text.label")).isEqualTo("w512-512");
    }

    @Test
    void overridesCarryTypesAndLists() throws IOException {
        var settings = read("{}", "a.b=3", "a.c=[1e-4, 2]", "a.d=word", "a.e=true", "a.f=");
        assertThat(value(settings, "a.b")).isEqualTo(3L);
        assertThat(value(settings, "a.c")).isEqualTo(List.of(1e-4, 2L));
        assertThat(value(settings, "a.d")).isEqualTo("word");
        assertThat(value(settings, "a.e")).isEqualTo(true);
        assertThat(settings.get("a.f")).extracting(Setting::value).isNull();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    'a: [1, 2'              | 'not well-formed'
                    '- 1'                   | 'a recipe is a mapping'
                    'a: 1\na: 2'            | 'set twice'
                    'a: [[1]]'              | ':1:5: a list holds'
                    'a: ${b}'               | 'refers to ''b'', which is not set'
                    'a: ${b}\nb: ${a}'      | 'refers to itself: a -> b -> a'
                    'a: "${b"'              | 'no ''}'' closes'
                    'width: 1\na: ${widht}' | 'did you mean ''width''?'
                    """)
    void saysWhatIsWrongAndWhere(String yaml, String message) {
        assertThatThrownBy(() -> read(yaml.replace("\\n", "\n")))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("recipe.yaml")
                .hasMessageContaining(message);
    }

    @Test
    void rejectsOverridesOfAnotherForm() {
        assertThatThrownBy(() -> read("{}", "lr")).hasMessageContaining("write key=value");
        assertThatThrownBy(() -> read("{}", "a={b: 1}")).hasMessageContaining("one by one");
    }

    @Test
    void aMissingFileIsNamed() {
        assertThatThrownBy(() -> RecipeReader.read(folder.resolve("none.yaml"), List.of()))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining("none.yaml: no such file");
    }

    @Test
    void damagedFilesNeverCrash() throws IOException {
        var seed = System.nanoTime();
        var random = new Random(seed);
        for (var i = 0; i < 2000; i++) {
            var bytes = RECIPE.getBytes(StandardCharsets.UTF_8);
            for (var n = random.nextInt(4); n >= 0; n--) {
                bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
            }
            Files.write(folder.resolve("recipe.yaml"), bytes);
            try {
                assertThat(RecipeReader.read(folder.resolve("recipe.yaml"), List.of()))
                        .isNotNull();
            } catch (ConfigException e) {
                assertThat(e.problems()).as("seed %d", seed).isNotEmpty();
            }
        }
    }

    @Test
    void completesWithDefaultsAndListsEveryWrongValue() throws IOException {
        var complete = RecipeSchema.complete(read("model: {optim: {lr: 1}, memory_budget: 2GiB}"));
        assertThat(complete)
                .containsEntry("model.optim.lr", 1.0)
                .containsEntry("model.memory_budget", 2L << 30)
                .containsEntry("trainer.gradient_clip_val", 1.0)
                .doesNotContainKey("trainer.max_steps");
        assertThatThrownBy(() -> RecipeSchema.complete(
                        read("model: {optim: {lr: fast, name: sgd}, data: {resampled: 3}, memory_budget: much}")))
                .isInstanceOfSatisfying(
                        ConfigException.class,
                        e -> assertThat(e.problems())
                                .hasSize(4)
                                .anySatisfy(
                                        p -> assertThat(p).contains("'model.optim.lr' must be a number, not 'fast'"))
                                .anySatisfy(p -> assertThat(p).contains("can only be adamw or fused_adam")));
    }

    @Test
    void numbersHaveBounds() throws IOException {
        assertThatThrownBy(() -> RecipeSchema.complete(read(
                        "model: {micro_batch_size: 0, optim: {betas: [0.9, -1], lr: .nan}, data: {scale: [0.5, 1]}}")))
                .isInstanceOfSatisfying(
                        ConfigException.class,
                        e -> assertThat(e.problems())
                                .hasSize(3)
                                .anySatisfy(p ->
                                        assertThat(p).endsWith("'model.micro_batch_size' is 0, but must be at least 1"))
                                .anySatisfy(p -> assertThat(p)
                                        .endsWith("'model.optim.betas' is [0.9, -1.0], but must be at least 0")));
        assertThat(RecipeSchema.complete(read("trainer: {max_steps: -1, max_epochs: 3}")))
                .doesNotContainKey("trainer.max_steps")
                .containsEntry("trainer.max_epochs", 3L);
    }

    @ParameterizedTest
    @CsvSource({"hiden_size, hidden_size", "optim.lr, model.optim.lr", "lerning_rate, learning_rate"})
    void suggestsTheClosestName(String written, String meant) {
        assertThat(Suggestion.among(written, List.of("learning_rate", "hidden_size", "model.optim.lr")))
                .isEqualTo("; did you mean '" + meant + "'?");
        assertThat(Suggestion.among("zzzzzz", List.of("hidden_size"))).isEmpty();
    }
}
