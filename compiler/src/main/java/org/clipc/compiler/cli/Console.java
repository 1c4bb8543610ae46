package org.clipc.compiler.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.List;
import java.util.Objects;
import org.clipc.grammar.diagnostic.Diagnostic;
import org.clipc.grammar.diagnostic.DiagnosticPrinter;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;

/** Where a command's words go: results to the standard output, everything about them to the standard error. */
record Console(PrintWriter out, PrintWriter err) {

    static Console of(CommandLine command) {
        return new Console(command.getOut(), command.getErr());
    }

    /** @param spec of a command that picocli is running, and has told so */
    static Console of(@Nullable CommandSpec spec) {
        return of(Objects.requireNonNull(spec).commandLine());
    }

    void error(String message) {
        err.println("clipc: " + message);
    }

    void diagnostics(List<Diagnostic> diagnostics) {
        var printer = Clipc.colors() ? DiagnosticPrinter.colored() : DiagnosticPrinter.plain();
        err.print(printer.print(diagnostics));
        err.flush();
    }

    /** What went wrong with a file, for people. */
    static String describe(IOException e) {
        return switch (e) {
            case NoSuchFileException missing -> missing.getFile() + ": no such file or folder";
            case AccessDeniedException denied -> denied.getFile() + ": permission denied";
            case FileSystemException file ->
                file.getFile() + ": " + (file.getReason() == null ? "cannot be accessed" : file.getReason());
            default -> String.valueOf(e.getMessage());
        };
    }
}
