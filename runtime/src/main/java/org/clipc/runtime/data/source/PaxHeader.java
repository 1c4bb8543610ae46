package org.clipc.runtime.data.source;

import java.io.IOException;
import java.util.Optional;

/** What a pax extended header says of the next tar entry, as far as it matters here. */
record PaxHeader(Optional<String> path, Optional<Long> size) {
    static final PaxHeader NONE = new PaxHeader(Optional.empty(), Optional.empty());

    /**
     * Reads records of the form {@code "length key=value\n"}. Lengths count bytes, which matters only to skip values with
     * line ends in them; none of the two keys read here has any.
     */
    static PaxHeader parse(String text) throws IOException {
        Optional<String> path = Optional.empty();
        Optional<Long> size = Optional.empty();
        for (String line : text.split("\n", -1)) {
            int space = line.indexOf(' ');
            int equals = line.indexOf('=', space + 1);
            if (space < 0 || equals < 0) {
                continue;
            }
            String value = line.substring(equals + 1);
            switch (line.substring(space + 1, equals)) {
                case "path" -> path = Optional.of(value);
                case "size" -> size = Optional.of(sizeOf(value));
                default -> {}
            }
        }
        return new PaxHeader(path, size);
    }

    private static long sizeOf(String value) throws IOException {
        if (!value.matches("\\d{1,18}")) {
            throw new IOException("a pax header gives no valid size");
        }
        return Long.parseLong(value);
    }
}
