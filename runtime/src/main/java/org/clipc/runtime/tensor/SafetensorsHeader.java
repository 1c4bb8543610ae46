package org.clipc.runtime.tensor;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.clipc.runtime.io.DataFormatException;
import org.jspecify.annotations.Nullable;

/**
 * The JSON header of a safetensors file, read as untrusted input: what it describes is exactly the bytes that follow,
 * every byte in one tensor, as the format's reference reader demands.
 *
 * @param tensors by name, in the order of their bytes
 * @param metadata the free {@code __metadata__} strings
 */
record SafetensorsHeader(Map<String, TensorInfo> tensors, Map<String, String> metadata) {
    static final String METADATA_KEY = "__metadata__";

    /** The reference reader's bound; more would be a wrong length rather than a header. */
    static final long MAX_BYTES = 100_000_000;

    private static final int MAX_DIMENSIONS = 64;
    private static final int MAX_NESTING = 3;

    private static final JsonFactory JSON = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(MAX_NESTING)
                    .maxStringLength((int) MAX_BYTES)
                    .build())
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    SafetensorsHeader {
        tensors = Collections.unmodifiableMap(new LinkedHashMap<>(tensors));
        metadata = Collections.unmodifiableMap(new LinkedHashMap<>(metadata));
    }

    /** Reads {@code json}; {@code dataBytes} is the number of bytes that follow the header. */
    static SafetensorsHeader parse(Path file, byte[] json, long dataBytes) {
        try (JsonParser parser = JSON.createParser(json)) {
            var header = new Reader(file, parser).read();
            header.checkLayout(file, dataBytes);
            return header;
        } catch (JacksonException e) {
            var at = e.getLocation();
            String where = at == null ? "header" : "header byte " + Math.max(0, at.getByteOffset());
            throw new DataFormatException(file, where, "bad JSON: " + firstLine(e.getOriginalMessage()));
        } catch (IOException e) {
            throw new DataFormatException(file, "header", "bad JSON: " + firstLine(e.getMessage()));
        }
    }

    private void checkLayout(Path file, long dataBytes) {
        long next = 0;
        for (TensorInfo tensor : tensors.values()) {
            String place = "tensor " + DataFormatException.quote(tensor.name());
            if (tensor.begin() != next) {
                String fault = tensor.begin() < next ? "overlaps the tensor before it" : "leaves a gap before it";
                throw new DataFormatException(
                        file, place, "starts at byte " + tensor.begin() + " and " + fault + ", which ends at " + next);
            }
            next = tensor.end();
        }
        if (next != dataBytes) {
            String fault = next > dataBytes ? "the file is cut short" : "the file has bytes that belong to no tensor";
            throw new DataFormatException(
                    file,
                    "the header describes " + next + " bytes of tensors but " + dataBytes + " follow it: " + fault);
        }
    }

    private static String firstLine(@Nullable String message) {
        return message == null ? "unreadable" : message.lines().findFirst().orElse("unreadable");
    }

    /** One pass over the header's tokens. */
    private static final class Reader {
        private final Path file;
        private final JsonParser parser;
        private final List<TensorInfo> tensors = new ArrayList<>();
        private Map<String, String> metadata = Map.of();

        Reader(Path file, JsonParser parser) {
            this.file = file;
            this.parser = parser;
        }

        SafetensorsHeader read() throws IOException {
            expect(parser.nextToken() == JsonToken.START_OBJECT, "header", "must be a JSON object");
            for (String name = parser.nextFieldName(); name != null; name = parser.nextFieldName()) {
                String place = "tensor " + DataFormatException.quote(name);
                expect(parser.nextToken() == JsonToken.START_OBJECT, place, "must be described by a JSON object");
                if (name.equals(METADATA_KEY)) {
                    metadata = readMetadata();
                } else {
                    tensors.add(readTensor(name, place));
                }
            }
            expect(parser.nextToken() == null, "header", "has more than one JSON object");
            tensors.sort(Comparator.comparingLong(TensorInfo::begin).thenComparingLong(TensorInfo::end));
            var byName = new LinkedHashMap<String, TensorInfo>();
            tensors.forEach(t -> byName.put(t.name(), t));
            return new SafetensorsHeader(byName, metadata);
        }

        private Map<String, String> readMetadata() throws IOException {
            var strings = new LinkedHashMap<String, String>();
            for (String key = parser.nextFieldName(); key != null; key = parser.nextFieldName()) {
                String value = parser.nextTextValue();
                if (value == null) {
                    throw new DataFormatException(
                            file, METADATA_KEY, "the value of " + DataFormatException.quote(key) + " is not a string");
                }
                strings.put(key, value);
            }
            return strings;
        }

        private TensorInfo readTensor(String name, String place) throws IOException {
            TensorDType dtype = null;
            List<Long> shape = null;
            List<Long> offsets = null;
            for (String key = parser.nextFieldName(); key != null; key = parser.nextFieldName()) {
                switch (key) {
                    case "dtype" -> dtype = readDType(place);
                    case "shape" -> shape = readNumbers(place, "shape", MAX_DIMENSIONS);
                    case "data_offsets" -> offsets = readNumbers(place, "data_offsets", 2);
                    default ->
                        throw new DataFormatException(
                                file, place, "has an unknown key " + DataFormatException.quote(key));
                }
            }
            if (dtype == null || shape == null || offsets == null) {
                throw new DataFormatException(file, place, "needs dtype, shape and data_offsets");
            }
            expect(offsets.size() == 2, place, "data_offsets must be two numbers");
            var info = new TensorInfo(name, dtype, shape, offsets.getFirst(), offsets.getLast());
            checkSize(info, place);
            return info;
        }

        private TensorDType readDType(String place) throws IOException {
            String text = parser.nextTextValue();
            expect(text != null, place, "dtype must be a string");
            return TensorDType.named(text)
                    .orElseThrow(() -> new DataFormatException(
                            file,
                            place,
                            "has dtype " + DataFormatException.quote(text) + "; known are " + TensorDType.allNames()));
        }

        private List<Long> readNumbers(String place, String what, int most) throws IOException {
            expect(parser.nextToken() == JsonToken.START_ARRAY, place, what + " must be an array");
            var numbers = new ArrayList<Long>();
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                boolean small = parser.currentToken() == JsonToken.VALUE_NUMBER_INT
                        && parser.getNumberType() != JsonParser.NumberType.BIG_INTEGER
                        && parser.getLongValue() >= 0;
                expect(small, place, what + " must hold whole numbers from 0 to 2^63-1");
                expect(numbers.size() < most, place, what + " has more than " + most + " numbers");
                numbers.add(parser.getLongValue());
            }
            return numbers;
        }

        private void checkSize(TensorInfo info, String place) {
            long bytes;
            try {
                bytes = HostTensor.byteSize(info.dtype(), info.shape());
            } catch (ArithmeticException e) {
                throw new DataFormatException(file + ": " + place, "shape " + info.shape() + " is too large", e);
            }
            expect(info.end() >= info.begin(), place, "data_offsets end before they begin");
            expect(
                    info.byteSize() == bytes,
                    place,
                    HostTensor.describe(info.dtype(), info.shape()) + " takes " + bytes
                            + " bytes but data_offsets hold " + info.byteSize());
        }

        private void expect(boolean holds, String place, String problem) {
            if (!holds) {
                throw new DataFormatException(file, place, problem);
            }
        }
    }
}
