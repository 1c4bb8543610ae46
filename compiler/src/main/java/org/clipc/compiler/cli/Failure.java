package org.clipc.compiler.cli;

/** Something that the user can put right: the message says what and how. Ends the command with exit code 2. */
final class Failure extends RuntimeException {

    private static final long serialVersionUID = 1L;

    Failure(String message) {
        super(message);
    }
}
