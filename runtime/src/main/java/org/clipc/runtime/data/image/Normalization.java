package org.clipc.runtime.data.image;

import java.util.List;

/**
 * From bytes to the model's floats: (v/255 - mean)/std per channel, in float arithmetic as torchvision's
 * {@code ToTensor} and {@code Normalize} do it.
 */
public record Normalization(List<Float> mean, List<Float> std) {
    /** What OpenAI's CLIP and nearly every model after it use. */
    public static final Normalization OPENAI = new Normalization(
            List.of(0.48145467f, 0.4578275f, 0.40821072f), List.of(0.26862955f, 0.2613026f, 0.2757771f));

    /** To [-1, 1], as SigLIP has it. */
    public static final Normalization INCEPTION =
            new Normalization(List.of(0.5f, 0.5f, 0.5f), List.of(0.5f, 0.5f, 0.5f));

    public Normalization {
        mean = List.copyOf(mean);
        std = List.copyOf(std);
        if (mean.size() != 3 || std.size() != 3 || std.contains(0f)) {
            throw new IllegalArgumentException("mean and std need three numbers each, std none that is 0");
        }
    }

    /** Writes [3, height, width] floats from {@code offset} on. */
    public void apply(RgbImage image, float[] out, int offset) {
        int plane = image.width() * image.height();
        byte[] rgb = image.rgb();
        for (int channel = 0; channel < 3; channel++) {
            float[] value = table(channel);
            int to = offset + channel * plane;
            for (int i = 0; i < plane; i++) {
                out[to + i] = value[rgb[3 * i + channel] & 0xff];
            }
        }
    }

    private float[] table(int channel) {
        float channelMean = mean.get(channel);
        float channelStd = std.get(channel);
        var table = new float[256];
        for (int v = 0; v < 256; v++) {
            table[v] = (v / 255f - channelMean) / channelStd;
        }
        return table;
    }
}
