package org.clipc.runtime.metrics;

import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.WRITE;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.Map;
import org.clipc.runtime.io.AtomicFile;

/**
 * Metrics as one JSON object per line: {@code {"step":10,"time":1700000000.500,"train/loss":2.3}}. Numbers that JSON lacks
 * are the strings {@code "NaN"}, {@code "Infinity"} and {@code "-Infinity"}, which Jackson, and Python's {@code float()}, read.
 */
public final class JsonLinesFile implements MetricsWriter {
    private static final JsonFactory JSON = new JsonFactory();
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final FileChannel channel;
    private final InstantSource clock;

    private JsonLinesFile(FileChannel channel, InstantSource clock) {
        this.channel = channel;
        this.clock = clock;
    }

    /**
     * Opens a file to go on with, or makes it. Lines of {@code firstStep} and later steps, and a last line that a crash cut
     * short, are taken off: a resumed run writes them again.
     */
    public static JsonLinesFile open(Path path, long firstStep) throws IOException {
        return open(path, firstStep, InstantSource.system());
    }

    @SuppressWarnings("MustBeClosed") // the returned file closes it
    static JsonLinesFile open(Path path, long firstStep, InstantSource clock) throws IOException {
        Path folder = path.toAbsolutePath().getParent();
        if (folder != null) {
            Files.createDirectories(folder);
        }
        long kept = Files.exists(path) ? bytesBefore(path, firstStep) : 0;
        var channel = FileChannel.open(path, CREATE, WRITE);
        channel.truncate(kept).position(kept);
        return new JsonLinesFile(channel, clock);
    }

    private static long bytesBefore(Path path, long firstStep) throws IOException {
        long kept = 0;
        byte[] content = Files.readAllBytes(path);
        int start = 0;
        for (int i = 0; i < content.length; i++) {
            if (content[i] == '\n') {
                if (stepOf(new String(content, start, i - start, StandardCharsets.UTF_8)) >= firstStep) {
                    return kept;
                }
                start = i + 1;
                kept = start;
            }
        }
        return kept;
    }

    private static long stepOf(String line) {
        try {
            JsonNode step = MAPPER.readTree(line).path("step");
            return step.isIntegralNumber() ? step.longValue() : Long.MAX_VALUE;
        } catch (JsonProcessingException e) {
            return Long.MAX_VALUE;
        }
    }

    @Override
    public void write(long step, Map<String, Double> scalars) throws IOException {
        var line = new ByteArrayOutputStream();
        try (JsonGenerator out = JSON.createGenerator(line)) {
            out.writeStartObject();
            out.writeNumberField("step", step);
            out.writeNumberField("time", BigDecimal.valueOf(clock.millis(), 3));
            for (var scalar : scalars.entrySet()) {
                out.writeNumberField(scalar.getKey(), scalar.getValue());
            }
            out.writeEndObject();
        }
        line.write('\n');
        AtomicFile.writeFully(channel, ByteBuffer.wrap(line.toByteArray()));
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
