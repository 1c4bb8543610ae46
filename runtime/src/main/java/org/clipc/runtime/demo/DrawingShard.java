package org.clipc.runtime.demo;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.clipc.runtime.io.DataFormatException;

/** Drawings in a WebDataset shard: {@code <key>.png} and {@code <key>.txt} for each, the caption in the latter. */
final class DrawingShard {

    private DrawingShard() {}

    static void write(Path file, List<Drawing> drawings) throws IOException {
        try (var tar = new TarArchiveOutputStream(
                new BufferedOutputStream(Files.newOutputStream(file)), StandardCharsets.UTF_8.name())) {
            for (var drawing : drawings) {
                add(tar, member(drawing, "png"), drawing.png());
                add(tar, member(drawing, "txt"), drawing.concept().caption().getBytes(StandardCharsets.UTF_8));
            }
        }
    }

    /** WebDataset's key ends at the first dot of a file's name, so the artist becomes a folder. */
    private static String member(Drawing drawing, String ending) {
        return drawing.artist() + "/" + drawing.concept().codePoints() + "." + ending;
    }

    private static void add(TarArchiveOutputStream tar, String name, byte[] bytes) throws IOException {
        var entry = new TarArchiveEntry(name);
        entry.setSize(bytes.length);
        entry.setModTime(0);
        tar.putArchiveEntry(entry);
        tar.write(bytes);
        tar.closeArchiveEntry();
    }

    static List<Drawing> read(Path file, Map<String, Concept> concepts) throws IOException {
        var drawings = new ArrayList<Drawing>();
        try (var tar = new TarArchiveInputStream(new BufferedInputStream(Files.newInputStream(file)))) {
            for (var entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
                var name = entry.getName();
                if (name.endsWith(".png")) {
                    var slash = name.indexOf('/');
                    var concept = concepts.get(name.substring(slash + 1, name.length() - ".png".length()));
                    if (slash <= 0 || concept == null) {
                        throw new DataFormatException(
                                file, name, "is no drawing of this demo; delete the folder to make it anew");
                    }
                    drawings.add(new Drawing(
                            name.substring(0, slash), concept, Drawing.decode(tar.readAllBytes(), file + ": " + name)));
                }
            }
        }
        return drawings;
    }
}
