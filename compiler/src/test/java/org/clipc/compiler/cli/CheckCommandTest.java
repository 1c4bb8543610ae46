package org.clipc.compiler.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class CheckCommandTest {

    private static final String GOOD = """
            config Size { width: int = 4 kind: "a" | "b" = "a" }

            model Tiny {
              config size: Size
              param w: [size.width, 2] = normal(0.02)
              entry encode_image(x: [B, size.width]) -> [B, 2] = x @ w
            }
            """;

    @TempDir
    Path folder = Path.of("");

    private Cli cli = new Cli(folder);

    @BeforeEach
    void setUp() {
        cli = new Cli(folder);
    }

    @Test
    void saysWhatAGoodModelHas() {
        var ran = cli.run("check", cli.file("graphs/tiny.clip", GOOD));
        assertThat(ran.err()).isEmpty();
        assertThat(ran.out())
                .isEqualTo(
                        "ok  DIR/graphs/tiny.clip with no recipe: Tiny, 8 parameters in 1 tensors, entries encode_image\n");
        assertThat(ran.code()).isZero();
    }

    @Test
    void takesTheRecipeBesideTheModelUnlessToldOtherwise() {
        var model = cli.file("graphs/tiny.clip", GOOD);
        cli.file("configs/tiny.yaml", "model: {size: {width: 8}}");
        var other = cli.file("other.yaml", "model: {size: {width: 16}}");
        assertThat(cli.run("check", model).out()).contains("with DIR/configs/tiny.yaml: Tiny, 16 parameters");
        assertThat(cli.run("check", model, "--config", other).out())
                .contains("with DIR/other.yaml: Tiny, 32 parameters");
        assertThat(cli.run("check", model, "--config", "none").out()).contains("with no recipe: Tiny, 8 parameters");
        assertThat(cli.run("check", model, "model.size.width=3").out()).contains("Tiny, 6 parameters");
    }

    @Test
    void reportsAllErrorsOfAllFilesAtOnce() {
        var first = cli.file("a.clip", "model A {\n  entry f(x: [B]) -> [B] = y\n  entry g(x: [B]) -> [B] = z\n}\n");
        var second = cli.file("b.clip", "model B {\n  config n: int = \"three\"\n}\n");
        var ran = cli.run("check", first, second, cli.file("c.clip", GOOD));
        assertThat(ran.code()).isEqualTo(2);
        assertThat(ran.err())
                .contains(
                        "DIR/a.clip:2:",
                        "there is no `y` here",
                        "DIR/a.clip:3:",
                        "there is no `z` here",
                        "2 errors",
                        "DIR/b.clip:2:",
                        "\nclipc: 2 of 3 files have errors\n");
        assertThat(ran.out()).startsWith("ok  DIR/c.clip");
    }

    @Test
    void showsTheLineAndTheShapes() {
        var model =
                cli.file("m.clip", "model M {\n  param w: [3, 2] = zeros\n  entry f(x: [B, 4]) -> [B, 2] = x @ w\n}\n");
        var ran = cli.run("check", model);
        assertThat(ran.err())
                .startsWith("DIR/m.clip:3:34: error: ")
                .contains("    3 |   entry f(x: [B, 4]) -> [B, 2] = x @ w\n", "[B, 4]", "1 error\n");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '~',
            value = {
                "model.size.widht=4 ~ command line: error: the model has no key 'model.size.widht'; did you mean 'model.size.width'?",
                "model.width=4 ~ command line: error: the model has no key 'model.width'; did you mean 'model.size.width'?",
                "model.optm=4 ~ command line: error: the model has no key 'model.optm'; did you mean 'model.optim'?",
                "model.micro_batchsize=4 ~ command line: error: the model has no key 'model.micro_batchsize'; did you mean 'model.micro_batch_size'?",
                "model.optim.lrr=1 ~ clipc: command line: there is no key 'model.optim.lrr'; did you mean 'model.optim.lr'?",
                "trainer=1 ~ clipc: command line: trainer is a group of keys and has no value of its own",
                "model.optim=1 ~ command line: error: model.optim is a group of keys and has no value of its own",
                "trainr=1 ~ clipc: command line: there is no key 'trainr'; did you mean 'trainer'?",
                "trainer.max_step=1 ~ clipc: command line: there is no key 'trainer.max_step'; did you mean 'trainer.max_steps'?",
                "trainer.max_steps=many ~ clipc: command line: 'trainer.max_steps' must be a whole number, not 'many'",
                "model.optim.lr=1e999 ~ clipc: command line: 'model.optim.lr' must be a number, not 'Infinity'",
                "model.optim.betas=[1e999, 0.9] ~ clipc: command line: 'model.optim.betas' must be a list of numbers",
                "trainer.precision=64 ~ clipc: command line: 'trainer.precision' is '64', but can only be 32",
                "model.size.kind=c ~ must be one of \"a\", \"b\", but is the string \"c\"",
                "model.size.width=wide ~ model.size.width must be an int, but is the string \"wide\"",
                "model.size=4 ~ model.size is a group of keys and has no value of its own"
            })
    void refusesWrongOverrides(String override, String message) {
        var ran = cli.run("check", cli.file("tiny.clip", GOOD), override);
        assertThat(ran.err().replace('`', '\'')).contains(message);
        assertThat(ran.code()).isEqualTo(2);
        assertThat(ran.out()).isEmpty();
    }

    static Stream<Arguments> wrongRecipes() {
        return Stream.of(
                Arguments.of(
                        "model:\n  size:\n    widht: 3\n",
                        "DIR/r.yaml:3:5: error: the model has no key 'model.size.widht'"),
                Arguments.of(
                        "trainer:\n  max_stepz: 3\n", "clipc: DIR/r.yaml:2:3: there is no key 'trainer.max_stepz'"),
                Arguments.of("trainer: [\n", "clipc: DIR/r.yaml:2:1: is not well-formed YAML"),
                Arguments.of("- 1\n", "clipc: DIR/r.yaml:1:1: a recipe is a mapping of keys to values"),
                Arguments.of("a: ${b}\n", "clipc: DIR/r.yaml:1:1: 'a' refers to 'b', which is not set"),
                Arguments.of("name: x\nname: y\n", "clipc: DIR/r.yaml:2:1: key 'name' is set twice"));
    }

    @ParameterizedTest
    @MethodSource("wrongRecipes")
    void refusesWrongRecipes(String yaml, String message) {
        var ran = cli.run("check", cli.file("tiny.clip", GOOD), "--config", cli.file("r.yaml", yaml));
        assertThat(ran.err()).contains(message);
        assertThat(ran.code()).isEqualTo(2);
    }

    @Test
    void saysAllThatIsWrongWithRecipeAndModelAtOnce() {
        var model = cli.file("m.clip", "model M {\n  entry f(x: [B]) -> [B] = y\n}\n");
        var ran = cli.run("check", model, "trainer.max_step=1", "model.optim.lr=fast");
        assertThat(ran.err()).contains("'trainer.max_step'", "there is no `y` here");
    }

    static Stream<Arguments> malformed() {
        return Stream.of(
                Arguments.of("empty", "".getBytes(StandardCharsets.UTF_8), "this file declares no `model`"),
                Arguments.of("binary", new byte[] {0, 1, 2, 3}, "this is not a text file"),
                Arguments.of(
                        "latin1", new byte[] {'m', (byte) 0xe9}, "this is not a text file (it is not valid UTF-8)"),
                Arguments.of("unclosed", "model M {".getBytes(StandardCharsets.UTF_8), "error"),
                Arguments.of(
                        "deep",
                        ("model M { let a = " + "(".repeat(5000)).getBytes(StandardCharsets.UTF_8),
                        "nested too deeply"),
                Arguments.of("huge", " ".repeat(5 << 20).getBytes(StandardCharsets.UTF_8), "the file is too large"));
    }

    @ParameterizedTest
    @MethodSource("malformed")
    void refusesWhatIsNoSource(String name, byte[] content, String message) throws IOException {
        var file = folder.resolve(name + ".clip");
        Files.write(file, content);
        var ran = cli.run("check", file);
        assertThat(ran.err()).contains("DIR/" + name + ".clip", message).doesNotContain("\tat ", "Exception");
        assertThat(ran.code()).isEqualTo(2);
    }

    @Test
    void refusesFilesThatAreNotThere() {
        var ran = cli.run("check", folder.resolve("none.clip"));
        assertThat(ran.err()).isEqualTo("DIR/none.clip: error: no such file\n\n1 error\n");
        assertThat(ran.code()).isEqualTo(2);
        assertThat(cli.run("check", folder).err()).isEqualTo("clipc: DIR: there is no .clip file in this folder\n");
        var model = cli.file("m.clip", GOOD);
        assertThat(cli.run("check", model, "--config", "none.yaml").err())
                .isEqualTo("clipc: none.yaml: no such file\n");
        assertThat(cli.run("check", model, "--config", folder).err())
                .isEqualTo("clipc: DIR: this is a folder, not a YAML recipe\n");
        assertThat(cli.run("check", model, "--library", "none").err())
                .isEqualTo("clipc: none: there is no such folder to be the library\n");
    }

    /** Every model of the project with its recipe, its recipe for NeMo's sizes, and none. */
    @ParameterizedTest
    @CsvSource({
        "vision.hidden_dropout=1.5, the rate of dropout",
        "text.hidden_dropout=-0.1, the rate of dropout",
        "vision.drop_path_rate=1, the rate of drop_path",
        "vision.drop_patch_rate=-0.5, the rate of drop_tokens",
    })
    void refusesRatesThatAreNoProbabilities(String key, String message) {
        assertThat(cli.run("check", Cli.model("tiny"), "model." + key).err()).contains(message + " must be in [0, 1)");
    }

    @Test
    void checksTheNamesAndImportsOfALibrary() {
        var library = cli.file("l.clip", "import \"gone.clip\"\nfn f(x: [D]) = x\nfn f(x: [D]) = x\n");
        var ran = cli.run("check", library);
        assertThat(ran.err()).contains("there is no file DIR/gone.clip", "`f` is declared twice", "2 errors");
        assertThat(ran.code()).isEqualTo(2);
        assertThat(ran.out()).isEmpty();
        var names = cli.file("n.clip", "fn f(x: [D]) = x + y\n");
        assertThat(cli.run("check", names).err()).contains("DIR/n.clip:1:20: error: there is no `y` here");
    }

    @Test
    void theProjectsModelsAreFine() {
        var graphs = Cli.home().resolve("clip-graphs");
        var ran = cli.run("check", graphs);
        assertThat(ran.err()).isEmpty();
        assertThat(ran.out())
                .contains(
                        "HOME/clip-graphs/b32.clip with HOME/configs/b32.yaml: ClipB32, 151,277,313 parameters in 302 tensors")
                .contains("HOME/clip-graphs/std/vision.clip: a library");
    }

    @ParameterizedTest
    @CsvSource({
        "b16, 177454465",
        "h14, 986109441",
        "g14, 1366678273",
        "e14, 4581086465",
    })
    void recipesWithNvidiasSizesFitTheirModels(String variant, long parameters) {
        var ran = cli.run("check", Cli.model(variant), "--config", Cli.recipe("nemo/" + variant));
        assertThat(ran.err()).isEmpty();
        assertThat(ran.out()).contains(String.format(java.util.Locale.ROOT, ", %,d parameters in ", parameters));
    }

    /** As many as google/siglip-base-patch16-224 has. */
    @Test
    void theRecipeForSiglipFitsItsModel() {
        var ran = cli.run("check", Cli.model("b16"), "--config", Cli.recipe("siglip/b16"));
        assertThat(ran.err()).isEmpty();
        assertThat(ran.out()).contains(", 203,155,970 parameters in ");
    }

    @ParameterizedTest
    @CsvSource({"b32", "b16", "l14", "h14", "g14", "bigg14", "e14", "tiny"})
    void recipesRepeatWhatTheirModelsSay(String variant) {
        var with = cli.run("check", Cli.model(variant)).out();
        var without = cli.run("check", Cli.model(variant), "--config", "none").out();
        assertThat(with).isEqualTo(without.replace("no recipe", "HOME/configs/" + variant + ".yaml"));
    }
}
