package org.clipc.runtime.data.source;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVRecord;
import org.clipc.runtime.io.DataFormatException;
import org.clipc.runtime.io.TextFile;

/**
 * Tables of picture paths and captions: CSV, TSV (with a header line) and JSONL. Paths are relative to the table's folder
 * or to {@code imageRoot}, and may not leave it. The whole table is read at the start and kept in memory.
 */
public final class TableSource {
    private static final List<String> IMAGE_COLUMNS = List.of("filepath", "image", "path", "file_name", "filename");
    private static final List<String> CAPTION_COLUMNS = List.of("title", "caption", "text");
    private static final List<String> CAPTION_KEYS = List.of("title", "caption", "captions", "text", "texts");
    private static final ObjectMapper JSON = new ObjectMapper();

    /**
     * What to read where; empty for the usual names.
     *
     * @param image column of paths
     * @param caption column of captions
     * @param imageRoot folder of the pictures
     */
    public record Options(Optional<String> image, Optional<String> caption, Optional<Path> imageRoot) {
        public static final Options DEFAULT = new Options(Optional.empty(), Optional.empty(), Optional.empty());
    }

    private final Path table;
    private final Options options;
    private final Path root;
    private final List<FileSource.Row> rows = new ArrayList<>();

    private TableSource(Path table, Options options) {
        this.table = table;
        this.options = options;
        Path folder = table.toAbsolutePath().getParent();
        this.root = options.imageRoot()
                .orElseGet(() -> folder == null ? table.toAbsolutePath() : folder)
                .toAbsolutePath()
                .normalize();
    }

    static boolean isTable(Path file) {
        String name = file.toString().toLowerCase(Locale.ROOT);
        return name.endsWith(".csv") || name.endsWith(".tsv") || name.endsWith(".jsonl");
    }

    /**
     * Reads a table.
     *
     * @throws DataFormatException naming the line that is wrong
     */
    public static SampleSource open(Path table, Options options, Limits limits) throws IOException {
        if (!Files.isRegularFile(table)) {
            throw new DataFormatException(table, "no such file");
        }
        var reader = new TableSource(table, options);
        try {
            if (table.toString().toLowerCase(Locale.ROOT).endsWith(".jsonl")) {
                reader.readJsonLines();
            } else {
                reader.readCsv();
            }
        } catch (CharacterCodingException e) {
            throw TextFile.notUtf8(table);
        }
        if (reader.rows.isEmpty()) {
            throw new DataFormatException(table, "has no rows");
        }
        return new FileSource(reader.rows, limits);
    }

    private void readCsv() throws IOException {
        boolean tabs = table.toString().toLowerCase(Locale.ROOT).endsWith(".tsv");
        CSVFormat format = (tabs ? CSVFormat.TDF : CSVFormat.RFC4180)
                .builder()
                .setHeader()
                .setSkipHeaderRecord(true)
                .setIgnoreSurroundingSpaces(false)
                .setIgnoreEmptyLines(true)
                .get();
        try (BufferedReader in = TextFile.open(table);
                CSVParser parser =
                        CSVParser.builder().setReader(in).setFormat(format).get()) {
            String image = column(parser, options.image(), IMAGE_COLUMNS, "image");
            String caption = column(parser, options.caption(), CAPTION_COLUMNS, "caption");
            for (CSVRecord row : parser) {
                if (!row.isSet(image) || !row.isSet(caption)) {
                    throw wrongLine(parser.getCurrentLineNumber(), "has too few columns");
                }
                add(parser.getCurrentLineNumber(), row.get(image), List.of(row.get(caption)));
            }
        } catch (UncheckedIOException e) {
            if (e.getCause() instanceof CharacterCodingException wrong) {
                throw wrong;
            }
            throw new DataFormatException(table.toString(), firstLine(e), e);
        } catch (IllegalArgumentException e) {
            throw new DataFormatException(table + ": header", firstLine(e), e);
        }
    }

    private String column(CSVParser parser, Optional<String> wanted, List<String> usual, String what) {
        List<String> names = parser.getHeaderNames();
        List<String> candidates = wanted.map(List::of).orElse(usual);
        return candidates.stream()
                .filter(names::contains)
                .findFirst()
                .orElseThrow(() -> new DataFormatException(
                        table,
                        "header",
                        "has no column " + String.join(" or ", candidates) + " for the " + what + "s, only "
                                + String.join(", ", names) + "; rename the one that is meant, or name it by --" + what
                                + "-column, in training model.data." + what + "_column"));
    }

    private void readJsonLines() throws IOException {
        List<String> imageKeys = options.image().map(List::of).orElse(IMAGE_COLUMNS);
        List<String> captionKeys = options.caption().map(List::of).orElse(CAPTION_KEYS);
        try (BufferedReader in = TextFile.open(table)) {
            long number = 0;
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                number++;
                if (line.isBlank()) {
                    continue;
                }
                JsonNode row = parse(line, number);
                String image = imageKeys.stream()
                        .map(row::path)
                        .filter(JsonNode::isTextual)
                        .map(JsonNode::textValue)
                        .findFirst()
                        .orElse(null);
                List<String> captions = CaptionJson.captions(row, captionKeys);
                if (image == null || captions.isEmpty()) {
                    throw wrongLine(
                            number,
                            "needs a path under " + String.join(" or ", imageKeys) + " and a caption under "
                                    + String.join(" or ", captionKeys));
                }
                add(number, image, captions);
            }
        }
    }

    private JsonNode parse(String line, long number) {
        try {
            return JSON.readTree(line);
        } catch (JsonProcessingException e) {
            throw wrongLine(number, "is no JSON object: " + e.getOriginalMessage());
        }
    }

    private void add(long line, String image, List<String> captions) {
        Path path;
        try {
            path = root.resolve(image).normalize();
        } catch (InvalidPathException e) {
            throw wrongLine(line, "holds no valid path: " + DataFormatException.quote(image));
        }
        if (image.isEmpty() || !path.startsWith(root) || path.equals(root)) {
            throw wrongLine(
                    line,
                    "the path " + DataFormatException.quote(image) + " leaves the folder " + root
                            + "; put the table into a folder above the pictures, or name one by --image-root, in training"
                            + " model.data.image_root");
        }
        rows.add(new FileSource.Row(image, path, captions, OptionalInt.empty()));
    }

    private DataFormatException wrongLine(long line, String problem) {
        return new DataFormatException(table, "line " + line, problem);
    }

    private static String firstLine(Exception e) {
        return String.valueOf(e.getMessage()).lines().findFirst().orElse("unreadable");
    }
}
