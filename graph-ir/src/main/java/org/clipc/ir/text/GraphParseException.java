package org.clipc.ir.text;

/** Text that is no graph; the message starts with file, line and column. */
public final class GraphParseException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    GraphParseException(String message) {
        super(message);
    }
}
