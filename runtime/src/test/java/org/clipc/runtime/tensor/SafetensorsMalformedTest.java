package org.clipc.runtime.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.clipc.runtime.io.DataFormatException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafetensorsMalformedTest {
    @TempDir
    Path folder;

    /** Headers over 16 bytes of data, and what the one-line message must say. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '~', textBlock = """
            {"a"                                                                | header byte 4: bad JSON
            []                                                                  | must be a JSON object
            {} {}                                                               | more than one
            {}                                                                  | bytes that belong to no tensor
            {"a":1}                                                             | tensor 'a': must be described
            {"a":{"dtype":"F32","shape":[4]}}                                   | needs dtype, shape and data_offsets
            {"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16],"x":1}}       | unknown key 'x'
            {"a":{"dtype":"F33","shape":[4],"data_offsets":[0,16]}}             | has dtype 'F33'; known are F64, F32
            {"a":{"dtype":7,"shape":[4],"data_offsets":[0,16]}}                 | dtype must be a string
            {"a":{"dtype":"F32","shape":4,"data_offsets":[0,16]}}               | shape must be an array
            {"a":{"dtype":"F32","shape":[-4],"data_offsets":[0,16]}}            | shape must hold whole numbers
            {"a":{"dtype":"F32","shape":[4.0],"data_offsets":[0,16]}}           | shape must hold whole numbers
            {"a":{"dtype":"F32","shape":[[4]],"data_offsets":[0,16]}}           | bad JSON: Document nesting depth
            {"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,16]}} | shape must hold whole numbers
            {"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,16]}} | too large
            {"a":{"dtype":"F64","shape":[4611686018427387904],"data_offsets":[0,0]}} | too large
            {"a":{"dtype":"F32","shape":[3],"data_offsets":[0,16]}}             | takes 12 bytes but data_offsets hold 16
            {"a":{"dtype":"F32","shape":[4],"data_offsets":[0]}}                | must be two numbers
            {"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16,16]}}          | more than 2 numbers
            {"a":{"dtype":"F32","shape":[4],"data_offsets":[16,0]}}             | end before they begin
            {"a":{"dtype":"F32","shape":[8],"data_offsets":[0,32]}}             | cut short
            {"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}             | belong to no tensor
            {"a":{"dtype":"F32","shape":[3],"data_offsets":[4,16]}}             | leaves a gap
            {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[3],"data_offsets":[4,16]}} | tensor 'b': starts at byte 4 and overlaps
            {"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}} | Duplicate field 'a'
            {"__metadata__":{"a":1},"t":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}} | the value of 'a' is not a string
            {"__metadata__":{"a":{"b":{"c":1}}}}                                | the value of 'a' is not a string
            """)
    void headers(String header, String problem) throws IOException {
        assertRejected(fileOf(header.strip(), new byte[16]), problem.strip());
    }

    @Test
    void lengths() throws IOException {
        assertRejected(new byte[0], "too short (0 bytes)");
        assertRejected(new byte[7], "too short (7 bytes)");
        assertRejected(new byte[8], "header of 0 bytes");
        assertRejected(withLength(-1), "header of 18446744073709551615 bytes");
        assertRejected(withLength(Long.MAX_VALUE), "no safetensors file");
        assertRejected(withLength(100_000_001), "no safetensors file");
        assertRejected(withLength(9), "passes the end of the file (16 bytes)");
    }

    @Test
    void aMissingFileIsOneClearError() {
        assertThatThrownBy(() -> SafetensorsFile.open(folder.resolve("none")))
                .isInstanceOf(DataFormatException.class)
                .hasMessageEndingWith("none: no such file");
    }

    @Test
    void everyTruncationIsRejected() throws IOException {
        byte[] whole = sound();
        for (int length = 0; length < whole.length; length++) {
            Path file = write(Arrays.copyOf(whole, length));
            assertThatThrownBy(() -> SafetensorsFile.open(file)).isInstanceOf(DataFormatException.class);
        }
    }

    @Test
    void randomDamageNeverBreaksTheReader() throws IOException {
        long seed = System.nanoTime();
        var random = new Random(seed);
        byte[] whole = sound();
        int rejected = 0;
        for (int trial = 0; trial < 1000; trial++) {
            byte[] damaged = whole.clone();
            for (int flips = 1 + random.nextInt(3); flips > 0; flips--) {
                damaged[random.nextInt(damaged.length)] ^= (byte) (1 << random.nextInt(8));
            }
            Path file = write(damaged);
            try (var opened = SafetensorsFile.open(file)) {
                for (String name : opened.names()) {
                    opened.tensor(name).toFloats();
                }
            } catch (DataFormatException e) {
                rejected++;
                assertThat(e.getMessage()).as("seed %d trial %d", seed, trial).doesNotContain("\n");
            }
        }
        assertThat(rejected).as("seed %d", seed).isPositive();
    }

    private void assertRejected(byte[] content, String problem) throws IOException {
        Path file = write(content);
        assertThatThrownBy(() -> SafetensorsFile.open(file))
                .isInstanceOf(DataFormatException.class)
                .hasMessageStartingWith(file.toString())
                .hasMessageContaining(problem);
    }

    private Path write(byte[] content) throws IOException {
        return Files.write(folder.resolve("bad.safetensors"), content);
    }

    private byte[] sound() throws IOException {
        Path file = folder.resolve("sound.safetensors");
        new SafetensorsWriter()
                .metadata("k", "v")
                .add("a", HostTensor.of(new float[] {1, 2, 3, 4}, 2, 2))
                .add("b", HostTensor.of(new long[] {5}, 1))
                .writeTo(file);
        return Files.readAllBytes(file);
    }

    private static byte[] withLength(long length) {
        return ByteBuffer.allocate(16)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(length)
                .array();
    }

    private static byte[] fileOf(String header, byte[] data) {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        var out = new ByteArrayOutputStream();
        out.writeBytes(ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(json.length)
                .array());
        out.writeBytes(json);
        out.writeBytes(data);
        return out.toByteArray();
    }
}
