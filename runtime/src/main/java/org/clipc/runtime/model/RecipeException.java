package org.clipc.runtime.model;

/** A setting that is unknown, cannot change, or has a value of the wrong kind. */
public final class RecipeException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public RecipeException(String message) {
        super(message);
    }
}
