package org.clipc.compiler.cli;

/** Ends a command with exit code 2; what was wrong has been printed. */
final class SaidAlready extends RuntimeException {

    private static final long serialVersionUID = 1L;
}
