package org.clipc.runtime.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.clipc.runtime.io.DataFormatException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsRoundTripTest {
    private static final List<TensorDType> DTYPES = List.of(TensorDType.values());

    @TempDir
    Path folder;

    @Property(tries = 200)
    void whatIsWrittenIsReadBack(@ForAll Random random) throws IOException {
        Path file = Files.createTempFile("round", ".safetensors");
        try {
            var tensors = new LinkedHashMap<String, HostTensor>();
            for (int i = random.nextInt(6); i > 0; i--) {
                tensors.put("name " + i + (random.nextBoolean() ? ".wéight\"\\\n" : ""), randomTensor(random));
            }
            var writer = new SafetensorsWriter().metadata("format", "pt").metadata("ключ", "\u0001 value");
            tensors.forEach(writer::add);
            writer.writeTo(file);
            try (var read = SafetensorsFile.open(file)) {
                assertThat(read.metadata()).containsEntry("format", "pt").containsEntry("ключ", "\u0001 value");
                assertThat(read.names()).containsExactlyInAnyOrderElementsOf(tensors.keySet());
                tensors.forEach((name, tensor) -> assertSame(read.tensor(name), tensor));
                for (String name : read.names()) {
                    var info = read.info(name).orElseThrow();
                    assertThat(info.begin() % info.dtype().bytes()).isZero();
                }
            }
        } finally {
            Files.delete(file);
        }
    }

    @Test
    void theOrderOfAddingDoesNotMatter() throws IOException {
        var a = HostTensor.of(new float[] {1, 2}, 2);
        var b = HostTensor.of(new long[] {3}, 1);
        new SafetensorsWriter()
                .add("a", a)
                .add("b", b)
                .metadata("x", "1")
                .metadata("y", "2")
                .writeTo(path("1"));
        new SafetensorsWriter()
                .metadata("y", "2")
                .metadata("x", "1")
                .add("b", b)
                .add("a", a)
                .writeTo(path("2"));
        assertThat(path("1")).hasSameBinaryContentAs(path("2"));
    }

    @Test
    void lateTensorsAreMadeOneByOneAndMustBeAsAnnounced() throws IOException {
        var made = new ArrayList<String>();
        var writer = new SafetensorsWriter();
        for (String name : List.of("b", "a")) {
            writer.add(name, TensorDType.F32, List.of(1L), () -> {
                made.add(name);
                return HostTensor.of(new float[] {made.size()}, 1);
            });
        }
        assertThat(made).isEmpty();
        writer.writeTo(path("late"));
        assertThat(made).containsExactly("a", "b");

        var liar =
                new SafetensorsWriter().add("t", TensorDType.F32, List.of(2L), () -> HostTensor.of(new float[] {1}, 1));
        assertThatThrownBy(() -> liar.writeTo(path("late"))).hasMessageContaining("announced as F32[2]");
        try (var kept = SafetensorsFile.open(path("late"))) {
            assertThat(kept.tensor("b").toFloats()).containsExactly(2);
        }
    }

    @Test
    void aNameIsTakenOnce() {
        var one = HostTensor.of(new float[1], 1);
        assertThatThrownBy(() -> new SafetensorsWriter().add("a", one).add("a", one))
                .hasMessageContaining("'a'");
        assertThatThrownBy(() -> new SafetensorsWriter().add("__metadata__", one))
                .hasMessageContaining("taken");
    }

    @Test
    void readsTheReferenceWritersFiles() throws IOException, URISyntaxException {
        var url = getClass().getResource("/golden/preprocess64.safetensors");
        assertThat(url).isNotNull();
        try (var file = SafetensorsFile.open(Path.of(url.toURI()))) {
            assertThat(file.names()).hasSize(6).startsWith("longest.bicubic");
            var tensor = file.tensor("squash.bilinear");
            assertThat(tensor.shape()).containsExactly(3L, 64L, 64L);
            assertThat(tensor.toFloats()).hasSize(3 * 64 * 64).doesNotContain(Float.NaN);
        }
    }

    @Test
    void filesBeyondTwoGigabytesAreMapped() throws IOException {
        long size = 3L << 30;
        byte[] json = ("{\"big\":{\"dtype\":\"U8\",\"shape\":[3," + (1L << 30) + "],\"data_offsets\":[0," + size
                        + "]}}")
                .getBytes(StandardCharsets.UTF_8);
        try (var sparse = new RandomAccessFile(path("big").toFile(), "rw")) {
            sparse.write(ByteBuffer.allocate(8)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(json.length)
                    .array());
            sparse.write(json);
            sparse.seek(8 + json.length + size - 1);
            sparse.write(42);
        }
        try (var file = SafetensorsFile.open(path("big"))) {
            assertThat(file.tensor("big").getLong(size - 1)).isEqualTo(42);
            assertThat(file.tensor("big").getLong(size - 2)).isZero();
        }
    }

    @Test
    void viewsEndWithTheFile() throws IOException {
        new SafetensorsWriter().add("a", HostTensor.of(new float[] {1}, 1)).writeTo(path("a"));
        HostTensor view;
        try (var file = SafetensorsFile.open(path("a"))) {
            view = file.tensor("a");
            assertThatThrownBy(() -> file.tensor("b"))
                    .isInstanceOf(DataFormatException.class)
                    .hasMessageEndingWith("a.safetensors: has no tensor 'b'");
        }
        assertThatThrownBy(() -> view.getDouble(0)).isInstanceOf(IllegalStateException.class);
    }

    private static HostTensor randomTensor(Random random) {
        var shape = new ArrayList<Long>();
        for (int d = random.nextInt(4); d > 0; d--) {
            shape.add((long) random.nextInt(random.nextInt(10) == 0 ? 700 : 7));
        }
        TensorDType dtype = DTYPES.get(random.nextInt(DTYPES.size()));
        var bytes = new byte[Math.toIntExact(HostTensor.byteSize(dtype, shape))];
        random.nextBytes(bytes);
        return new HostTensor(dtype, shape, MemorySegment.ofArray(bytes));
    }

    private static void assertSame(HostTensor actual, HostTensor expected) {
        assertThat(actual.dtype()).isEqualTo(expected.dtype());
        assertThat(actual.shape()).isEqualTo(expected.shape());
        assertThat(actual.data().toArray(ValueLayout.JAVA_BYTE))
                .isEqualTo(expected.data().toArray(ValueLayout.JAVA_BYTE));
    }

    private Path path(String name) {
        try {
            return Files.createDirectories(folder).resolve(name + ".safetensors");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void metadataMayBeLong() throws IOException {
        var path = folder.resolve("long.safetensors");
        var keys = "k".repeat(20_000_001);
        new SafetensorsWriter().metadata("keys", keys).writeTo(path);
        try (var file = SafetensorsFile.open(path)) {
            assertThat(file.metadata()).containsEntry("keys", keys);
        }
    }
}
