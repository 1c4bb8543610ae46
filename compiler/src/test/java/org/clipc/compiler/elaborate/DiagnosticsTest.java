package org.clipc.compiler.elaborate;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.clipc.compiler.config.Setting;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DiagnosticsTest {
    @TempDir
    Path folder;

    /** Body of an entry with images [B, 3, 8], ids i32[B, 4]; a piece of the only message expected. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '~',
            quoteCharacter = '`',
            value = {
                "images + ids ~ '+' cannot mix f32 and i32: [6, 3, 8] and i32[6, 4]",
                "images + images[:, :2] ~ '+' cannot combine [6, 3, 8] and [6, 2, 8]: 3 is not 2",
                "imags ~ there is no 'imags' here; did you mean 'images'?",
                "softmx(images) ~ there is no 'softmx' here; did you mean 'softmax'?",
                "images[0, 0, 0, 0] ~ 4 subscripts are too many for a tensor [6, 3, 8]",
                "images[:, 3] ~ the index 3 is outside of 0 to 2",
                "images[:, 2:2] ~ the range 2:2 is empty or outside of axis 1",
                "images[.., ..] ~ '..' can stand only once",
                "images[ids] ~ an index is a number known at compile time",
                "images @ images ~ '@' cannot multiply [6, 3, 8] by [6, 3, 8]: 8 is not 3",
                "reshape(images, [B, 25]) ~ a tensor [6, 3, 8] of 144 elements cannot become [6, 25]",
                "reshape(images, [B, -1, -1]) ~ cannot become",
                "transpose(images, [0, 1, 1]) ~ does not name each axis of [6, 3, 8] once",
                "transpose(images, []) ~ [] does not name each axis of [6, 3, 8] once",
                "concat([images, ids], axis = 0) ~ 'concat' cannot join [6, 3, 8] and i32[6, 4]",
                "concat([images, images[:, :, :2]], axis = 0) ~ axis 2 differs",
                "split(images, axis = 2, parts = 3)[0] ~ cannot be split into 3 equal parts",
                "sum(images, axis = 5) ~ there is no axis 5 in [6, 3, 8]",
                "sum(images, axis = [0, -3]) ~ axis -3 is given twice",
                "sum(images, axes = 0) ~ 'sum' has no parameter 'axes'; did you mean 'axis'?",
                "sum() ~ 'sum' needs a value for 'x'",
                "sum(images, 0, true, 3) ~ 'sum' takes at most 3 arguments",
                "sum(images, x = images) ~ 'x' of 'sum' is given twice",
                "exp(ids) ~ 'exp' works on floats, but this is i32[6, 4]",
                "attention(images, images, images, 3) ~ 3 heads do not divide a width of 8",
                "attention(images, images, images, 2, dropout = 1) ~ must be in [0, 1)",
                "linear(images, images) ~ 'linear' takes x [.., in] and a weight [out, in]",
                "layer_norm(images, images[0, 0, :4], images[0, 0]) ~ 'layer_norm' cannot scale [6, 3, 8] by [4]",
                "gather(images, images) ~ the index of 'gather' must hold i32",
                "gather(images[0, 0, 0], ids) ~ 'gather' along axis 0 has no rows to take from",
                "take(images, ids[0], axis = 1) ~ 'take' cannot take from [6, 3, 8] by an index i32[4]",
                "softmax_xent(images, ids) ~ takes logits [n, classes] and labels i32[n]",
                "if images then 1.0 else 2.0 ~ a condition is decided at compile time",
                "if 1 then 1.0 else 2.0 ~ a condition must be a bool, but is the int 1",
                "where(images, images, images) ~ the condition of 'where' must hold bools",
                "images * (7 / 2) ~ 7 is not divisible by 2",
                "images * (1 / 0) ~ division by zero",
                "images * (1.0 / 0) ~ division by zero",
                "images * ln(-1) ~ 'ln' has no finite value here",
                "images * 99999999999 * (99999999999 * 99999999999) ~ a number is too large here",
                "images * \"a\" ~ the string \"a\" does not fit a tensor of f32",
                "ids * 1.5 ~ the float 1.5 does not fit a tensor of i32",
                "not images ~ 'not' works on bools",
                "images and images ~ 'and' works on bools",
                "1 and true ~ 'and' needs two bools",
                "images % 2 ~ '%' cannot take",
                "images(3) ~ a tensor [6, 3, 8] cannot be called",
                "images.x ~ a tensor [6, 3, 8] has no fields",
                "3[0] ~ the int 3 cannot be indexed",
                "iota(0) ~ must be a positive int",
                "broadcast(images, [2, 8]) ~ cannot combine",
                "full([B, 2], true) ~ the bool true does not fit",
                "random_subset(B, 9, 8) ~ cannot choose 9 of 8",
                "cast(images, f64) ~ there is no 'f64' here",
                "M ~ there is no 'M' here",
                "(images, ids) ~ an entry point gives a tensor",
                "\"x\" ~ an entry point gives a tensor",
                "f(images) ~ 'y' of 'f' must be [B, 4], but is [6, 3, 8]",
                "g(ids, 3) ~ 'x' of 'g' must hold f32, but is a tensor i32[6, 4] of i32",
                "g(images[0]) ~ 'g' needs a value for 'n'",
                "g(images[0], 4) ~ 'x' of 'g' must be [A, n], but is [3, 8]: 8 is not 4 (n)",
                "g(images[0], n = 8, m = 1) ~ 'g' has no parameter 'm'",
                "g(n = 8, images[0]) ~ an argument without a name cannot follow a named one",
                "h(images) ~ the result of 'h' must be [B.., 3], but is [6, 3, 8]",
                "same(images[0], ids[0]) ~ 'b' of 'same' must hold f32",
                "same(images[0], images[:3, 0]) ~ ok",
                "same(images[0], images[0, :, :4]) ~ 'b' of 'same' must be [A, D], but is [3, 4]: 4 is not 8",
                "kind(images, \"gleu\") ~ must be one of \"gelu\", \"relu\", but is the string \"gleu\"; did you mean 'gelu'?",
                "kind(images, 3) ~ must be one of",
                "ids + 3000000000 ~ the int 3000000000 does not fit a tensor of i32",
                "full([2], -2147483649, i32) ~ does not fit a tensor of i32",
                "endless(images) ~ expressions and calls nest too deeply here",
                "doubled(images, 40) ~ the graph has more than 262144 operations",
                "noreturn(images) ~ this function can end without a 'return'",
                "perhaps(images) ~ a condition is decided at compile time",
                "argmax(images > 0, 1) ~ bools cannot be reduced",
                "softmax(cast(images, f16)) ~ 'softmax' works on f32 and bf16, but this is f16[6, 3, 8]",
                "layer_norm(images, images[0, 0], cast(images[0, 0], f16)) ~ 'layer_norm' works on f32 and bf16",
            })
    void mistakes(String body, String expected) {
        String declarations = """
                fn f(y: [B, 4]) -> [B, 4] = y
                fn g(x: [A, n], n: int) -> [A, n] = x
                fn h(x: [B.., D]) -> [B.., 3] = x
                fn same(a: [A, D], b: [A, D]) = a + b
                fn kind(x: [D..], k: "gelu" | "relu") = x
                fn endless(x: [D..]) = endless(x)
                fn doubled(x: [D..], n: int) = if n == 0 then x + x else doubled(x, n - 1) + doubled(x, n - 1)
                fn noreturn(x: [D..]) { let y = x }
                fn perhaps(x: [D..]) { repeat i in 2 { if x > 0 { return x } else { return -x } } }
                """;
        String problems = Source.entry(folder, declarations, "images: [B, 3, 8], ids: i32[B, 4]", body.strip())
                .problems();
        if (expected.strip().equals("ok")) {
            assertThat(problems).isEmpty();
        } else {
            assertThat(problems)
                    .contains(expected.strip()
                            .replace('\'', '`')
                            .replace("did you mean `", "did you mean '")
                            .replace("`?", "'?"));
            assertThat(problems.lines()).hasSize(1);
        }
    }

    /** The limit of depth must come well before the end of a thread's stack, 1 MiB by default. */
    @Test
    void endlessModulesFitHalfAStack() throws InterruptedException {
        var source = new Source(folder, "module Loop() { again = Loop() } model M { a = Loop() }");
        var problems = new AtomicReference<String>();
        var thread = new Thread(null, () -> problems.set(source.problems()), "half a stack", 512 << 10);
        thread.start();
        thread.join();
        assertThat(problems.get()).contains("expressions and calls nest too deeply here");
    }

    /** Members of a model; a piece of the only message expected. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '~',
            quoteCharacter = '`',
            value = {
                "param w: [n] = zeros ~ there is no 'n' here",
                "param w: [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2] = zeros ~ a tensor has at most 16 axes, not 17",
                "param w: [0] = zeros ~ a dimension must be positive, but is 0",
                "param w: [B..] = zeros ~ a parameter's shape has no open ends",
                "param w: i32[2] = zeros ~ a parameter holds floats, not i32",
                "param w: f33[2] = zeros ~ there is no element type 'f33'; did you mean 'f32'?",
                "param w: [2] = normal ~ 'normal' takes 1 numbers, not 0",
                "param w: [2] = normal(-1) ~ a standard deviation cannot be negative",
                "param w: [2] = norml(1) ~ this is no initialiser; did you mean 'normal'?",
                "param w: [2] = 3 ~ this is no initialiser",
                "param w: [2] = zeros shrad(tp, 0) ~ there is no modifier 'shrad'; did you mean 'shard'?",
                "param w: [2] = zeros shard(tp, 1) ~ there is no axis 1 in f32[2]",
                "param w: [2] = zeros shard(dp, 0) ~ parameters are split over 'tp'",
                "param w: [2] = zeros clamp(1) ~ this is written clamp(low, high)",
                "param w: [2] = zeros clamp(2, 1) ~ the lower bound is above the upper one",
                "param w: [2] = zeros name(\"a b\") ~ a parameter's name is a string",
                "param w: [2] = zeros param w: [2] = zeros ~ a second parameter 'w'",
                "param w: [2] = zeros param v: [2] = zeros name(\"w\") ~ a second parameter 'w'",
                "let a = 1 let a = 2 ~ 'a' is already defined",
                "let a = Sub(1) ~ a module can only be created as a member of another",
                "a = 3 ~ 'a' must be a module, but is the int 3",
                "a = Sub() ~ 'Sub' needs a value for 'n'",
                "a = Sub(1.5) ~ 'n' of 'Sub' must be an int, but is the float 1.5",
                "a = Sub(1) let b = a.q ~ Sub has no member 'q'",
                "a = repeat i in 0 { Sub(i) } ~ the count of 'repeat' must be a positive int, but is the int 0",
                "a = repeat i in 1000000000 { Sub(i) } ~ must be a positive int, at most 1000000, but is the int 1000000000",
                "a = repeat i in 2 { i } ~ 'repeat' stacks modules, but this is the int 0",
                "a = Config ~ 'a' must be a module, but is the configuration type Config",
                "a = Loop() ~ expressions and calls nest too deeply here",
                "let n = training ~ 'training' is known in functions only",
                "let n = exp(softmax(1)) ~ there are no tensors here",
                "assert 1 > 2, \"one is not two\" ~ one is not two",
                "assert 1 > 2 ~ this does not hold",
                "config c: Confg ~ there is no type 'Confg'; did you mean 'Config'?",
                "config c: Config { a = 1 b = 2 } ~ Config has no key 'b'; did you mean 'a'?",
                "config c: Config { a = \"x\" } ~ 'a' must be an int, but is the string \"x\"",
                "config c: Endless ~ 'Endless' has a key of its own type, and so would never end",
                "config c: Config { a = 1 a = 2 } ~ 'a' is set twice",
                "config c: int ~ 'c' has no value: set model.c in the recipe",
                "config c: int = 1.5 let d = c + 1 ~ 'c' must be an int, but is the float 1.5",
                "config c: int { a = 1 } ~ only a configuration type has keys to set in braces",
                "fn () = 1 fn () = 2 ~ a module can have one function without a name",
                "entry e(x: [B, T]) = x ~ 'T' has no size here",
                "entry e(x: [B..]) = x ~ an entry point's inputs have fixed shapes",
                "entry e(x: int) = x ~ an entry point takes tensors",
                "entry e(x: [B], x: [B]) = x ~ 'x' is already defined",
                "if 3 { let a = 1 } ~ a condition must be a bool",
                "a = Two(1) ~ `config` values belong to the model",
                "param größe: [2] = zeros ~ a parameter cannot be named 'größe'",
                "param lr: [2] = zeros ~ a parameter cannot be named 'lr': an input or a result of training",
                "param w: f16[2] = zeros ~ a parameter holds f32 or bf16, not f16",
                "entry Encode(x: [B]) = x ~ an entry point cannot be named 'Encode'",
                "entry train_step(x: [B]) = x ~ an entry point cannot be named 'train_step'",
                "entry encode_text_16(x: [B]) = x ~ an entry point cannot be named 'encode_text_16'",
                "entry e(é: [B]) = é ~ an input cannot be named 'é'",
                "entry e(seed: [B]) = seed * uniform([B]) ~ an input cannot be named 'seed'",
                "entry loss(step: [B]) -> [] = sum(step) ~ an input cannot be named 'step'",
                "param w: [] = ones fn f(x: [D..]) = x * w entry e(w: [B]) = f(w) ~ 'w' is a parameter of the model, too",
                "entry e(x: [B]) -> (é: [B]) = x ~ a result cannot be named 'é'",
                "entry e(x: [B]) -> (a: [B], a: [B]) = (x, x) ~ two results are named 'a'",
                "entry loss(x: [B]) -> (loss: [], skipped: []) = (sum(x), 1) ~ a result cannot be named 'skipped'",
                "param s: [] = ones entry loss(x: [B]) -> (loss: [], s: []) = (sum(x), s) ~ a result cannot be named 's'",
                "entry loss(x: [B]) -> [B] = x ~ training needs a result 'loss' that is one float to minimise",
                "entry loss(x: [B]) -> i32[] = 1 ~ training needs a result 'loss' that is one float to minimise",
                "entry loss(x: [B]) -> (total: []) = sum(x) ~ training needs a result 'loss'",
            })
    void mistakenMembers(String members, String expected) {
        String text = """
                config Config { a: int = 1 }
                config Endless { other: Other }
                config Other { again: Endless }
                module Sub(n: int) { param w: [n + 1] = zeros fn (x: [D..]) = x }
                module Loop() { again = Loop() }
                module Two(n: int) { config c: int = 1 }
                model M {
                %s
                }
                """.formatted(members.strip());
        String problems = new Source(folder, text).problems();
        assertThat(problems)
                .contains(expected.strip()
                        .replace('\'', '`')
                        .replace("did you mean `", "did you mean '")
                        .replace("`?", "'?")
                        .replace("parameter`s", "parameter's")
                        .replace("point`s", "point's"));
        assertThat(problems.lines()).hasSize(1);
    }

    @Test
    void aShapeErrorSaysWhereEachDimensionComesFrom() {
        var source = new Source(folder, """
                module Tower(width: int) {
                  param proj: [width, 4] = zeros
                  fn (x: [B, S, width]) -> [B, S, 4] = x @ proj
                }
                model M {
                  tower = Tower(16)
                  entry main(tokens: [B, 7, 8]) = tower(tokens)
                }
                """);
        assertThat(source.printed()).isEqualTo("""
                        %1$s:7:41: error: `x` of `tower` must be [B, S, width], but is [6, 7, 8]: 8 is not 16 (width)
                            7 |   entry main(tokens: [B, 7, 8]) = tower(tokens)
                              |                                         ^^^^^^
                              --> %1$s:3:17: 16 (width) comes from here
                            3 |   fn (x: [B, S, width]) -> [B, S, 4] = x @ proj
                              |                 ^^^^^
                              --> %1$s:7:29: 8 comes from here
                            7 |   entry main(tokens: [B, 7, 8]) = tower(tokens)
                              |                             ^
                              = note: declared: [6 (B), 7 (S), 16 (width)]
                              = note: given:    [6 (B), 7, 8]

                        1 error
                        """.formatted(folder.resolve("m.clip")));
    }

    @Test
    void allIndependentErrorsAreFoundAtOnce() {
        var source = new Source(folder, """
                module A(width: int) {
                  param w: [width, wdth] = zeros
                  fn (x: [B, width]) -> [B, width] = x + x[:, 1:]
                }
                module C(width: int) {
                  param w: [width] = zeros
                  fn (x: [B, width]) -> [B, width] {
                    let y = x @ x
                    let z = y + 1
                    return x * unknown
                  }
                }
                model M {
                  let a = 1 + true
                  a1 = A(8)
                  c1 = C(8)
                  entry main(x: [B, 8]) -> [B, 9] = c1(a1(x))
                  assert false
                }
                """);
        assertThat(source.problems().lines().map(l -> l.substring(0, l.indexOf(' '))))
                .containsExactly("2:20", "3:38", "8:13", "10:16", "14:11", "17:37", "18:10");
    }

    @Test
    void namesAreCheckedInCodeThatNothingReachesToo() throws IOException {
        String library = """
                config C { a: int = 1 b: int = a + c }
                module Unused(n: int, k: "a" | "b" = "a") {
                  if k == "a" { param left: [n] = normal(sdt) } else { param right: [m] = zeros shard(tp, 0) }
                  let both = if k == "a" then left else wrong
                  stack = repeat i in n { Unused(i + j) }
                  fn (x: [B.., n], y: [T]) -> [B.., O] {
                    recompute { let h = x[:, q:] }
                    if training { z = h } else { let only = B }
                    repeat v in stack { var s = v(h, T) }
                    return only + O
                  }
                }
                fn free(x: Unkown, y: C) -> ([A], int) = later(x)
                fn later(x: [D]) = free
                """;
        Files.writeString(folder.resolve("lib.clip"), library);
        assertThat(Elaborator.check(folder.resolve("lib.clip"), folder))
                .extracting(d -> d.span().line() + " " + d.span().text())
                .containsExactly("1 c", "3 sdt", "3 m", "4 wrong", "5 j", "7 q", "8 z", "10 only", "10 O", "13 Unkown");
        assertThat(Elaborator.check(Repository.graphs().resolve("std/vision.clip"), Repository.graphs()))
                .isEmpty();
        assertThat(Elaborator.check(Repository.graphs().resolve("b32.clip"), Repository.graphs()))
                .isEmpty();
    }

    @Test
    void imports() throws IOException {
        Path std = Files.createDirectories(folder.resolve("std"));
        Files.writeString(std.resolve("vision.clip"), "fn f(x: [D..]) = x");
        Files.writeString(std.resolve("cycle.clip"), "import \"../m.clip\"");
        Files.writeString(std.resolve("again.clip"), "fn f(x: [D..]) = x + 1");
        Files.writeString(std.resolve("broken.clip"), "fn f( = ");
        String model = "\nmodel M { entry main(x: [B]) = f(x) }";
        assertThat(new Source(folder, "import std.vision" + model).problems()).isEmpty();
        assertThat(new Source(folder, "import \"std/vision.clip\"" + model).problems())
                .isEmpty();
        assertThat(new Source(folder, "import std.vison" + model).load().diagnostics())
                .anySatisfy(d -> assertThat(d.notes()).containsExactly("did you mean 'std/vision.clip'?"));
        assertThat(new Source(folder, "import std.cycle" + model).problems())
                .contains("these files import each other: m.clip → std/cycle.clip → m.clip");
        assertThat(new Source(folder, "import std.vision import std.again" + model).problems())
                .contains("1:19 this import brings a second `f` into the file");
        assertThat(new Source(folder, "import \"../secret.clip\"" + model).problems())
                .contains("this import leaves the model's folder");
        assertThat(new Source(folder, "import \"/etc/passwd.clip\"" + model).problems())
                .contains("this import leaves the model's folder");
        assertThat(new Source(folder, "import \"std/vision.txt\"" + model).problems())
                .contains("ends in .clip");
        assertThat(new Source(folder, "import \"a\\\\0b.clip\"" + model).problems())
                .isNotEmpty();
        assertThat(new Source(folder, "import std.broken" + model).problems()).contains("is never closed");
        assertThat(new Source(folder, "fn f(x: [D..]) = x").problems())
                .isEqualTo("1:1 this file declares no `model`\n");
        assertThat(new Source(folder, "model A {} model B {}").problems()).contains("one `model` only");
        assertThat(new Source(folder, "fn softmax(x: [D..]) = x model M {}").problems())
                .contains("`softmax` is the name of a built-in function");
        assertThat(new Source(folder, "fn a() = 1 fn a() = 2 model M {}").problems())
                .contains("declared twice");
        assertThat(Elaborator.load(folder.resolve("none.clip"), folder, Repository.settings())
                        .diagnostics())
                .hasSize(1)
                .allSatisfy(d -> assertThat(d.message()).isEqualTo("no such file"));
    }

    @Test
    void recipes() {
        var source = new Source(folder, """
                config Tower { width: int = 8 kind: "a" | "b" = "a" rate: float = 0.0 deep: bool = false name: string = "x" }
                model M { config tower: Tower { width = 16 } config out: int = 4 }
                """);
        assertThat(source.model().config())
                .hasToString("{tower={width=16, kind=a, rate=0.0, deep=false, name=x}, out=4}");
        assertThat(source.model("tower.width", 32L, "tower.rate", 1L, "tower.name", 7L, "out", null)
                        .config())
                .hasToString("{tower={width=32, kind=a, rate=1.0, deep=false, name=7}, out=4}");
        assertThat(source.problems("tower.wdith", 3L))
                .isEqualTo(
                        "command line the model has no key 'model.tower.wdith'; did you mean 'model.tower.width'?\n");
        assertThat(source.problems("tower", 3L)).contains("model.tower is a group of keys");
        assertThat(source.problems("tower.width", "wide"))
                .contains("model.tower.width must be an int, but is the string");
        assertThat(source.problems("tower.kind", "c")).contains("model.tower.kind must be one of \"a\", \"b\"");
        assertThat(source.problems("tower.deep", 1L)).contains("model.tower.deep must be a bool");
        assertThat(Elaborator.load(
                                folder.resolve("m.clip"),
                                folder,
                                Map.of("x", new Setting(1L, new Setting.Origin("r.yaml", 3, 4))))
                        .diagnostics())
                .allSatisfy(d -> assertThat(d.span().file().name()).isEqualTo("r.yaml:3:4"));
    }
}
