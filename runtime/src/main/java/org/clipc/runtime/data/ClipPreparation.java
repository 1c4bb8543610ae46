package org.clipc.runtime.data;

import java.util.List;
import java.util.random.RandomGenerator;
import org.clipc.runtime.data.image.ImageDecoder;
import org.clipc.runtime.data.image.ImageFormatException;
import org.clipc.runtime.data.image.ImageTransform;
import org.clipc.runtime.data.image.Normalization;
import org.clipc.runtime.data.image.RgbImage;
import org.clipc.runtime.data.source.RawSample;
import org.clipc.runtime.text.ClipTokenizer;

/**
 * CLIP's preparation: decode, transform, normalise; tokenise one caption.
 *
 * @param contextLength tokens per caption
 * @param captions which of several captions to take
 */
public record ClipPreparation(
        ImageDecoder decoder,
        ImageTransform transform,
        Normalization normalization,
        ClipTokenizer tokenizer,
        int contextLength,
        CaptionChoice captions)
        implements SamplePreparation {
    /** Longer captions are cut before tokenising; no context holds that much. */
    private static final int MOST_CHARACTERS = 16_384;

    /** Which of a sample's captions a batch shows. */
    public enum CaptionChoice {
        FIRST,
        RANDOM
    }

    @Override
    public PreparedSample prepare(RawSample sample, RandomGenerator random) throws ImageFormatException {
        // Drawn first, so that the choice does not depend on how much chance the picture uses up.
        String caption = choose(sample.captions(), random);
        RgbImage image = transform.apply(decoder.decode(sample.image()), random);
        var pixels = new float[3 * image.width() * image.height()];
        normalization.apply(image, pixels, 0);
        String bounded = caption.length() > MOST_CHARACTERS ? caption.substring(0, MOST_CHARACTERS) : caption;
        int[] tokens = tokenizer.tokenize(bounded, contextLength);
        int label = sample.label().orElse(Batch.NO_LABEL);
        return new PreparedSample(sample.key(), pixels, tokens, caption, sample.captions(), label);
    }

    private String choose(List<String> choices, RandomGenerator random) {
        if (choices.isEmpty()) {
            return "";
        }
        boolean first = captions == CaptionChoice.FIRST || choices.size() == 1;
        return choices.get(first ? 0 : random.nextInt(choices.size()));
    }
}
