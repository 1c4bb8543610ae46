package org.clipc.compiler.elaborate;

/** Gives up an expression because a part of it is in error, which has been reported. */
final class Poisoned extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Poisoned() {
        super("an error reported before", null, false, false);
    }
}
