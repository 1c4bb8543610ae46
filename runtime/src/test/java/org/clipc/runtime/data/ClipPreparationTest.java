package org.clipc.runtime.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.util.HashSet;
import java.util.List;
import java.util.OptionalInt;
import org.clipc.runtime.data.ClipPreparation.CaptionChoice;
import org.clipc.runtime.data.image.DecodeOptions;
import org.clipc.runtime.data.image.ImageDecoder;
import org.clipc.runtime.data.image.Interpolation;
import org.clipc.runtime.data.image.Normalization;
import org.clipc.runtime.data.image.RandomResizedCrop;
import org.clipc.runtime.data.image.ResizeMode;
import org.clipc.runtime.data.source.RawSample;
import org.clipc.runtime.text.ClipTokenizer;
import org.junit.jupiter.api.Test;

class ClipPreparationTest {
    private static final ClipTokenizer TOKENIZER = new ClipTokenizer();

    @Test
    void picturesAndCaptionsBecomeNumbers() throws IOException {
        var evaluation = new ClipPreparation(
                new ImageDecoder(DecodeOptions.DEFAULT),
                ResizeMode.SHORTEST.toSquare(32, Interpolation.BICUBIC, 0),
                Normalization.OPENAI,
                TOKENIZER,
                8,
                CaptionChoice.FIRST);
        var sample = new RawSample("k", image(), List.of("a diagram", "another"), OptionalInt.of(3));
        PreparedSample prepared = evaluation.prepare(sample, CounterRandom.of(1));
        assertThat(prepared.pixels()).hasSize(3 * 32 * 32);
        assertThat(prepared.tokens()).containsExactly(49406, 320, 22697, 49407, 0, 0, 0, 0);
        assertThat(prepared.caption()).isEqualTo("a diagram");
        assertThat(prepared.label()).isEqualTo(3);
        var unlabelled = new RawSample("k", image(), List.of(), OptionalInt.empty());
        assertThat(evaluation.prepare(unlabelled, CounterRandom.of(1)).tokens()).startsWith(49406, 49407);
        var broken = new RawSample("k", new byte[] {1}, List.of("x"), OptionalInt.empty());
        assertThatThrownBy(() -> evaluation.prepare(broken, CounterRandom.of(1)))
                .isInstanceOf(IOException.class);
    }

    @Test
    void trainingTakesAnyCaptionAndAnyCrop() throws IOException {
        var training = new ClipPreparation(
                new ImageDecoder(DecodeOptions.DEFAULT),
                RandomResizedCrop.withDefaults(16),
                Normalization.INCEPTION,
                TOKENIZER,
                8,
                CaptionChoice.RANDOM);
        var sample = new RawSample("k", image(), List.of("one", "two", "three"), OptionalInt.empty());
        var captions = new HashSet<String>();
        for (int draw = 0; draw < 40; draw++) {
            PreparedSample first = training.prepare(sample, CounterRandom.of(1, draw));
            PreparedSample again = training.prepare(sample, CounterRandom.of(1, draw));
            assertThat(again.pixels()).isEqualTo(first.pixels());
            assertThat(again.caption()).isEqualTo(first.caption());
            captions.add(first.caption());
        }
        assertThat(captions).containsExactlyInAnyOrder("one", "two", "three");
    }

    private static byte[] image() throws IOException {
        try (InputStream in = ClipPreparationTest.class.getResourceAsStream("/golden/images/jpeg420.jpg")) {
            return in.readAllBytes();
        }
    }
}
