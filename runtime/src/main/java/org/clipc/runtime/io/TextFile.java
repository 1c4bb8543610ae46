package org.clipc.runtime.io;

import java.io.BufferedInputStream;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Reads files of lines in UTF-8, with or without a byte order mark. */
public final class TextFile {
    private static final char BYTE_ORDER_MARK = '\ufeff';

    private TextFile() {}

    /**
     * All lines.
     *
     * @throws DataFormatException naming the line that is not UTF-8
     */
    public static List<String> readLines(Path file) throws IOException {
        var lines = new ArrayList<String>();
        try (BufferedReader in = open(file)) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                lines.add(line);
            }
        } catch (CharacterCodingException e) {
            throw notUtf8(file);
        }
        return lines;
    }

    /**
     * A reader that starts after the byte order mark.
     *
     * @throws CharacterCodingException as the reader does, when it meets what is not UTF-8
     */
    @SuppressWarnings("MustBeClosed") // the caller closes it
    public static BufferedReader open(Path file) throws IOException {
        BufferedReader in = Files.newBufferedReader(file);
        try {
            in.mark(1);
            if (in.read() != BYTE_ORDER_MARK) {
                in.reset();
            }
            return in;
        } catch (IOException e) {
            in.close();
            throw e;
        }
    }

    /** Of a file that a reader has found not to be UTF-8: readers decode ahead, so the line is looked for anew. */
    public static DataFormatException notUtf8(Path file) throws IOException {
        long number = 1;
        try (var in = new BufferedInputStream(Files.newInputStream(file))) {
            var line = new ByteArrayOutputStream();
            for (int b = in.read(); ; b = in.read()) {
                if (b >= 0 && b != '\n') {
                    line.write(b);
                    continue;
                }
                if (b < 0 || !isUtf8(line.toByteArray())) {
                    break;
                }
                line.reset();
                number++;
            }
        }
        return new DataFormatException(
                file, "line " + number, "is not UTF-8: convert the file, as iconv -t UTF-8 does");
    }

    private static boolean isUtf8(byte[] line) {
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(line));
            return true;
        } catch (CharacterCodingException e) {
            return false;
        }
    }
}
