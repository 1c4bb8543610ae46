package org.clipc.runtime.cli;

/** A command line that asks for what cannot be, in words for the user. */
final class CliException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    CliException(String message) {
        super(message);
    }
}
