package org.clipc.compiler.cli;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** Files that commands write: whole or not at all, their folders made where missing. */
final class OutputFile {

    private OutputFile() {}

    /** Makes sure that {@code file} can be written, before any work is spent on what goes there. */
    static void prepare(Path file) throws IOException {
        if (Files.isDirectory(file)) {
            throw new Failure(file + ": this is a folder; name the file to write");
        }
        if (Files.exists(file) && !Files.isRegularFile(file)) {
            throw new Failure(file + ": this is no file that could be replaced; name another");
        }
        try {
            Files.createDirectories(folder(file));
        } catch (FileAlreadyExistsException e) {
            throw new Failure(e.getFile() + ": is a file, so " + file + " cannot be written");
        }
        if (!Files.isWritable(folder(file))) {
            throw new Failure(folder(file) + ": permission denied");
        }
    }

    static void write(Path file, byte[] content) throws IOException {
        prepare(file);
        // A link keeps pointing to where it did.
        var target = Files.exists(file) ? file.toRealPath() : file;
        var draft = folder(target).resolve("." + target.getFileName() + ".tmp");
        try {
            Files.write(draft, content);
            Files.move(draft, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(draft);
        }
    }

    private static Path folder(Path file) {
        var parent = file.toAbsolutePath().getParent();
        return parent == null ? file.toAbsolutePath() : parent;
    }
}
