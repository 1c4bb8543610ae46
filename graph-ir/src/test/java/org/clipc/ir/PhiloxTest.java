package org.clipc.ir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.HashSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PhiloxTest {

    /** The known answers of Random123's kat_vectors file for philox4x32 with 10 rounds. */
    @Test
    void blockGivesThePublishedAnswers() {
        assertThat(Philox.block(0, 0, 0, 0, 0, 0)).containsExactly(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8);
        assertThat(Philox.block(-1, -1, -1, -1, -1, -1))
                .containsExactly(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd);
        assertThat(Philox.block(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0))
                .containsExactly(0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1);
    }

    @Test
    void wordTakesTheBlockOfItsGroupOfFour() {
        var index = (5L << 34) + 4 * 123 + 2;
        assertThat(Philox.word(7, 8, index, 9)).isEqualTo(Philox.block(123, 5, 9, 0, 7, 8)[2]);
    }

    @Test
    void uniformNumbersAreEvenlySpread() {
        var n = 100_000;
        var mean = IntStream.range(0, n)
                .mapToDouble(i -> Philox.uniform(1, 2, i, 3))
                .average()
                .orElseThrow();
        assertThat(mean).isCloseTo(0.5, within(5 / Math.sqrt(12.0 * n)));
        assertThat(IntStream.range(0, n).mapToDouble(i -> Philox.uniform(1, 2, i, 3)))
                .allMatch(u -> u >= 0 && u < 1);
    }

    @Test
    void streamsAndSeedsDiffer() {
        var words = new HashSet<Integer>();
        for (var i = 0; i < 10; i++) {
            words.add(Philox.word(1, 2, 0, i));
            words.add(Philox.word(1, 3 + i, 0, 0));
            words.add(Philox.word(2 + i, 2, 0, 0));
        }
        assertThat(words).hasSize(30);
    }
}
