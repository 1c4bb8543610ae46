package org.clipc.runtime.data;

/**
 * In which order samples come, and which of them this rank gets.
 *
 * @param mode when the stream ends, if at all
 * @param seed of all shuffling
 * @param buffer samples that the shuffle buffer holds; 1 leaves samples in the order of their shards
 * @param split how ranks share the data
 * @param rank of this process, from 0
 * @param world number of ranks
 * @param turn samples that a rank takes when it is its turn; with as many as its batch has, the ranks' batches stand one
 *     behind the other in what one rank alone would take
 */
public record StreamOptions(Mode mode, long seed, int buffer, Split split, int rank, int world, int turn) {

    /** Which samples, and for how long. */
    public enum Mode {
        /** Every sample once, in stored order: for evaluation. */
        ONCE,
        /** Every sample once per epoch, shuffled anew each time, without end. */
        EPOCHS,
        /** Shards drawn with replacement, without end. */
        RESAMPLED
    }

    /** How ranks share the data. */
    public enum Split {
        /**
         * All ranks walk the same order and take turns: a global batch holds the same samples on any number of ranks. Each
         * rank reads the headers of all shards, and of the data its own part.
         */
        SAMPLES,
        /** Each rank has shards of its own, as WebDataset does: it never touches the others'. */
        SHARDS
    }

    /** Ranks take turns by single samples. */
    public StreamOptions(Mode mode, long seed, int buffer, Split split, int rank, int world) {
        this(mode, seed, buffer, split, rank, world, 1);
    }

    public StreamOptions {
        if (buffer < 1 || turn < 1 || world < 1 || rank < 0 || rank >= world) {
            throw new IllegalArgumentException(
                    "a stream needs a buffer of at least 1 and a rank below the number of ranks, not buffer " + buffer
                            + ", rank " + rank + " of " + world);
        }
    }

    /** The first draw, at or behind one, that is a rank's turn to take. */
    long turnOf(int taker, long draw) {
        if (split == Split.SHARDS) {
            return draw;
        }
        var turns = draw / turn;
        var ahead = Math.floorMod(taker - turns, (long) world);
        return ahead == 0 ? draw : (turns + ahead) * turn;
    }

    /** Every sample once, in order, all on this rank. */
    public static StreamOptions once() {
        return new StreamOptions(Mode.ONCE, 0, 1, Split.SAMPLES, 0, 1);
    }

    /** Shuffled epochs on one rank. */
    public static StreamOptions epochs(long seed, int buffer) {
        return new StreamOptions(Mode.EPOCHS, seed, buffer, Split.SAMPLES, 0, 1);
    }
}
