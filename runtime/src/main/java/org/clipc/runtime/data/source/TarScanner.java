package org.clipc.runtime.data.source;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Walks the entries of a tar file (POSIX ustar and pax, GNU) by their headers alone, treated as untrusted: checksums are
 * checked, an entry must lie within the file, and long names have a bound. Nothing is ever unpacked.
 */
final class TarScanner {
    private static final int BLOCK = 512;
    private static final int LONGEST_NAME = 64 << 10;
    private static final int LONGEST_PAX = 1 << 20;

    /** A regular file in the archive. */
    record Entry(String name, long offset, long size) {}

    private final FileChannel channel;
    private final long fileSize;
    private long position;
    private @Nullable String longName;
    private PaxHeader pax = PaxHeader.NONE;

    TarScanner(FileChannel channel) throws IOException {
        this.channel = channel;
        this.fileSize = channel.size();
    }

    /** Byte at which the next header is expected. */
    long position() {
        return position;
    }

    /**
     * The next regular file; none at the end.
     *
     * @throws IOException where the archive is damaged or cut short
     */
    Optional<Entry> next() throws IOException {
        if (fileSize == 0) {
            throw new IOException("the file is empty");
        }
        while (position < fileSize) {
            ByteBuffer header = read(position, BLOCK, "header");
            if (isZero(header)) {
                return Optional.empty();
            }
            checkChecksum(header);
            long size = pax.size().orElse(number(header, 124, 12));
            long start = position + BLOCK;
            if (size < 0 || size > fileSize - start) {
                throw new IOException("an entry of " + size + " bytes passes the end of the file: it is cut short");
            }
            long after = start + size + (BLOCK - size % BLOCK) % BLOCK;
            char type = (char) (header.get(156) & 0xff);
            Optional<Entry> entry = Optional.empty();
            switch (type) {
                case 'L' -> longName = trimmed(readText(start, size, LONGEST_NAME));
                case 'x' -> pax = PaxHeader.parse(readText(start, size, LONGEST_PAX));
                case 'K', 'g' -> {}
                default -> {
                    if (type == '0' || type == 0 || type == '7') {
                        entry = Optional.of(new Entry(nameOf(header), start, size));
                    }
                    longName = null;
                    pax = PaxHeader.NONE;
                }
            }
            position = after;
            if (entry.isPresent()) {
                return entry;
            }
        }
        if (position > fileSize) {
            throw new IOException("the file ends within the padding of its last entry: it is cut short");
        }
        return Optional.empty();
    }

    private String nameOf(ByteBuffer header) {
        if (pax.path().isPresent()) {
            return pax.path().get();
        }
        if (longName != null) {
            return longName;
        }
        String name = text(header, 0, 100);
        boolean ustar = text(header, 257, 6).equals("ustar");
        String prefix = ustar ? text(header, 345, 155) : "";
        return prefix.isEmpty() ? name : prefix + "/" + name;
    }

    private String readText(long offset, long size, int most) throws IOException {
        if (size > most) {
            throw new IOException("a name of " + size + " bytes");
        }
        return StandardCharsets.UTF_8.decode(read(offset, (int) size, "name")).toString();
    }

    private ByteBuffer read(long offset, int length, String what) throws IOException {
        var buffer = ByteBuffer.allocate(length);
        while (buffer.hasRemaining()) {
            int count = channel.read(buffer, offset + buffer.position());
            if (count < 0) {
                throw new IOException("the file ends within a " + what);
            }
        }
        return buffer.flip();
    }

    private void checkChecksum(ByteBuffer header) throws IOException {
        int sum = 0;
        for (int i = 0; i < BLOCK; i++) {
            sum += i >= 148 && i < 156 ? ' ' : header.get(i) & 0xff;
        }
        if (number(header, 148, 8) != sum) {
            throw new IOException("byte " + position + " holds no tar header");
        }
    }

    /** Octal text, or GNU's binary form for large numbers. */
    private static long number(ByteBuffer header, int at, int length) throws IOException {
        if ((header.get(at) & 0x80) != 0) {
            long value = header.get(at) & 0x7f;
            for (int i = 1; i < length; i++) {
                if (value > Long.MAX_VALUE >> 8) {
                    throw new IOException("a number in a tar header is too large");
                }
                value = value << 8 | (header.get(at + i) & 0xff);
            }
            return value;
        }
        String digits = text(header, at, length).strip();
        if (!digits.matches("[0-7]{0,20}")) {
            throw new IOException("a number in a tar header is none");
        }
        return digits.isEmpty() ? 0 : Long.parseLong(digits, 8);
    }

    private static String text(ByteBuffer header, int at, int length) {
        int end = at;
        while (end < at + length && header.get(end) != 0) {
            end++;
        }
        return StandardCharsets.UTF_8.decode(header.slice(at, end - at)).toString();
    }

    private static String trimmed(String name) {
        int end = name.indexOf('\0');
        return end < 0 ? name : name.substring(0, end);
    }

    private static boolean isZero(ByteBuffer header) {
        for (int i = 0; i < BLOCK; i++) {
            if (header.get(i) != 0) {
                return false;
            }
        }
        return true;
    }
}
