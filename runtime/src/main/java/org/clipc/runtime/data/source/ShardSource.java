package org.clipc.runtime.data.source;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.clipc.runtime.io.DataFormatException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * WebDataset tar shards on a file system. A shard's headers are read when it is first needed; then each sample is read
 * from its place by itself, by as many threads as there are.
 */
public final class ShardSource implements SampleSource {
    private static final Logger LOG = LoggerFactory.getLogger(ShardSource.class);
    private static final int MOST_NAMED = 3;
    private static final int KEPT_INDEXES = 256;

    private final List<Path> shards;
    private final Limits limits;
    private final Set<Integer> reported = ConcurrentHashMap.newKeySet();
    private final Map<Integer, ShardIndex> indexes = new LinkedHashMap<>(16, 0.75f, true);

    private ShardSource(List<Path> shards, Limits limits) {
        this.shards = List.copyOf(shards);
        this.limits = limits;
    }

    /**
     * Checks that every shard is there before anything starts.
     *
     * @throws DataFormatException naming the missing ones
     */
    public static ShardSource open(List<Path> shards, Limits limits) {
        if (shards.isEmpty()) {
            throw new DataFormatException("data", "the list of shards is empty");
        }
        List<Path> missing = shards.stream()
                .filter(s -> !Files.isRegularFile(s) || !Files.isReadable(s))
                .toList();
        if (!missing.isEmpty()) {
            var named = missing.stream().limit(MOST_NAMED).map(Path::toString).toList();
            String more = missing.size() > MOST_NAMED ? " and " + (missing.size() - MOST_NAMED) + " more" : "";
            throw new DataFormatException(
                    "data",
                    missing.size() + " of " + shards.size() + " shards are missing or unreadable: "
                            + String.join(", ", named) + more);
        }
        return new ShardSource(shards, limits);
    }

    @Override
    public int parts() {
        return shards.size();
    }

    @Override
    public String partName(int part) {
        return shards.get(part).toString();
    }

    @Override
    public String identity(int part) {
        return String.valueOf(shards.get(part).getFileName());
    }

    @Override
    public int samples(int part) {
        return index(part).samples().size();
    }

    private ShardIndex index(int part) {
        synchronized (indexes) {
            ShardIndex known = indexes.get(part);
            if (known != null) {
                return known;
            }
        }
        // Outside the lock: reading may take long. Two threads may do it twice, with the same result.
        ShardIndex index = readIndex(shards.get(part));
        if (reported.add(part)) {
            report(part, index);
        }
        synchronized (indexes) {
            indexes.put(part, index);
            if (indexes.size() > KEPT_INDEXES) {
                indexes.remove(indexes.keySet().iterator().next());
            }
        }
        return index;
    }

    private static ShardIndex readIndex(Path shard) {
        try {
            return ShardIndex.of(shard);
        } catch (ClosedByInterruptException e) {
            // Others may still want the shard: it must not be remembered as damaged.
            throw new UncheckedIOException(e);
        } catch (IOException e) {
            return new ShardIndex(List.of(), 0, Optional.of(String.valueOf(e.getMessage())));
        }
    }

    private void report(int part, ShardIndex index) {
        index.damage()
                .ifPresent(problem -> LOG.warn(
                        "{}: damaged after {} samples, the rest is skipped: {}",
                        shards.get(part),
                        index.samples().size(),
                        problem));
        if (index.incomplete() > 0) {
            LOG.warn(
                    "{}: {} samples without a picture or without caption and label are skipped",
                    shards.get(part),
                    index.incomplete());
        }
    }

    @Override
    public RawSample load(int part, int sample) throws IOException {
        List<ShardIndex.Entry> samples = index(part).samples();
        if (sample < 0 || sample >= samples.size()) {
            throw new DataFormatException(
                    shards.get(part), "has no sample " + sample + " (any more); it holds " + samples.size());
        }
        ShardIndex.Entry entry = samples.get(sample);
        try (var channel = FileChannel.open(shards.get(part), StandardOpenOption.READ)) {
            limits.checkImage(entry.image().size());
            byte[] image = read(channel, entry.image());
            return new RawSample(entry.key(), image, captions(channel, entry), label(channel, entry));
        } catch (IOException e) {
            throw new IOException("sample " + DataFormatException.quote(entry.key()) + ": " + e.getMessage(), e);
        }
    }

    private List<String> captions(FileChannel channel, ShardIndex.Entry entry) throws IOException {
        if (entry.text().isPresent()) {
            return List.of(readText(channel, entry.text().get()));
        }
        if (entry.json().isPresent()) {
            List<String> captions =
                    CaptionJson.captions(readText(channel, entry.json().get()));
            if (!captions.isEmpty() || entry.label().isPresent()) {
                return captions;
            }
            throw new IOException("its JSON has no caption under " + CaptionJson.KEYS);
        }
        return List.of();
    }

    private OptionalInt label(FileChannel channel, ShardIndex.Entry entry) throws IOException {
        if (entry.label().isEmpty()) {
            return OptionalInt.empty();
        }
        String text = readText(channel, entry.label().get()).strip();
        if (!text.matches("\\d{1,9}")) {
            throw new IOException("its label " + DataFormatException.quote(text) + " is no number");
        }
        return OptionalInt.of(Integer.parseInt(text));
    }

    private String readText(FileChannel channel, ShardIndex.Span span) throws IOException {
        limits.checkText(span.size());
        return new String(read(channel, span), StandardCharsets.UTF_8);
    }

    private static byte[] read(FileChannel channel, ShardIndex.Span span) throws IOException {
        var bytes = ByteBuffer.allocate(Math.toIntExact(span.size()));
        while (bytes.hasRemaining()) {
            if (channel.read(bytes, span.offset() + bytes.position()) < 0) {
                throw new IOException("the shard has become shorter");
            }
        }
        return bytes.array();
    }
}
