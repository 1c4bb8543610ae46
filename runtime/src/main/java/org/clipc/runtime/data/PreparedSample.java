package org.clipc.runtime.data;

import java.util.List;

/** One sample as the model takes it. */
public final class PreparedSample {
    private final String key;
    private final float[] pixels;
    private final int[] tokens;
    private final String caption;
    private final List<String> allCaptions;
    private final int label;

    /**
     * @param pixels [3, height, width]
     * @param tokens one row of a token matrix
     * @param caption the one that was tokenised; empty where there is none
     * @param label class number or {@link Batch#NO_LABEL}
     */
    public PreparedSample(
            String key, float[] pixels, int[] tokens, String caption, List<String> allCaptions, int label) {
        this.key = key;
        this.pixels = pixels;
        this.tokens = tokens;
        this.caption = caption;
        this.allCaptions = List.copyOf(allCaptions);
        this.label = label;
    }

    String key() {
        return key;
    }

    float[] pixels() {
        return pixels;
    }

    int[] tokens() {
        return tokens;
    }

    String caption() {
        return caption;
    }

    List<String> allCaptions() {
        return allCaptions;
    }

    int label() {
        return label;
    }
}
