package org.clipc.runtime.data.source;

import java.util.List;
import java.util.OptionalInt;

/** One picture as it is stored, with what is said about it. */
public final class RawSample {
    private final String key;
    private final byte[] image;
    private final List<String> captions;
    private final OptionalInt label;

    /**
     * @param key names the sample within its source
     * @param image the picture file's bytes, shared
     * @param captions none where there is only a label
     * @param label class number, where there is one
     */
    public RawSample(String key, byte[] image, List<String> captions, OptionalInt label) {
        this.key = key;
        this.image = image;
        this.captions = List.copyOf(captions);
        this.label = label;
    }

    public String key() {
        return key;
    }

    public byte[] image() {
        return image;
    }

    public List<String> captions() {
        return captions;
    }

    public OptionalInt label() {
        return label;
    }
}
