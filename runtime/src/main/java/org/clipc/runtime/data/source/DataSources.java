package org.clipc.runtime.data.source;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.clipc.runtime.io.DataFormatException;

/** Opens whatever {@code --data} names: shards (with braces), a folder of shards or pictures, or a table. */
public final class DataSources {
    private DataSources() {}

    /** With the usual column names and limits. */
    public static SampleSource open(String data) throws IOException {
        return open(data, TableSource.Options.DEFAULT);
    }

    /** With the usual limits. */
    public static SampleSource open(String data, TableSource.Options table) throws IOException {
        return open(data, table, Limits.DEFAULT);
    }

    /**
     * Opens a data set and checks that all of its parts are there.
     *
     * @param data {@code shards/{000..099}.tar}, {@code folder}, {@code table.csv}, {@code .tsv} or {@code .jsonl}
     * @throws DataFormatException for what is missing or malformed
     */
    public static SampleSource open(String data, TableSource.Options table, Limits limits) throws IOException {
        if (data.isBlank()) {
            throw new DataFormatException("data", "names no shards, folder or table");
        }
        if (data.startsWith("pipe:") || data.matches("(?i)[a-z][a-z0-9+.-]+://.*")) {
            throw new DataFormatException(data, "only files are read; bring the shards to a file system first");
        }
        List<Path> paths = BraceExpansion.expand(data).stream().map(Path::of).toList();
        if (paths.size() == 1) {
            Path only = paths.getFirst();
            if (Files.isDirectory(only)) {
                return openFolder(only, limits);
            }
            if (TableSource.isTable(only)) {
                return TableSource.open(only, table, limits);
            }
        }
        for (Path path : paths) {
            if (path.toString().matches("(?i).*\\.(tgz|tar\\.(gz|bz2|xz|zst))")) {
                throw new DataFormatException(path, "compressed shards are not read; unpack it to a plain .tar first");
            }
        }
        return ShardSource.open(paths, limits);
    }

    private static SampleSource openFolder(Path folder, Limits limits) throws IOException {
        List<Path> shards;
        try (var list = Files.list(folder)) {
            shards = list.filter(f -> f.toString().endsWith(".tar")).sorted().toList();
        }
        return shards.isEmpty() ? FolderSource.open(folder, limits) : ShardSource.open(shards, limits);
    }
}
