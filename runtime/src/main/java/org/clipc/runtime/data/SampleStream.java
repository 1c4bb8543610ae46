package org.clipc.runtime.data;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;
import java.util.stream.LongStream;
import org.clipc.runtime.data.source.SampleSource;
import org.clipc.runtime.io.DataFormatException;

/**
 * The order of samples, as numbers only: shards in random order, their samples one after the other through a shuffle
 * buffer from which each draw takes any (WebDataset's scheme). The buffer is emptied at the end of an epoch, so each
 * epoch holds every sample once. The position is small and exact. One thread at a time.
 */
final class SampleStream {
    private static final int MOST_EMPTY_PARTS = 100_000;

    private final SampleSource source;
    private final StreamOptions options;
    private final String fingerprint;

    private int[] order = new int[0];
    private long orderEpoch = -1;
    private long epoch;
    private long draws;
    private long cursor;
    private int nextSample;
    private long[] buffer;
    private int buffered;
    private int emptyParts;

    SampleStream(SampleSource source, StreamOptions options) {
        this.source = source;
        this.options = options;
        this.buffer = new long[Math.min(options.buffer(), 1024)];
        this.fingerprint = fingerprint(source, options);
        boolean starved = options.split() == StreamOptions.Split.SHARDS && source.parts() < options.world();
        if (starved) {
            throw new DataFormatException(
                    "data",
                    source.parts() + " shards cannot be shared out to " + options.world()
                            + " ranks; make more shards or split by samples");
        }
    }

    /** The next sample of this rank; none at the end, which only {@code ONCE} has. */
    Optional<SampleRef> next() {
        while (true) {
            Optional<SampleRef> drawn = draw();
            if (drawn.isEmpty() || isMine(drawn.get().draw())) {
                return drawn;
            }
        }
    }

    private boolean isMine(long draw) {
        return options.turnOf(options.rank(), draw) == draw;
    }

    /** Draws without returning until {@code target} samples have been drawn in all. */
    void skipTo(long target) {
        while (draws < target && draw().isPresent()) {
            // Each draw advances.
        }
    }

    private Optional<SampleRef> draw() {
        while (true) {
            fill();
            if (buffered > 0) {
                int chosen =
                        buffered == 1 ? 0 : random(Purpose.BUFFER_DRAW, draws).nextInt(buffered);
                long packed = buffer[chosen];
                buffer[chosen] = buffer[--buffered];
                return Optional.of(new SampleRef(draws++, epoch, SampleRef.part(packed), SampleRef.sample(packed)));
            }
            if (options.mode() == StreamOptions.Mode.ONCE) {
                return Optional.empty();
            }
            if (emptyParts >= cursor) {
                throw noSamples();
            }
            epoch++;
            cursor = 0;
            emptyParts = 0;
        }
    }

    private void fill() {
        while (buffered < options.buffer()) {
            int part = currentPart();
            if (part < 0) {
                return;
            }
            int samples = source.samples(part);
            if (nextSample < samples) {
                if (buffered == buffer.length) {
                    buffer = Arrays.copyOf(buffer, Math.min(options.buffer(), 2 * buffer.length));
                }
                buffer[buffered++] = SampleRef.pack(part, nextSample++);
            } else {
                emptyParts = samples == 0 ? emptyParts + 1 : 0;
                if (emptyParts > MOST_EMPTY_PARTS) {
                    throw noSamples();
                }
                cursor++;
                nextSample = 0;
            }
        }
    }

    /** The part that the cursor points to; -1 at the end of an epoch. */
    private int currentPart() {
        boolean own = options.split() == StreamOptions.Split.SHARDS;
        if (options.mode() == StreamOptions.Mode.RESAMPLED) {
            return random(Purpose.RESAMPLE, cursor, own ? options.rank() : 0).nextInt(source.parts());
        }
        long place = own ? cursor * options.world() + options.rank() : cursor;
        return place < source.parts() ? partOrder()[(int) place] : -1;
    }

    private int[] partOrder() {
        if (orderEpoch != epoch) {
            order = new int[source.parts()];
            Arrays.setAll(order, i -> i);
            if (options.mode() != StreamOptions.Mode.ONCE) {
                var random = random(Purpose.PART_ORDER, epoch);
                for (int i = order.length - 1; i > 0; i--) {
                    int j = random.nextInt(i + 1);
                    int other = order[j];
                    order[j] = order[i];
                    order[i] = other;
                }
            }
            orderEpoch = epoch;
        }
        return order;
    }

    private CounterRandom random(long... path) {
        return CounterRandom.of(options.seed(), path);
    }

    private DataFormatException noSamples() {
        return new DataFormatException(
                "data", "none of the " + source.parts() + " parts holds a sample, such as " + source.partName(0));
    }

    /** Samples drawn so far, those of other ranks among them. */
    long draws() {
        return draws;
    }

    StreamPosition position() {
        return new StreamPosition(
                fingerprint,
                epoch,
                draws,
                cursor,
                nextSample,
                LongStream.of(buffer).limit(buffered).boxed().toList());
    }

    /**
     * Goes to a saved position.
     *
     * @throws DataFormatException when it belongs to other data or another order
     */
    void restore(StreamPosition position) {
        if (!position.fingerprint().equals(fingerprint)) {
            throw new DataFormatException(
                    "saved data position",
                    "belongs to other data or another shuffling; give the same shards, seed and shuffle buffer, or"
                            + " begin another training with the parameters of this one");
        }
        boolean sound = position.epoch() >= 0
                && position.draws() >= 0
                && position.cursor() >= 0
                && position.nextSample() >= 0
                && position.buffer().size() <= options.buffer()
                && position.buffer().stream().allMatch(this::exists);
        if (!sound) {
            throw new DataFormatException("saved data position", "is damaged");
        }
        epoch = position.epoch();
        draws = position.draws();
        cursor = position.cursor();
        nextSample = position.nextSample();
        buffered = position.buffer().size();
        buffer = Arrays.copyOf(
                position.buffer().stream().mapToLong(Long::longValue).toArray(), Math.max(1, buffered));
        emptyParts = 0;
    }

    private boolean exists(long packed) {
        return SampleRef.part(packed) >= 0 && SampleRef.part(packed) < source.parts() && SampleRef.sample(packed) >= 0;
    }

    /** Of all that the order depends on. A shared order may be taken up by another number of ranks. */
    private static String fingerprint(SampleSource source, StreamOptions options) {
        try {
            var digest = MessageDigest.getInstance("SHA-256");
            String order = options.mode() + " " + options.seed() + " " + options.buffer() + " " + options.split();
            digest.update(order.getBytes(StandardCharsets.UTF_8));
            if (options.split() == StreamOptions.Split.SHARDS) {
                String share = options.rank() + " of " + options.world();
                digest.update(share.getBytes(StandardCharsets.UTF_8));
            }
            for (int part = 0; part < source.parts(); part++) {
                digest.update((byte) 0);
                digest.update(source.identity(part).getBytes(StandardCharsets.UTF_8));
            }
            return HexFormat.of().formatHex(digest.digest(), 0, 16);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
