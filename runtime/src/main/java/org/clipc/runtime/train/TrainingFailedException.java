package org.clipc.runtime.train;

/** Training that cannot go on, in words for the user. */
public final class TrainingFailedException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public TrainingFailedException(String message) {
        super(message);
    }
}
