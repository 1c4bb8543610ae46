package org.clipc.tests;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.clipc.tests.Commands.clipc;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Models and recipes that are wrong: exit code 2, a message with the place, and nothing written. */
class MalformedSourceTest {

    private static final int CASES = 150;

    @TempDir
    Path folder = Path.of("");

    private Path program = Path.of("");

    @BeforeEach
    void name() {
        program = folder.resolve("p.bin");
    }

    private Commands.Result compile(Path source, Object... more) {
        var words = new Object[more.length + 8];
        System.arraycopy(
                new Object[] {"compile", source, "-o", program, "--library", Golden.graphs(), "--target", "jvm128"},
                0,
                words,
                0,
                8);
        System.arraycopy(more, 0, words, 8, more.length);
        return clipc(words);
    }

    private void leavesNothing() throws IOException {
        try (var files = Files.list(folder)) {
            assertThat(files.map(p -> p.getFileName().toString()))
                    .noneMatch(name -> name.contains(".bin") || name.contains(".tmp"));
        }
    }

    @Test
    void damagedModelsAreToldWithTheirPlace() throws IOException {
        var tiny = Golden.graphs().resolve("tiny.clip");
        var path = folder.resolve("m.clip");
        var command = new Object[] {"check", path, "--library", Golden.graphs(), "--config", "none"};
        assertThat(told(tiny, path, "\\.clip(:\\d+:\\d+)?: ", command)).isGreaterThan(CASES / 3);
    }

    @Test
    void damagedRecipesAreToldWithTheirPlace() throws IOException {
        var recipe = Golden.graphs().resolveSibling("configs/b32.yaml");
        var path = folder.resolve("r.yaml");
        var command = new Object[] {
            "check", Golden.graphs().resolve("b32.clip"), "--library", Golden.graphs(), "--config", path
        };
        assertThat(told(recipe, path, "(r\\.yaml|\\.clip):", command)).isGreaterThan(CASES / 10);
    }

    /** How many of many damaged copies of a file, each in turn at {@code path}, a command refuses; it tells the place. */
    private static int told(Path whole, Path path, String place, Object... command) throws IOException {
        var seed = new Random().nextLong();
        var random = new Random(seed);
        var bytes = Files.readAllBytes(whole);
        var told = 0;
        for (var i = 0; i < CASES; i++) {
            Files.write(path, Damage.some(bytes, random));
            var result = clipc(command);
            assertThat(result.code())
                    .as("seed %d, case %d: %s", seed, i, result)
                    .isIn(0, 2);
            assertThat(result.err())
                    .as("seed %d, case %d", seed, i)
                    .doesNotContain("internal error", "Exception", "\tat ", "null");
            if (result.code() == 2) {
                assertThat(result.err()).as("seed %d, case %d", seed, i).containsPattern(place);
                told++;
            }
        }
        return told;
    }

    /** Each row: a recipe (commas between lines), and what the one message says. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "model: {vision: {hiden_size: 48}}      | r.yaml:1:18: error: the model has no key 'model.vision.hiden_size'; did you mean 'model.vision.hidden_size'?",
                "trainer: {max_step: 3}                 | r.yaml:1:11: there is no key 'trainer.max_step'; did you mean 'trainer.max_steps'?",
                "model: {micro_batch_size: many}        | r.yaml:1:9: 'model.micro_batch_size' must be a whole number, not 'many'",
                "model: {micro_batch_size: 0}           | r.yaml:1:9: 'model.micro_batch_size' is 0, but must be at least 1",
                "model: {micro_batch_size: -4}          | r.yaml:1:9: 'model.micro_batch_size' is -4, but must be at least 1",
                "model: {vision: {hidden_size: wide}}   | r.yaml:1:18: error: model.vision.hidden_size must be an int, but is the string \"wide\"",
                "model: {vision: {activation: relu}}    | must be one of \"gelu\"",
                "model: {output_dim: '${model.x}'}      | r.yaml:1:9: 'model.output_dim' refers to 'model.x', which is not set",
                "model: {output_dim: '${model.output_dim}'} | r.yaml:1:9: ",
                "model: {output_dim: '${model.'}        | r.yaml:1:9: ",
                "model: {optim: {lr: fast}}             | r.yaml:1:17: 'model.optim.lr' must be a number, not 'fast'",
                "model: {optim: {betas: [0.9]}}         | model.optim.betas",
                "model: [1                              | r.yaml:2:1: is not well-formed YAML",
                "model: &a {x: *a}                      | r.yaml",
                "- 1                                    | r.yaml:1:1: a recipe is a mapping of keys to values",
                "{model: {output_dim: 1}, model: {output_dim: 2}} | r.yaml:1:",
                "model: !!java.net.URL [http://x]       | r.yaml:1:",
                "model: {memory_budget: 1XB}            | r.yaml:1:9: 'model.memory_budget'",
                "trainer: {precision: 8}                | r.yaml:1:11: 'trainer.precision'",
            })
    void recipesThatAreWrong(String text, String message) throws IOException {
        var recipe = Files.writeString(folder.resolve("r.yaml"), text + "\n");
        compile(Golden.graphs().resolve("tiny.clip"), "--config", recipe).isRefused(message);
        leavesNothing();
    }

    @Test
    void recipesThatAreNoRecipes() throws IOException {
        var tiny = Golden.graphs().resolve("tiny.clip");
        compile(tiny, "--config", folder.resolve("none.yaml")).isRefused("none.yaml: no such file");
        compile(tiny, "--config", folder).isRefused(folder + ": this is a folder");
        var path = folder.resolve("r.yaml");
        Files.write(path, new byte[] {'a', ':', ' ', (byte) 0xff, (byte) 0xfe});
        compile(tiny, "--config", path).isRefused("r.yaml:1:1: is not UTF-8 text");
        Files.writeString(path, "a: " + "x".repeat(2 << 20));
        compile(tiny, "--config", path).isRefused("r.yaml:1:1: is larger than 1 MiB");
        Files.writeString(path, "a: " + "[".repeat(100_000));
        compile(tiny, "--config", path).isRefused("r.yaml:");
        Files.writeString(path, "a: &a [x, x]\n" + "b: &b [*a, *a, *a]\n".repeat(40));
        compile(tiny, "--config", path).isRefused("r.yaml:");
        leavesNothing();
    }

    @Test
    void overridesThatAreWrong() {
        var tiny = Golden.graphs().resolve("tiny.clip");
        compile(tiny, "model.vision.num_layer=2").isRefused("'model.vision.num_layer'; did you mean");
        compile(tiny, "model.micro_batch_size").isRefused("'model.micro_batch_size' is no override; write key=value");
        compile(tiny, "model.vision.patch_dim=5").reports("vision.clip:", "patches must tile the image");
        compile(tiny, "model.vision.hidden_size=0").reports("a dimension must be positive, but is 0");
        compile(tiny, "model.vision.num_layers=1000000")
                .reports("transformer.clip:", "the model takes too long to elaborate", "the counts of all `repeat`s");
        compile(tiny, "model.vision.hidden_size=99999999999")
                .reports("a dimension must be positive and at most 2147483647, but is 99999999999");
        compile(tiny, "model.micro_batch_size=99999999").isRefused("model.micro_batch_size is 99999999");
        clipc("compile", tiny, "-o", folder.resolve("p.bin"), "--library", Golden.graphs(), "--target", "jvm1024")
                .isRefused("jvm1024");
        compile(tiny, "--print-after", "fuze").isRefused("no pass is called 'fuze'; did you mean 'fuse'?");
    }

    @Test
    void modelsThatAreNoModels() throws IOException {
        compile(folder.resolve("none.clip")).isRefused("none.clip: ");
        compile(folder).isRefused(folder.toString());
        var path = folder.resolve("m.clip");
        Files.write(path, new byte[] {(byte) 0xff, (byte) 0xfe, 0});
        compile(path).isRefused("m.clip");
        Files.writeString(path, "");
        compile(path).isRefused("m.clip");
        Files.writeString(path, "model M { entry f(x: [B, 2]) -> [B, 2] = " + "(".repeat(50_000) + "x");
        compile(path).isRefused("m.clip");
        Files.writeString(path, "import ../../etc\nmodel M { entry f(x: [B, 2]) -> [B, 2] = x }");
        assertThat(compile(path).code()).isEqualTo(2);
        Files.writeString(path, "import std.nothing\nmodel M { entry f(x: [B, 2]) -> [B, 2] = x }");
        compile(path).isRefused("m.clip:1:", "std.nothing");
        Files.writeString(path, "model M { entry f(x: [B, 99999999999]) -> [B, 2] = x }");
        compile(path).isRefused("m.clip:1:");
        leavesNothing();
    }

    @Test
    void placesThatCannotBeWrittenTo() throws IOException {
        var tiny = Golden.graphs().resolve("tiny.clip");
        var file = Files.write(folder.resolve("file"), "x".getBytes(UTF_8));
        for (var output : new Path[] {folder, file.resolve("p.bin")}) {
            clipc("compile", tiny, "--library", Golden.graphs(), "-o", output).isRefused(output.toString());
        }
        clipc("compile", tiny, "--library", folder.resolve("nowhere"), "-o", program)
                .isRefused("nowhere: there is no such folder");
    }
}
