package org.clipc.runtime.data;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.List;
import java.util.stream.IntStream;
import org.clipc.runtime.io.DataFormatException;
import org.jspecify.annotations.Nullable;

/**
 * Where a loader stands, or those of all ranks that share an order: part of a checkpoint. Exact for loaders that share it
 * alike. Other ranks, in number or batch, all go on where the one furthest behind stands: they leave no sample out, and
 * see some again if ranks had left out unequally many damaged ones.
 *
 * @param stream the order's position at or shortly before this point
 * @param draws samples drawn up to this point; of several loaders, the one furthest behind
 * @param apart where each loader stands, unless {@code draws} says it for all
 */
public record LoaderPosition(
        StreamPosition stream,
        long draws,
        @JsonInclude(JsonInclude.Include.NON_NULL) @Nullable Apart apart) {
    private static final ObjectMapper JSON = new ObjectMapper();

    /**
     * Loaders that stand apart because some left out more damaged samples than others.
     *
     * @param turn as in {@link StreamOptions#turn}
     * @param draws of each loader, by its rank
     */
    public record Apart(int turn, List<Long> draws) {
        public Apart {
            draws = List.copyOf(draws);
        }

        private boolean isAlike(StreamOptions order) {
            return turn == order.turn() && draws.size() == order.world();
        }
    }

    /** Of one loader. */
    public LoaderPosition(StreamPosition stream, long draws) {
        this(stream, draws, null);
    }

    /**
     * Of all ranks, where this is the position of the one furthest behind.
     *
     * @param order how they share it
     * @param all the {@link #draws} of each rank's position
     */
    public LoaderPosition with(StreamOptions order, List<Long> all) {
        var together = IntStream.range(0, all.size()).allMatch(rank -> order.turnOf(rank, draws) == all.get(rank));
        return new LoaderPosition(stream, draws, together ? null : new Apart(order.turn(), all));
    }

    /** Where a rank goes on. */
    long drawsOf(StreamOptions order) {
        return apart != null && apart.isAlike(order) ? apart.draws().get(order.rank()) : draws;
    }

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
