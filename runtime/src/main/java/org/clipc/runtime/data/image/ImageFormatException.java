package org.clipc.runtime.data.image;

import java.io.IOException;

/** Bytes that hold no picture that can be decoded: damaged, too large, or of no known format. */
public final class ImageFormatException extends IOException {
    private static final long serialVersionUID = 1L;

    public ImageFormatException(String problem) {
        super(problem);
    }

    public ImageFormatException(String problem, Throwable cause) {
        super(problem, cause);
    }
}
