package org.clipc.runtime.io;

import java.nio.file.Path;

/**
 * A file or another outside input that does not hold what it should. The message alone is meant for the user: it names
 * the file, the place in it and what is wrong, and is printed without a stack trace.
 */
public final class DataFormatException extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private static final int LONGEST_QUOTE = 80;

    private final String source;

    public DataFormatException(String source, String problem) {
        super(source + ": " + problem);
        this.source = source;
    }

    public DataFormatException(Path file, String problem) {
        this(file.toString(), problem);
    }

    public DataFormatException(Path file, String place, String problem) {
        this(file + ": " + place, problem);
    }

    public DataFormatException(String source, String problem, Throwable cause) {
        super(source + ": " + problem, cause);
        this.source = source;
    }

    /** The file (and place) at fault, as it stands at the start of the message. */
    public String source() {
        return source;
    }

    /**
     * Outside text made fit for a one-line message: control characters and unpaired surrogates replaced, long text cut.
     */
    public static String quote(String text) {
        var shown = new StringBuilder("'");
        text.codePoints().limit(LONGEST_QUOTE).forEach(c -> {
            int kind = Character.getType(c);
            boolean unprintable = Character.isISOControl(c)
                    || kind == Character.FORMAT
                    || kind == Character.SURROGATE
                    || kind == Character.LINE_SEPARATOR
                    || kind == Character.PARAGRAPH_SEPARATOR;
            shown.appendCodePoint(unprintable ? '?' : c);
        });
        if (text.codePointCount(0, text.length()) > LONGEST_QUOTE) {
            shown.append("…");
        }
        return shown.append("'").toString();
    }
}
