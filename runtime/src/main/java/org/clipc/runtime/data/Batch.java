package org.clipc.runtime.data;

import java.util.List;
import org.clipc.runtime.text.ClipTokenizer;

/**
 * Samples ready for a model. The arrays always have room for a full batch; what lies beyond {@link #size} is zero.
 */
public final class Batch {
    /** Label of a sample that has none. */
    public static final int NO_LABEL = -1;

    private final List<PreparedSample> samples;
    private final float[] images;
    private final int[] tokens;
    private final LoaderPosition position;

    Batch(List<PreparedSample> samples, int capacity, LoaderPosition position) {
        this.samples = List.copyOf(samples);
        this.position = position;
        int pixels = samples.isEmpty() ? 0 : samples.getFirst().pixels().length;
        int context = samples.isEmpty() ? 0 : samples.getFirst().tokens().length;
        this.images = new float[Math.multiplyExact(capacity, pixels)];
        this.tokens = new int[Math.multiplyExact(capacity, context)];
        for (int i = 0; i < samples.size(); i++) {
            System.arraycopy(samples.get(i).pixels(), 0, images, i * pixels, pixels);
            System.arraycopy(samples.get(i).tokens(), 0, tokens, i * context, context);
        }
    }

    /** How many samples there are: less than a full batch only at the end of a single pass. */
    public int size() {
        return samples.size();
    }

    /** Row-major [batch, 3, height, width]. */
    public float[] images() {
        return images;
    }

    /** Row-major [batch, context]. */
    public int[] tokens() {
        return tokens;
    }

    /** Positions up to and with the end of text of the longest caption: a text model need compute no more. */
    public int longestText() {
        int longest = 1;
        for (PreparedSample sample : samples) {
            longest = Math.max(longest, ClipTokenizer.usedLength(sample.tokens()));
        }
        return longest;
    }

    public List<String> keys() {
        return samples.stream().map(PreparedSample::key).toList();
    }

    /** The captions that the tokens stand for. */
    public List<String> captions() {
        return samples.stream().map(PreparedSample::caption).toList();
    }

    /** All captions that the data has for each sample. */
    public List<List<String>> allCaptions() {
        return samples.stream().map(PreparedSample::allCaptions).toList();
    }

    /** Class numbers, or {@link #NO_LABEL}. */
    public int[] labels() {
        return samples.stream().mapToInt(PreparedSample::label).toArray();
    }

    /** Where to go on after this batch: a loader started from here gives the batch that follows. */
    public LoaderPosition position() {
        return position;
    }
}
