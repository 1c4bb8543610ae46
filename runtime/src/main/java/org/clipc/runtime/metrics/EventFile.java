package org.clipc.runtime.metrics;

import static java.nio.file.StandardOpenOption.CREATE_NEW;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Map;
import java.util.zip.CRC32C;
import org.clipc.runtime.io.AtomicFile;

/**
 * A TensorBoard event file: records of TensorFlow's {@code Event} message ({@code event.proto}, {@code summary.proto}), each
 * framed by its length and masked CRC-32C checksums (TFRecord).
 */
public final class EventFile implements MetricsWriter {
    private static final String VERSION = "brain.Event:2";
    private static final int MASK_DELTA = 0xa282ead8;
    private static final int STRING_TYPE = 7;
    private static final int SESSION_START = 1;

    private final Path path;
    private final FileChannel channel;
    private final InstantSource clock;

    private EventFile(Path path, FileChannel channel, InstantSource clock) {
        this.path = path;
        this.channel = channel;
        this.clock = clock;
    }

    /**
     * Starts a new event file in a run's folder, which is made where missing. What earlier files of the folder say of
     * {@code firstStep} and later steps then no longer counts: a resumed run takes it up again from its checkpoint.
     */
    public static EventFile create(Path folder, long firstStep) throws IOException {
        return create(folder, firstStep, InstantSource.system());
    }

    @SuppressWarnings("MustBeClosed") // the event file closes it
    static EventFile create(Path folder, long firstStep, InstantSource clock) throws IOException {
        Files.createDirectories(folder);
        long seconds = clock.instant().getEpochSecond();
        for (int attempt = 0; ; attempt++) {
            // TensorBoard reads a folder's files in the order of their names.
            var path = folder.resolve("events.out.tfevents.%010d.clip-run.%d.%d"
                    .formatted(seconds, ProcessHandle.current().pid(), attempt));
            try {
                var file = new EventFile(path, FileChannel.open(path, CREATE_NEW, WRITE), clock);
                file.append(new ProtoWriter().string(3, VERSION));
                file.append(new ProtoWriter()
                        .integer(2, firstStep)
                        .message(7, new ProtoWriter().integer(1, SESSION_START)));
                return file;
            } catch (FileAlreadyExistsException e) {
                if (attempt == 1000) {
                    throw e;
                }
            }
        }
    }

    public Path path() {
        return path;
    }

    @Override
    public void write(long step, Map<String, Double> scalars) throws IOException {
        var summary = new ProtoWriter();
        scalars.forEach((tag, value) ->
                summary.message(1, new ProtoWriter().string(1, tag).float32(2, value.floatValue())));
        append(new ProtoWriter().integer(2, step).message(5, summary));
    }

    /** Writes a text, which TensorBoard shows as Markdown: the configuration, say. */
    public void writeText(long step, String tag, String markdown) throws IOException {
        var plugin = new ProtoWriter().message(1, new ProtoWriter().string(1, "text"));
        var tensor = new ProtoWriter()
                .integer(1, STRING_TYPE)
                .message(2, new ProtoWriter().message(2, new ProtoWriter().integer(1, 1)))
                .string(8, markdown);
        var value = new ProtoWriter().string(1, tag).message(8, tensor).message(9, plugin);
        append(new ProtoWriter().integer(2, step).message(5, new ProtoWriter().message(1, value)));
    }

    /** Writes a picture, given as a PNG file. */
    public void writeImage(long step, String tag, int width, int height, byte[] png) throws IOException {
        var image = new ProtoWriter()
                .integer(1, height)
                .integer(2, width)
                .integer(3, 3)
                .bytes(4, png);
        var value = new ProtoWriter().string(1, tag).message(4, image);
        append(new ProtoWriter().integer(2, step).message(5, new ProtoWriter().message(1, value)));
    }

    private void append(ProtoWriter event) throws IOException {
        var now = clock.instant();
        byte[] data =
                event.float64(1, now.getEpochSecond() + now.getNano() * 1e-9).toByteArray();
        byte[] length = ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(data.length)
                .array();
        var record = ByteBuffer.allocate(8 + 4 + data.length + 4).order(ByteOrder.LITTLE_ENDIAN);
        record.put(length).putInt(maskedChecksum(length)).put(data).putInt(maskedChecksum(data));
        AtomicFile.writeFully(channel, record.flip());
    }

    private static int maskedChecksum(byte[] bytes) {
        var crc = new CRC32C();
        crc.update(bytes);
        return Integer.rotateRight((int) crc.getValue(), 15) + MASK_DELTA;
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
