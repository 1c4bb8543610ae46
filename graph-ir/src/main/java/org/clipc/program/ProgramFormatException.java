package org.clipc.program;

import java.io.IOException;
import java.nio.file.Path;

/** A program file that cannot be used. The message names the file, the member at fault and what is wrong with it. */
public final class ProgramFormatException extends IOException {

    private static final long serialVersionUID = 1L;

    public ProgramFormatException(Path file, String problem) {
        super(file + ": " + problem);
    }

    public ProgramFormatException(Path file, String member, String problem) {
        super(file + ": " + member + ": " + problem);
    }
}
