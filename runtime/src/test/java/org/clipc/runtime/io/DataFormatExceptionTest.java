package org.clipc.runtime.io;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class DataFormatExceptionTest {
    @Test
    void namesFilePlaceAndProblem() {
        assertThat(new DataFormatException(Path.of("a/b.bin"), "entry 3", "is empty"))
                .hasMessage("a/b.bin: entry 3: is empty");
    }

    @Test
    void quotesHostileTextOnOneShortLine() {
        assertThat(DataFormatException.quote("a\nb\u001b[31m\u202e\ud800")).isEqualTo("'a?b?[31m??'");
        assertThat(DataFormatException.quote("x".repeat(1000))).hasSize(83).endsWith("x…'");
        assertThat(DataFormatException.quote("naïve 🐱")).isEqualTo("'naïve 🐱'");
    }
}
