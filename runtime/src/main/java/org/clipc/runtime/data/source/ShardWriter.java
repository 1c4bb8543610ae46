package org.clipc.runtime.data.source;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.clipc.runtime.io.AtomicFile;

/** Writes samples as a WebDataset tar shard (POSIX ustar). Equal samples give equal bytes. */
public final class ShardWriter {
    private static final int BLOCK = 512;
    private static final int LONGEST_NAME = 100;

    private final FileChannel channel;

    /** Writes to a channel that is not closed here; {@link #finish} ends the archive. */
    public ShardWriter(FileChannel channel) {
        this.channel = channel;
    }

    /**
     * Adds one sample.
     *
     * @param key without dots in its last part
     * @param files content by extension, such as {@code png} and {@code txt}
     */
    public void add(String key, Map<String, byte[]> files) throws IOException {
        for (var file : files.entrySet()) {
            write(key + "." + file.getKey(), file.getValue());
        }
    }

    /** Writes the end mark. */
    public void finish() throws IOException {
        AtomicFile.writeFully(channel, ByteBuffer.allocate(2 * BLOCK));
    }

    private void write(String name, byte[] content) throws IOException {
        int padded = Math.ceilDiv(content.length, BLOCK) * BLOCK;
        var blocks = ByteBuffer.allocate(BLOCK + padded);
        blocks.put(header(name, content.length)).put(content);
        AtomicFile.writeFully(channel, blocks.rewind());
    }

    private static byte[] header(String name, int size) {
        byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
        if (bytes.length > LONGEST_NAME) {
            throw new IllegalArgumentException("the name '" + name + "' is too long for a shard");
        }
        var header = new byte[BLOCK];
        System.arraycopy(bytes, 0, header, 0, bytes.length);
        put(header, 100, "0000644");
        put(header, 108, "0000000");
        put(header, 116, "0000000");
        put(header, 124, "%011o".formatted(size));
        put(header, 136, "%011o".formatted(0));
        put(header, 148, "        ");
        header[156] = '0';
        put(header, 257, "ustar\u000000");
        int sum = 0;
        for (byte b : header) {
            sum += b & 0xff;
        }
        put(header, 148, "%06o\0 ".formatted(sum));
        return header;
    }

    private static void put(byte[] header, int at, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
        System.arraycopy(bytes, 0, header, at, bytes.length);
    }
}
