package org.clipc.grammar;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.clipc.grammar.diagnostic.Diagnostic;
import org.clipc.grammar.diagnostic.DiagnosticPrinter;
import org.clipc.grammar.diagnostic.SourceFile;
import org.clipc.grammar.format.Formatter;

/** Whatever is done to a source, parsing and formatting answer with diagnostics. */
class ClipSyntaxFuzzTest {
    private static void survives(Parsed parsed) {
        for (Diagnostic diagnostic : parsed.diagnostics()) {
            assertThat(diagnostic.span().end())
                    .isLessThanOrEqualTo(diagnostic.span().file().text().length());
        }
        assertThat(DiagnosticPrinter.plain().print(parsed.diagnostics())).isNotNull();
    }

    private static void survives(String text) {
        survives(ClipSyntax.parse(new SourceFile("fuzz.clip", text)));
        Formatter.format(new SourceFile("fuzz.clip", text));
    }

    @Property(tries = 300)
    void truncated(@ForAll int at) {
        survives(Samples.FULL.substring(0, Math.floorMod(at, Samples.FULL.length())));
    }

    @Property(tries = 500)
    void bitsFlipped(@ForAll Random random) {
        byte[] bytes = Samples.FULL.getBytes(StandardCharsets.UTF_8);
        for (int i = 0; i <= random.nextInt(8); i++) {
            bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
        }
        survives(ClipSyntax.parse("fuzz.clip", bytes));
    }

    @Property(tries = 500)
    void tokensSwappedDroppedAndDoubled(@ForAll Random random) {
        List<String> tokens = new ArrayList<>(Arrays.asList(Samples.FULL.split("(?<=\\W)|(?=\\W)")));
        for (int i = 0; i <= random.nextInt(6); i++) {
            int at = random.nextInt(tokens.size());
            switch (random.nextInt(3)) {
                case 0 -> Collections.swap(tokens, at, random.nextInt(tokens.size()));
                case 1 -> tokens.remove(at);
                default -> tokens.add(at, tokens.get(random.nextInt(tokens.size())));
            }
        }
        survives(String.join("", tokens));
    }

    @Property(tries = 500)
    void soup(@ForAll("soups") String text) {
        survives(text);
    }

    @Provide
    Arbitrary<String> soups() {
        Arbitrary<String> words = Arbitraries.of(
                "import",
                "config",
                "module",
                "model",
                "fn",
                "entry",
                "param",
                "inline",
                "frozen",
                "let",
                "var",
                "return",
                "if",
                "then",
                "else",
                "repeat",
                "in",
                "recompute",
                "assert",
                "and",
                "not",
                "true",
                "x",
                "y",
                "(",
                ")",
                "[",
                "]",
                "{",
                "}",
                "->",
                "..",
                ".",
                ",",
                ":",
                "=",
                "==",
                "|",
                "+",
                "-",
                "*",
                "@",
                "1",
                "2.5",
                "\"s\"",
                "\"",
                "/*",
                "*/",
                "//",
                "\n",
                "é",
                "\uD83D\uDE00",
                "\uD83D",
                "\\",
                ";");
        return words.list().ofMaxSize(80).map(list -> String.join(" ", list));
    }
}
