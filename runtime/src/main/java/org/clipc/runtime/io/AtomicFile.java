package org.clipc.runtime.io;

import static java.nio.file.StandardOpenOption.CREATE_NEW;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Writes a file so that a reader, or a machine that loses power, sees either the old content or the new one and never a
 * part: the bytes go to a temporary file beside the target, are forced to the disk, and take the target's name by an
 * atomic rename; then the directory is forced, so that the rename itself lasts.
 */
public final class AtomicFile {
    private AtomicFile() {}

    /** Produces the content. The channel stands at position 0 and must be left open. */
    @FunctionalInterface
    public interface Content {
        void writeTo(FileChannel channel) throws IOException;
    }

    /**
     * Replaces {@code target} by {@code content}, creating its directory where missing. On failure the old file stays. A link
     * keeps pointing to where it did.
     *
     * @throws IOException naming the target, which a channel's own, as of a full disk, does not
     */
    public static void write(Path target, Content content) throws IOException {
        Path file = replaceable(target);
        Path directory = parentOf(file);
        Files.createDirectories(directory);
        Path temporary = temporaryBeside(file);
        try {
            try (var channel = FileChannel.open(temporary, CREATE_NEW, WRITE)) {
                content.writeTo(channel);
                channel.force(true);
            }
            Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (FileSystemException | ClosedByInterruptException e) {
            throw e;
        } catch (IOException e) {
            throw new IOException(target + ": " + e.getMessage(), e);
        } finally {
            Files.deleteIfExists(temporary);
        }
        forceDirectory(directory);
    }

    /** Replaces {@code target} by this text in UTF-8. */
    public static void writeString(Path target, String text) throws IOException {
        write(target, channel -> writeFully(channel, ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8))));
    }

    /** Writes all that remains in {@code bytes}; a channel may otherwise take only a part of it. */
    public static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    /** Makes renames and deletions in a directory last through a power loss, where the file system can. */
    public static void forceDirectory(Path directory) throws IOException {
        try (var channel = FileChannel.open(directory, READ)) {
            channel.force(true);
        } catch (IOException e) {
            // Some systems (Windows, some network mounts) cannot open or force a directory; the rename is done anyway.
            if (Files.isDirectory(directory)) {
                return;
            }
            throw e;
        }
    }

    /** As root, a rename would put a file in the place even of a device. */
    private static Path replaceable(Path target) throws IOException {
        if (!Files.exists(target)) {
            return target.toAbsolutePath();
        }
        if (!Files.isRegularFile(target)) {
            throw new FileSystemException(target.toString(), null, "is no file that could be replaced; name another");
        }
        return target.toRealPath();
    }

    private static Path parentOf(Path file) throws IOException {
        Path parent = file.getParent();
        if (parent == null) {
            throw new IOException(file + " has no directory to write in");
        }
        return parent;
    }

    private static Path temporaryBeside(Path file) {
        long unique = ThreadLocalRandom.current().nextLong() & Long.MAX_VALUE;
        return file.resolveSibling("." + file.getFileName() + "."
                + ProcessHandle.current().pid() + "-" + Long.toString(unique, 36) + ".tmp");
    }
}
