package org.clipc.runtime.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.clipc.runtime.io.DataFormatException;

/**
 * Where a loader stands, exactly: part of a checkpoint.
 *
 * @param stream the order's position at or shortly before this point
 * @param draws samples drawn up to this point
 */
public record LoaderPosition(StreamPosition stream, long draws) {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** The pass over the data, from 0; when shuffling, the one that the order was in. */
    public long epoch() {
        return stream.epoch();
    }

    public String toJson() {
        try {
            return JSON.writeValueAsString(this);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a position is plain numbers", e);
        }
    }

    /**
     * Reads {@link #toJson}.
     *
     * @param source names the file, for the error
     */
    public static LoaderPosition fromJson(String source, String json) {
        try {
            LoaderPosition position = JSON.readValue(json, LoaderPosition.class);
            if (position == null
                    || position.stream() == null
                    || position.stream().fingerprint() == null) {
                throw new DataFormatException(source, "holds no data position");
            }
            return position;
        } catch (JsonProcessingException e) {
            throw new DataFormatException(source, "holds no data position: " + e.getOriginalMessage(), e);
        }
    }
}
