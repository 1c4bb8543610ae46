package org.clipc.compiler.accumulate;

/** A model whose loss cannot be computed of a batch in micro-batches. */
public final class AccumulationException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public AccumulationException(String message) {
        super(message);
    }
}
