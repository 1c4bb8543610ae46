package org.clipc.grammar;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.clipc.grammar.ast.Declaration;
import org.clipc.grammar.ast.Expr;
import org.clipc.grammar.ast.Function;
import org.clipc.grammar.ast.Member;
import org.clipc.grammar.diagnostic.Diagnostic;
import org.clipc.grammar.diagnostic.DiagnosticPrinter;
import org.clipc.grammar.diagnostic.SourceFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ClipSyntaxTest {
    static Parsed parse(String text) {
        return ClipSyntax.parse(new SourceFile("t.clip", text));
    }

    private static String messages(Parsed parsed) {
        return DiagnosticPrinter.plain().print(parsed.diagnostics());
    }

    private static Expr expr(String text) {
        Parsed parsed = parse("fn f() = " + text);
        assertThat(messages(parsed)).isEmpty();
        var function = ((Declaration.TopFunction) parsed.unit().declarations().getFirst()).function();
        return ((Function.Body.Value) function.body()).expr();
    }

    @Test
    void everyFormParses() {
        Parsed parsed = parse(Samples.FULL);
        assertThat(messages(parsed)).isEmpty();
        assertThat(parsed.unit().imports()).extracting("path").containsExactly("std.vision", "other/file.clip");
        assertThat(parsed.unit().declarations())
                .extracting(d -> d.name().text())
                .containsExactly("VisionConfig", "Linear", "TextConfig", "gelu", "both", "Clip");
        var config = (Declaration.ConfigType) parsed.unit().declarations().getFirst();
        assertThat(config.doc()).isEqualTo("Everything a tower needs.");
        assertThat(config.keys().get(3).doc()).isEqualTo("How it bends.");
        assertThat(config.keys().get(6).value()).isNull();
        var linear = (Declaration.Module) parsed.unit().declarations().get(1);
        assertThat(((Member.Param) linear.members().get(2)).modifiers())
                .extracting(m -> m.name().text())
                .containsExactly("shard", "decay");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "a + b * c; (a + (b * c))",
                "a - b - c; ((a - b) - c)",
                "-a.b * c; ((-a.b) * c)",
                "a @ b[0] + c(1); ((a @ b[]) + c())",
                "not a == b and c or d; (((not(a == b)) and c) or d)",
                "if a then b else c + d; if a then b else (c + d)",
                "-a + b; ((-a) + b)",
                "(a); a",
                "(a,); tuple",
                "a < b == c; ((a < b) == c)",
            })
    void precedence(String text, String expected) {
        assertThat(show(expr(text))).isEqualTo(expected.strip());
    }

    private static String show(Expr expr) {
        return switch (expr) {
            case Expr.Binary b -> "(" + show(b.left()) + " " + b.operator().text() + " " + show(b.right()) + ")";
            case Expr.Unary u -> "(" + u.operator().text() + show(u.operand()) + ")";
            case Expr.Name n -> n.text();
            case Expr.Field f -> show(f.target()) + "." + f.name();
            case Expr.Index i -> show(i.target()) + "[]";
            case Expr.Call c -> show(c.callee()) + "()";
            case Expr.Conditional c ->
                "if " + show(c.condition()) + " then " + show(c.then()) + " else " + show(c.otherwise());
            case Expr.TupleLiteral _ -> "tuple";
            default -> expr.toString();
        };
    }

    @Test
    void literals() {
        assertThat(expr("\"a\\\"b\\\\\\n\""))
                .isInstanceOfSatisfying(
                        Expr.StringLiteral.class, s -> assertThat(s.value()).isEqualTo("a\"b\\\n"));
        assertThat(expr("1.5e-3"))
                .isInstanceOfSatisfying(
                        Expr.FloatLiteral.class, f -> assertThat(f.value()).isEqualTo(0.0015));
        assertThat(expr("49408"))
                .isInstanceOfSatisfying(
                        Expr.IntLiteral.class, i -> assertThat(i.value()).isEqualTo(49408));
    }

    @Test
    void spansCountCharactersOfTheSourceAlsoBehindEmoji() {
        Parsed parsed = parse("// \uD83D\uDE00 é\nfn f() = \"\uD83D\uDE00\" + x y z");
        Diagnostic first = parsed.diagnostics().getFirst();
        assertThat(first.span().text()).isEqualTo("y");
        assertThat(first.span()).hasToString("t.clip:2:18");
    }

    /** Input; then line:column and a piece of every message expected, in order. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '~',
            quoteCharacter = '`',
            value = {
                "fn f(=) = 1 ~ 1:6 expected ')', found '='",
                "fn f() = ~ 1:9 expected an expression, found the end of the file",
                "fn f() = 1 + ~ 1:13 expected an expression",
                "module M { ~ 1:10 this '{' is never closed",
                "module M { } } ~ 1:14 this '}' closes nothing",
                "fn f() = (1 + 2 } ~ 1:10 this '(' is never closed",
                "fn f() { let x = (1 + 2 } ~ 1:25 '(' is still open here",
                "fn f() = \"abc ~ 1:10 this string has no closing",
                "/* abc ~ 1:1 this comment is never closed",
                "fn f() = 1; ~ 1:11 the character ';' means nothing here",
                "fn f() = a && b ~ 1:12 the character '&' means nothing here",
                "fn f() = 'a' ~ 1:10 the character",
                "fn f() = 99999999999999999999 ~ 1:10 this number is too large",
                "fn f() = 1e999 ~ 1:10 this number is too large",
                "fn f() = \"a\\q\" ~ 1:12 unknown escape",
                "fn model() = 1 ~ 1:4 found the keyword 'model'",
                "hello ~ 1:1 expected a declaration",
                "model M { 3 } ~ 1:11 expected a member",
                "fn f() { 3 } ~ 1:10 expected a statement",
                "model M { param x: int = zeros } ~ 1:24 expected '['",
                "model M { param x: [] = zeros frozen } ~ 1:38 found '}'",
                "import ~ 1:7 expected a string",
                "config C { a int } ~ 1:14 expected ':', found 'int'",
                "fn f() = if a then b ~ 1:21 expected",
                "fn f() { if a = 3 { } } ~ 1:15 found '='",
            })
    void mistakesAreExplained(String text, String expected) {
        Parsed parsed = parse(text.strip());
        Diagnostic first = parsed.diagnostics().getFirst();
        String shown = first.span().line() + ":" + first.span().column() + " " + first.message();
        String[] place = expected.strip().replace('\'', '`').split(" ", 2);
        assertThat(shown).startsWith(place[0] + " ").contains(place[1]);
        assertThat(parsed.diagnostics()).hasSize(1);
    }

    @Test
    void severalMistakesAreFoundAtOnceAndTheRestIsKept() {
        Parsed parsed = parse("""
                config A {
                  x: int = = 3
                  y: int = 4
                }
                module M(a: int) {
                  param w: [a a] = zeros
                  param v: [a] = zeros
                  fn (x: [a]) -> [a] {
                    let y = x +
                    let z = y y2
                    return z )
                  }
                  fn good(x: [a]) = x
                }
                fn g(x = 3) = x
                fn h() = 1
                """);
        assertThat(parsed.diagnostics()).extracting(d -> d.span().line()).containsExactly(2, 6, 10, 11, 15);
        assertThat(parsed.unit().declarations())
                .extracting(d -> d.name().text())
                .contains("A", "M", "h");
        var config = (Declaration.ConfigType) parsed.unit().declarations().getFirst();
        assertThat(config.keys()).extracting(k -> k.name().text()).containsExactly("y");
        var module = (Declaration.Module) parsed.unit().declarations().get(1);
        assertThat(module.members()).extracting(m -> (Object) m.getClass()).contains(Member.Method.class);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"(", "[", "-", "not ", "f(", "x[", "if a then ", "a + ", "if a then b else ", "a.b(", "1 @ "})
    void deepNestingIsOneDiagnostic(String piece) {
        String text = "fn f() = " + piece.repeat(50_000) + "a";
        Parsed parsed = parse(text);
        assertThat(parsed.diagnostics()).hasSize(1);
        assertThat(parsed.diagnostics().getFirst().message()).contains("nested too deeply");
    }

    @ParameterizedTest
    @ValueSource(strings = {"if a { ", "repeat i in n { ", "recompute { ", "if a { } else "})
    void deepBlocksAreOneDiagnostic(String piece) {
        Parsed parsed = parse("fn f() { " + piece.repeat(50_000));
        assertThat(parsed.diagnostics()).hasSize(1);
        assertThat(parsed.diagnostics().getFirst().message()).contains("nested too deeply");
    }

    @Test
    void deepTypesAreOneDiagnostic() {
        Parsed parsed = parse("fn f(x: " + "(".repeat(50_000));
        assertThat(parsed.diagnostics()).hasSize(1);
        assertThat(parsed.diagnostics().getFirst().message()).contains("nested too deeply");
    }

    @Test
    void reasonableNestingIsFine() {
        expr("(".repeat(100) + "a" + ")".repeat(100));
        expr("a + ".repeat(300) + "a");
        expr("f(".repeat(100) + "a" + ")".repeat(100));
    }

    @Test
    void whatIsNoTextIsOneDiagnostic(@TempDir Path folder) {
        assertThat(messages(ClipSyntax.parse("a.clip", new byte[] {(byte) 0xff, (byte) 0xfe, 1, 2})))
                .isEqualTo("a.clip: error: this is not a text file (it is not valid UTF-8)\n\n1 error\n");
        assertThat(messages(ClipSyntax.parse("a.clip", "fn\0".getBytes(StandardCharsets.UTF_8))))
                .contains("it holds zero bytes");
        assertThat(messages(parse("a ".repeat(ClipSyntax.MAX_LENGTH)))).contains("too large");
        assertThat(messages(ClipSyntax.parse(folder))).contains("folder");
        assertThat(messages(ClipSyntax.parse(folder.resolve("no.clip")))).contains("no such file");
    }

    @Test
    void endlessErrorsAreCutShort() {
        List<Diagnostic> found = parse("fn f( = 1\n".repeat(500)).diagnostics();
        assertThat(found).hasSizeLessThanOrEqualTo(25);
        assertThat(found.getLast().notes().getLast()).contains("more syntax errors");
    }

    /** Any of the brackets that close nothing may ask what is open, but must not look through all of it. */
    @Test
    @Timeout(20)
    void bracketsThatCloseNothingAreCountedOnce() {
        Parsed parsed = ClipSyntax.parse(new SourceFile("b.clip", "(".repeat(200_000) + "]".repeat(200_000)));
        assertThat(parsed.ok()).isFalse();
    }

    @Test
    void aLargeFileParsesQuicklyEnoughToWaitFor() {
        String function = "fn f(x: [B.., n]) -> [B.., n] { let y = x + x * 2 return y[:, 0] }\n";
        Parsed parsed = parse(function.repeat(10_000));
        assertThat(parsed.ok()).isTrue();
        assertThat(parsed.unit().declarations()).hasSize(10_000);
    }
}
