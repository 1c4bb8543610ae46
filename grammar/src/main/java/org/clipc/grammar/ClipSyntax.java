package org.clipc.grammar;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.antlr.v4.runtime.CharStreams;
import org.antlr.v4.runtime.CommonTokenStream;
import org.clipc.grammar.antlr.ClipLexer;
import org.clipc.grammar.antlr.ClipParser;
import org.clipc.grammar.antlr.DepthLimitedParser;
import org.clipc.grammar.ast.CompilationUnit;
import org.clipc.grammar.diagnostic.Diagnostic;
import org.clipc.grammar.diagnostic.SourceFile;
import org.clipc.grammar.diagnostic.SourceSpan;

/**
 * The way into the language: text to {@link CompilationUnit}, with every syntax error as a {@link Diagnostic}. Whatever
 * the input, the answer is a {@link Parsed}: never an exception, never a null.
 */
public final class ClipSyntax {
    /** Sources longer than this many characters are refused: no model needs a fraction of it. */
    public static final int MAX_LENGTH = 1 << 20;

    private static final int MAX_ERRORS = 25;

    private ClipSyntax() {}

    /** Reads and parses a file, which messages call {@code path}. */
    public static Parsed parse(Path path) {
        return parse(path.toString(), path);
    }

    /** Reads and parses a file, which messages call {@code name}. */
    public static Parsed parse(String name, Path path) {
        try {
            if (Files.isDirectory(path)) {
                return refused(new SourceFile(name, ""), "this is a folder, not a .clip file");
            }
            if (Files.size(path) > 4L * MAX_LENGTH) {
                return refused(new SourceFile(name, ""), tooLong());
            }
            return parse(name, Files.readAllBytes(path));
        } catch (NoSuchFileException e) {
            return refused(new SourceFile(name, ""), "no such file");
        } catch (IOException e) {
            return refused(new SourceFile(name, ""), "cannot be read: " + e.getMessage());
        }
    }

    /** Parses the bytes of a file, which must be UTF-8. */
    public static Parsed parse(String name, byte[] bytes) {
        try {
            String text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
            return parse(new SourceFile(name, text));
        } catch (CharacterCodingException e) {
            return refused(new SourceFile(name, ""), "this is not a text file (it is not valid UTF-8)");
        }
    }

    public static Parsed parse(SourceFile file) {
        String text = file.text();
        if (text.length() > MAX_LENGTH) {
            return refused(new SourceFile(file.name(), ""), tooLong());
        }
        if (text.indexOf('\0') >= 0) {
            return refused(new SourceFile(file.name(), ""), "this is not a text file (it holds zero bytes)");
        }
        return new Parse(file).run();
    }

    private static String tooLong() {
        return "the file is too large: a .clip file may have at most " + MAX_LENGTH + " characters";
    }

    private static Parsed refused(SourceFile file, String why) {
        SourceSpan nowhere = file.span(0, 0);
        return new Parsed(new CompilationUnit(List.of(), List.of(), nowhere), List.of(Diagnostic.error(nowhere, why)));
    }

    /** One run of the parser. */
    private static final class Parse {
        private final SourceFile file;
        private final CodePoints offsets;
        private final List<Diagnostic> diagnostics = new ArrayList<>();

        Parse(SourceFile file) {
            this.file = file;
            this.offsets = new CodePoints(file.text());
        }

        Parsed run() {
            var lexer = new ClipLexer(CharStreams.fromString(file.text()));
            lexer.removeErrorListeners();
            var tokens = new CommonTokenStream(lexer);
            tokens.fill();
            var checks = new TokenChecks(file, offsets);
            diagnostics.addAll(checks.check(tokens.getTokens()));

            var parser = new ClipParser(tokens);
            parser.removeErrorListeners();
            parser.addErrorListener(new SyntaxErrors(file, offsets, diagnostics, checks.unclosed()));
            parser.setErrorHandler(new Recovery());
            SourceSpan whole = file.span(0, file.text().length());
            var unit = new CompilationUnit(List.of(), List.of(), whole);
            try {
                ClipParser.UnitContext tree = parser.unit();
                unit = new AstBuilder(new ExprBuilder(file, offsets, diagnostics), tokens).unit(tree, whole);
            } catch (DepthLimitedParser.TooDeep e) {
                diagnostics.clear();
                diagnostics.add(Diagnostic.error(
                                offsets.span(file, e.token(), e.token()), "this is nested too deeply to be read")
                        .note("give parts of it names with `let`, or move them into functions"));
            }
            return new Parsed(unit, tidied());
        }

        /** In source order, one per line (what follows on the same line is mostly fallout), no endless lists. */
        private List<Diagnostic> tidied() {
            diagnostics.sort(Comparator.comparingInt(d -> d.span().start()));
            List<Diagnostic> kept = new ArrayList<>();
            int lastLine = 0;
            for (Diagnostic diagnostic : diagnostics) {
                if (diagnostic.span().line() != lastLine) {
                    kept.add(diagnostic);
                }
                lastLine = diagnostic.span().line();
            }
            if (kept.size() > MAX_ERRORS) {
                int more = kept.size() - MAX_ERRORS;
                Diagnostic last = kept.get(MAX_ERRORS - 1).note(more + " more syntax errors follow");
                kept = new ArrayList<>(kept.subList(0, MAX_ERRORS - 1));
                kept.add(last);
            }
            return kept;
        }
    }
}
