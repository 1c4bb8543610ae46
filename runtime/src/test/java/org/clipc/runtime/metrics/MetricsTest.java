package org.clipc.runtime.metrics;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.tensorflow.framework.DataType;
import org.tensorflow.framework.Summary;
import org.tensorflow.util.Event;
import org.tensorflow.util.SessionLog;

class MetricsTest {
    private static final InstantSource CLOCK = InstantSource.fixed(Instant.parse("2026-01-02T03:04:05.25Z"));

    @TempDir
    Path folder;

    /** Read back with TensorFlow's own message classes. */
    @Test
    void eventFilesHoldWhatTensorBoardExpects() throws IOException {
        Path run = folder.resolve("logs/run");
        Path path;
        try (var file = EventFile.create(run, 7, CLOCK)) {
            path = file.path();
            var scalars = new LinkedHashMap<String, Double>();
            scalars.put("train/loss", 2.5);
            scalars.put("träin/lr", Double.NaN);
            file.write(7, scalars);
            file.write(1L << 40, Map.of("x", -1e-3));
            file.writeText(8, "config", "| a | b |");
            file.writeImage(9, "sample", 2, 3, new byte[] {1, -2, 3});
        }
        assertThat(path.getFileName().toString()).startsWith("events.out.tfevents.1767323045.");
        List<Event> events = readEvents(path);
        assertThat(events)
                .hasSize(6)
                .allSatisfy(e -> assertThat(e.getWallTime()).isEqualTo(1767323045.25));
        assertThat(events.get(0).getFileVersion()).isEqualTo("brain.Event:2");
        assertThat(events.get(1).getStep()).isEqualTo(7);
        assertThat(events.get(1).getSessionLog().getStatus()).isEqualTo(SessionLog.SessionStatus.START);
        assertThat(events.get(2).getStep()).isEqualTo(7);
        Summary summary = events.get(2).getSummary();
        assertThat(summary.getValue(0).getTag()).isEqualTo("train/loss");
        assertThat(summary.getValue(0).getSimpleValue()).isEqualTo(2.5f);
        assertThat(summary.getValue(1).getTag()).isEqualTo("träin/lr");
        assertThat(summary.getValue(1).getSimpleValue()).isNaN();
        assertThat(events.get(3).getStep()).isEqualTo(1L << 40);
        assertThat(events.get(3).getSummary().getValue(0).getSimpleValue()).isEqualTo(-1e-3f);
        var text = events.get(4).getSummary().getValue(0);
        assertThat(text.getTag()).isEqualTo("config");
        assertThat(text.getMetadata().getPluginData().getPluginName()).isEqualTo("text");
        assertThat(text.getTensor().getDtype()).isEqualTo(DataType.DT_STRING);
        assertThat(text.getTensor().getTensorShape().getDim(0).getSize()).isEqualTo(1);
        assertThat(text.getTensor().getStringVal(0).toStringUtf8()).isEqualTo("| a | b |");
        var image = events.get(5).getSummary().getValue(0).getImage();
        assertThat(List.of(image.getWidth(), image.getHeight(), image.getColorspace()))
                .containsExactly(2, 3, 3);
        assertThat(image.getEncodedImageString().toByteArray()).containsExactly(1, -2, 3);
    }

    @Test
    void twoFilesOfOneSecondDoNotMeet() throws IOException {
        try (var first = EventFile.create(folder, 0, CLOCK);
                var second = EventFile.create(folder, 0, CLOCK)) {
            assertThat(second.path()).isNotEqualTo(first.path());
        }
    }

    @Test
    void jsonLinesGoOnFromAStep() throws IOException {
        Path path = folder.resolve("sub/metrics.jsonl");
        try (var file = JsonLinesFile.open(path, 0, CLOCK)) {
            for (long step = 1; step <= 5; step++) {
                file.write(step, Map.of("loss", 1.0 / step));
            }
        }
        Files.writeString(path, "{\"step\":6,\"lo", StandardOpenOption.APPEND);
        try (var file = JsonLinesFile.open(path, 4, CLOCK)) {
            file.write(4, Map.of("loss", Double.POSITIVE_INFINITY));
        }
        List<String> lines = Files.readAllLines(path);
        assertThat(lines).hasSize(4);
        assertThat(lines.getFirst()).isEqualTo("{\"step\":1,\"time\":1767323045.250,\"loss\":1.0}");
        assertThat(lines.getLast()).isEqualTo("{\"step\":4,\"time\":1767323045.250,\"loss\":\"Infinity\"}");
        var read = new ObjectMapper().readTree(lines.get(2));
        assertThat(read.get("loss").doubleValue()).isCloseTo(1 / 3.0, within(0.0));
    }

    @Test
    void allWritersGetEverything() throws IOException {
        Path a = folder.resolve("a.jsonl");
        Path b = folder.resolve("b.jsonl");
        try (var both = MetricsWriter.all(List.of(JsonLinesFile.open(a, 0, CLOCK), JsonLinesFile.open(b, 0, CLOCK)))) {
            both.write(1, Map.of("x", 1.0));
        }
        assertThat(a).hasSameTextualContentAs(b, StandardCharsets.UTF_8);
        assertThat(Files.size(a)).isPositive();
    }

    private static List<Event> readEvents(Path path) throws IOException {
        var in = ByteBuffer.wrap(Files.readAllBytes(path)).order(ByteOrder.LITTLE_ENDIAN);
        var events = new ArrayList<Event>();
        while (in.hasRemaining()) {
            var length = new byte[8];
            in.get(in.position(), length);
            var data = new byte[(int) in.getLong()];
            assertThat(in.getInt()).isEqualTo(maskedSlowly(length));
            in.get(data);
            assertThat(in.getInt()).isEqualTo(maskedSlowly(data));
            events.add(Event.parseFrom(data));
        }
        return events;
    }

    /** CRC-32C bit by bit, masked as in TensorFlow's crc32c.h. */
    private static int maskedSlowly(byte[] bytes) {
        int crc = ~0;
        for (byte b : bytes) {
            crc ^= b & 0xff;
            for (int bit = 0; bit < 8; bit++) {
                crc = (crc >>> 1) ^ (0x82f63b78 & -(crc & 1));
            }
        }
        crc = ~crc;
        return ((crc >>> 15) | (crc << 17)) + 0xa282ead8;
    }
}
