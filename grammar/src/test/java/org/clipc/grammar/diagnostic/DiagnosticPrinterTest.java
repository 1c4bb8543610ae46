package org.clipc.grammar.diagnostic;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class DiagnosticPrinterTest {
    private static final SourceFile FILE = new SourceFile("m.clip", "let a = 1\n\tlet b = é\uD83D\uDE00 + c\r\nend");

    @Test
    void showsPlaceLineCaretsLabelsAndNotes() {
        int plus = FILE.text().indexOf('+');
        Diagnostic diagnostic = Diagnostic.error(FILE.span(plus, plus + 3), "cannot add")
                .label(FILE.span(4, 5), "a is here")
                .note("both are odd");
        assertThat(DiagnosticPrinter.plain().print(diagnostic)).isEqualTo("""
                        m.clip:2:13: error: cannot add
                            2 | \tlet b = é\uD83D\uDE00 + c
                              | \t           ^^^
                              --> m.clip:1:5: a is here
                            1 | let a = 1
                              |     ^
                              = note: both are odd
                        """);
    }

    @Test
    void countsAndColours() {
        Diagnostic error = Diagnostic.error(FILE.span(0, 3), "bad");
        Diagnostic warning = Diagnostic.warning(FILE.span(4, 5), "odd");
        assertThat(DiagnosticPrinter.plain().print(List.of(error, error, warning)))
                .endsWith("\n2 errors, 1 warning\n");
        assertThat(DiagnosticPrinter.plain().print(List.of())).isEmpty();
        assertThat(DiagnosticPrinter.colored().print(error)).contains("\u001B[31;1merror:\u001B[0m");
    }

    @Test
    void linesAndColumns() {
        assertThat(FILE.line(0)).isEqualTo(1);
        assertThat(FILE.line(10)).isEqualTo(2);
        assertThat(FILE.line(FILE.text().length())).isEqualTo(3);
        assertThat(FILE.lineText(2)).isEqualTo("\tlet b = é\uD83D\uDE00 + c");
        assertThat(FILE.column(FILE.text().indexOf('+'))).isEqualTo(13);
        assertThat(FILE.lineText(3)).isEqualTo("end");
    }

    @Test
    void endOfFileAndLongLinesHaveACaret() {
        var file = new SourceFile("x", "a".repeat(1000) + "!" + "b".repeat(1000));
        String shown = DiagnosticPrinter.plain().print(Diagnostic.error(file.span(1000, 1001), "here"));
        List<String> lines = shown.lines().toList();
        assertThat(lines.get(1).length()).isLessThan(250);
        assertThat(lines.get(1).indexOf('!')).isEqualTo(lines.get(2).indexOf('^'));
        var end = new SourceFile("x", "abc");
        assertThat(DiagnosticPrinter.plain().print(Diagnostic.error(end.span(3, 3), "end")))
                .isEqualTo("x:1:4: error: end\n    1 | abc\n      |    ^\n");
    }

    @Test
    void aFileThatCouldNotBeReadHasNoLine() {
        var none = new SourceFile("gone.clip", "");
        assertThat(DiagnosticPrinter.plain().print(Diagnostic.error(none.span(0, 0), "no such file")))
                .isEqualTo("gone.clip: error: no such file\n");
    }
}
