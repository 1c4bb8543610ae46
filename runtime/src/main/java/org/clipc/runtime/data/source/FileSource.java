package org.clipc.runtime.data.source;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;

/** Pictures in files of their own, one sample per part, so that shuffling the parts shuffles them all. */
public final class FileSource implements SampleSource {
    /**
     * One picture.
     *
     * @param name for messages and as the sample's key
     * @param captions none where there is only a label
     */
    public record Row(String name, Path image, List<String> captions, OptionalInt label) {
        public Row {
            captions = List.copyOf(captions);
        }
    }

    private final List<Row> rows;
    private final Limits limits;

    FileSource(List<Row> rows, Limits limits) {
        this.rows = List.copyOf(rows);
        this.limits = limits;
    }

    @Override
    public int parts() {
        return rows.size();
    }

    @Override
    public String partName(int part) {
        return rows.get(part).image().toString();
    }

    @Override
    public String identity(int part) {
        return rows.get(part).name();
    }

    @Override
    public int samples(int part) {
        return 1;
    }

    @Override
    public RawSample load(int part, int sample) throws IOException {
        Row row = rows.get(part);
        if (!Files.isRegularFile(row.image())) {
            throw new IOException("there is no such file");
        }
        limits.checkImage(Files.size(row.image()));
        return new RawSample(row.name(), Files.readAllBytes(row.image()), row.captions(), row.label());
    }
}
