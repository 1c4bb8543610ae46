package org.clipc.runtime.tensor;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Supplier;
import org.clipc.runtime.io.AtomicFile;

/**
 * Writes a safetensors file, one tensor after the other, so that memory for one is enough. Equal content gives equal
 * bytes: tensors lie by falling element size (which keeps each aligned to its element) and then by name, as the
 * reference writer has them. The file appears whole or not at all ({@link AtomicFile}).
 */
public final class SafetensorsWriter {
    private static final int CHUNK_BYTES = 1 << 20;
    private static final JsonFactory JSON = new JsonFactory();

    private record Entry(TensorInfo info, Supplier<HostTensor> content) {}

    private final Map<String, String> metadata = new TreeMap<>();
    private final List<Entry> entries = new ArrayList<>();
    private final Set<String> names = new HashSet<>();

    public SafetensorsWriter metadata(String key, String value) {
        metadata.put(key, value);
        return this;
    }

    public SafetensorsWriter add(String name, HostTensor tensor) {
        return add(name, tensor.dtype(), tensor.shape(), () -> tensor);
    }

    /** Adds a tensor that is made only when its turn to be written comes. */
    public SafetensorsWriter add(String name, TensorDType dtype, List<Long> shape, Supplier<HostTensor> content) {
        if (name.equals(SafetensorsHeader.METADATA_KEY) || !names.add(name)) {
            throw new IllegalArgumentException("tensor name '" + name + "' is taken");
        }
        long bytes = HostTensor.byteSize(dtype, shape);
        entries.add(new Entry(new TensorInfo(name, dtype, shape, 0, bytes), content));
        return this;
    }

    public void writeTo(Path path) throws IOException {
        List<Entry> ordered = inFileOrder();
        ByteBuffer head = header(ordered);
        AtomicFile.write(path, channel -> {
            AtomicFile.writeFully(channel, head);
            ByteBuffer chunk = ByteBuffer.allocateDirect(CHUNK_BYTES);
            for (Entry entry : ordered) {
                writeTensor(channel, entry, chunk);
            }
        });
    }

    /** Makes all tensors, in the order in which they would be written, for the sake of others who write them. */
    public void discard() {
        inFileOrder().forEach(SafetensorsWriter::made);
    }

    private List<Entry> inFileOrder() {
        var sorted = new ArrayList<>(entries);
        sorted.sort(Comparator.comparingInt((Entry e) -> -e.info().dtype().bytes())
                .thenComparing(e -> e.info().name()));
        var placed = new ArrayList<Entry>();
        long next = 0;
        for (Entry e : sorted) {
            TensorInfo info = e.info();
            long end = Math.addExact(next, info.byteSize());
            placed.add(new Entry(new TensorInfo(info.name(), info.dtype(), info.shape(), next, end), e.content()));
            next = end;
        }
        return placed;
    }

    private ByteBuffer header(List<Entry> ordered) throws IOException {
        var json = new ByteArrayOutputStream();
        try (JsonGenerator out = JSON.createGenerator(json)) {
            out.writeStartObject();
            if (!metadata.isEmpty()) {
                out.writeObjectFieldStart(SafetensorsHeader.METADATA_KEY);
                for (var entry : metadata.entrySet()) {
                    out.writeStringField(entry.getKey(), entry.getValue());
                }
                out.writeEndObject();
            }
            for (Entry entry : ordered) {
                writeInfo(out, entry.info());
            }
            out.writeEndObject();
        }
        // Spaces after the JSON keep the tensors aligned to 8 bytes.
        while (json.size() % 8 != 0) {
            json.write(' ');
        }
        if (json.size() > SafetensorsHeader.MAX_BYTES) {
            throw new IllegalArgumentException("a safetensors header holds at most " + SafetensorsHeader.MAX_BYTES
                    + " bytes; " + entries.size() + " tensors need " + json.size());
        }
        return ByteBuffer.allocate(8 + json.size())
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(json.size())
                .put(json.toByteArray())
                .flip();
    }

    private static void writeInfo(JsonGenerator out, TensorInfo info) throws IOException {
        out.writeObjectFieldStart(info.name());
        out.writeStringField("dtype", info.dtype().name());
        out.writeArrayFieldStart("shape");
        for (long size : info.shape()) {
            out.writeNumber(size);
        }
        out.writeEndArray();
        out.writeArrayFieldStart("data_offsets");
        out.writeNumber(info.begin());
        out.writeNumber(info.end());
        out.writeEndArray();
        out.writeEndObject();
    }

    private static void writeTensor(FileChannel channel, Entry entry, ByteBuffer chunk) throws IOException {
        TensorInfo info = entry.info();
        HostTensor tensor = made(entry);
        MemorySegment staged = MemorySegment.ofBuffer(chunk.clear());
        for (long at = 0; at < info.byteSize(); at += CHUNK_BYTES) {
            int bytes = (int) Math.min(CHUNK_BYTES, info.byteSize() - at);
            MemorySegment.copy(tensor.data(), at, staged, 0, bytes);
            AtomicFile.writeFully(channel, chunk.clear().limit(bytes));
        }
    }

    private static HostTensor made(Entry entry) {
        TensorInfo info = entry.info();
        HostTensor tensor = entry.content().get();
        if (tensor.dtype() != info.dtype() || !tensor.shape().equals(info.shape())) {
            throw new IllegalStateException("tensor '" + info.name() + "' was announced as "
                    + HostTensor.describe(info.dtype(), info.shape()) + " but came as "
                    + HostTensor.describe(tensor.dtype(), tensor.shape()));
        }
        return tensor;
    }
}
