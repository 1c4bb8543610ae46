package org.clipc.runtime.tensor;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.clipc.runtime.io.DataFormatException;

/**
 * A safetensors file (huggingface/safetensors, format 0.x), mapped into memory: opening reads the header only, and
 * tensors of any size are views whose pages the system brings in when they are read. Views end with {@link #close}.
 */
public final class SafetensorsFile implements AutoCloseable {
    private static final int LENGTH_BYTES = 8;

    private final Path path;
    private final SafetensorsHeader header;
    private final MemorySegment data;
    private final Arena arena;

    private SafetensorsFile(Path path, SafetensorsHeader header, MemorySegment data, Arena arena) {
        this.path = path;
        this.header = header;
        this.data = data;
        this.arena = arena;
    }

    /**
     * Opens and checks a file.
     *
     * @throws DataFormatException when it is not a whole and sound safetensors file, or is missing
     * @throws IOException when it cannot be read
     */
    @SuppressWarnings("MustBeClosed") // the returned file closes it
    public static SafetensorsFile open(Path path) throws IOException {
        if (Files.isDirectory(path)) {
            throw new DataFormatException(path, "is a folder, not a safetensors file");
        }
        Arena arena = Arena.ofShared();
        try (var channel = FileChannel.open(path, StandardOpenOption.READ)) {
            MemorySegment file = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
            MemorySegment json = headerOf(path, file);
            MemorySegment data = file.asSlice(LENGTH_BYTES + json.byteSize());
            var header = SafetensorsHeader.parse(path, json.toArray(ValueLayout.JAVA_BYTE), data.byteSize());
            return new SafetensorsFile(path, header, data, arena);
        } catch (NoSuchFileException e) {
            arena.close();
            throw new DataFormatException(path.toString(), "no such file", e);
        } catch (IOException | RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    private static MemorySegment headerOf(Path path, MemorySegment file) {
        long size = file.byteSize();
        if (size < LENGTH_BYTES) {
            throw new DataFormatException(path, "is too short (" + size + " bytes) to be a safetensors file");
        }
        long length = file.get(HostTensor.I64, 0);
        if (length < 2 || length > SafetensorsHeader.MAX_BYTES) {
            throw new DataFormatException(
                    path,
                    "the first 8 bytes",
                    "give a header of " + Long.toUnsignedString(length) + " bytes; it must be 2 to "
                            + SafetensorsHeader.MAX_BYTES + ", so this is no safetensors file");
        }
        if (length > size - LENGTH_BYTES) {
            throw new DataFormatException(
                    path, "the header of " + length + " bytes passes the end of the file (" + size + " bytes)");
        }
        return file.asSlice(LENGTH_BYTES, length);
    }

    public Path path() {
        return path;
    }

    /** Names, in the order of the tensors' bytes. */
    public Set<String> names() {
        return header.tensors().keySet();
    }

    public Map<String, String> metadata() {
        return header.metadata();
    }

    public Optional<TensorInfo> info(String name) {
        return Optional.ofNullable(header.tensors().get(name));
    }

    public boolean contains(String name) {
        return header.tensors().containsKey(name);
    }

    /**
     * A read-only view of one tensor.
     *
     * @throws DataFormatException when the file has no such tensor
     */
    public HostTensor tensor(String name) {
        TensorInfo info = info(name)
                .orElseThrow(() -> new DataFormatException(path, "has no tensor " + DataFormatException.quote(name)));
        return new HostTensor(info.dtype(), info.shape(), data.asSlice(info.begin(), info.byteSize()));
    }

    @Override
    public void close() {
        arena.close();
    }
}
