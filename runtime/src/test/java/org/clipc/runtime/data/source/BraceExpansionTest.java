package org.clipc.runtime.data.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.clipc.runtime.io.DataFormatException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BraceExpansionTest {
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            plain.tar               | plain.tar
            {000..003}.tar          | 000.tar 001.tar 002.tar 003.tar
            {8..11}                 | 8 9 10 11
            {08..11}                | 08 09 10 11
            {3..1}                  | 3 2 1
            {0..10..5}x             | 0x 5x 10x
            {-1..1}                 | -1 0 1
            {a,b,}/{1..2}           | a/1 a/2 b/1 b/2 /1 /2
            {a,{b,c}{1..2}}         | a b1 b2 c1 c2
            x{1..2}::y{3..4}        | x1 x2 y3 y4
            """)
    void expandsAsAShellDoes(String pattern, String words) {
        assertThat(BraceExpansion.expand(pattern)).containsExactlyElementsOf(List.of(words.split(" ", -1)));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            a{1..2                       | not closed
            a}                           | without a {
            {abc}                        | neither a range
            {}                           | neither a range
            {1..2..0}                    | no step
            {1..999999999}               | too many
            {1..9999}{1..9999}           | more than 10000000
            """)
    void refusesNonsense(String pattern, String problem) {
        assertThatThrownBy(() -> BraceExpansion.expand(pattern))
                .isInstanceOf(DataFormatException.class)
                .hasMessageStartingWith(pattern)
                .hasMessageContaining(problem);
    }

    @Test
    void deepNestingIsRefusedNotOverflowed() {
        String deep = "{a,".repeat(5000) + "b" + "}".repeat(5000);
        assertThatThrownBy(() -> BraceExpansion.expand(deep)).hasMessageContaining("too many braces");
    }
}
