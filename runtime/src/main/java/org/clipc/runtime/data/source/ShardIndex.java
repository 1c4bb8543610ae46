package org.clipc.runtime.data.source;

import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The samples of one tar shard by WebDataset's convention: neighbouring files whose names agree up to the first dot of
 * their base name are one sample, and what follows that dot says what each is.
 *
 * @param samples those with a picture and a caption or a label
 * @param incomplete how many had not
 * @param damage what stopped the reading before the shard's end
 */
record ShardIndex(List<Entry> samples, int incomplete, Optional<String> damage) {
    private static final Pattern NAME = Pattern.compile("((?:.*/)?[^./][^./]*)\\.([^/]*)", Pattern.DOTALL);
    private static final Set<String> IMAGES = Set.of("jpg", "jpeg", "png", "webp", "gif");

    /** Place of a file in the shard. */
    record Span(long offset, long size) {}

    record Entry(String key, Span image, Optional<Span> text, Optional<Span> json, Optional<Span> label) {}

    ShardIndex {
        samples = List.copyOf(samples);
    }

    /**
     * Reads through a shard's headers.
     *
     * @throws IOException when the file cannot be read at all
     */
    static ShardIndex of(Path shard) throws IOException {
        try (var channel = FileChannel.open(shard, StandardOpenOption.READ)) {
            return new Builder().read(new TarScanner(channel));
        }
    }

    /** Collects the files of the sample that is being read. */
    private static final class Builder {
        private final List<Entry> samples = new ArrayList<>();
        private int incomplete;
        private String key = "";
        private final Map<String, Span> files = new HashMap<>();

        ShardIndex read(TarScanner tar) throws ClosedByInterruptException {
            try {
                for (var file = tar.next(); file.isPresent(); file = tar.next()) {
                    add(file.get());
                }
                finishSample();
                return new ShardIndex(samples, incomplete, Optional.empty());
            } catch (ClosedByInterruptException e) {
                // The reader was stopped; nothing is wrong with the shard.
                throw e;
            } catch (IOException e) {
                // The sample that was being read may lack its last files.
                return new ShardIndex(samples, incomplete, Optional.of(String.valueOf(e.getMessage())));
            }
        }

        private void add(TarScanner.Entry file) {
            Matcher name = NAME.matcher(file.name());
            if (!name.matches()) {
                return;
            }
            if (!name.group(1).equals(key)) {
                finishSample();
                key = name.group(1);
            }
            files.putIfAbsent(name.group(2).toLowerCase(Locale.ROOT), new Span(file.offset(), file.size()));
        }

        private void finishSample() {
            if (files.isEmpty()) {
                return;
            }
            Optional<Span> image = IMAGES.stream()
                    .sorted()
                    .filter(files::containsKey)
                    .map(files::get)
                    .findFirst();
            var text = Optional.ofNullable(files.get("txt"));
            var json = Optional.ofNullable(files.get("json"));
            var label = Optional.ofNullable(files.get("cls"));
            if (image.isPresent() && (text.isPresent() || json.isPresent() || label.isPresent())) {
                samples.add(new Entry(key, image.get(), text, json, label));
            } else {
                incomplete++;
            }
            files.clear();
        }
    }
}
