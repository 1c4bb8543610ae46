package org.clipc.compiler.elaborate;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.clipc.compiler.config.Suggestion;
import org.clipc.grammar.ClipSyntax;
import org.clipc.grammar.Parsed;
import org.clipc.grammar.ast.CompilationUnit;
import org.clipc.grammar.ast.Declaration;
import org.clipc.grammar.diagnostic.Diagnostic;
import org.clipc.grammar.diagnostic.SourceFile;
import org.clipc.grammar.diagnostic.SourceSpan;
import org.jspecify.annotations.Nullable;

/**
 * Reads a model's file and everything it imports. {@code import std.vision} is {@code <library>/std/vision.clip};
 * {@code import "parts/head.clip"} is relative to the importing file and stays in the folder of the model or the
 * library. A file sees its own declarations and those of the files it imports itself.
 */
final class SourceLoader {
    private final Path library;
    private final Path home;
    private final Reporter reporter;
    private final Map<Path, Unit> loaded = new LinkedHashMap<>();
    private final Map<SourceFile, String> shortNames = new LinkedHashMap<>();
    private final List<Path> open = new ArrayList<>();

    /** A file and the names visible in it. {@code types} are configuration types, which live apart from values. */
    record Unit(CompilationUnit tree, Path file, Map<String, Visible> visible) {}

    /** A declaration as seen from some file, and the file that makes it. */
    record Visible(Declaration declaration, Unit home) {}

    SourceLoader(Path model, Path library, Reporter reporter) {
        this.library = library.toAbsolutePath().normalize();
        this.home = Objects.requireNonNull(model.toAbsolutePath().normalize().getParent(), "the model has no folder");
        this.reporter = reporter;
    }

    /** Loads the main file; null if it could not be read at all. */
    @Nullable
    Unit load(Path file) {
        return load(file.toAbsolutePath().normalize(), file.toString());
    }

    /** Every file loaded, the main one first. */
    List<Unit> units() {
        return List.copyOf(loaded.values());
    }

    /** Name of a file in locations: relative to the model's folder or the library, so that it is the same everywhere. */
    String shortName(SourceFile file) {
        return shortNames.getOrDefault(file, file.name());
    }

    private @Nullable Unit load(Path file, String shown) {
        Unit known = loaded.get(file);
        if (known != null) {
            return known;
        }
        Parsed parsed = ClipSyntax.parse(shown, file);
        parsed.diagnostics().forEach(reporter::report);
        SourceFile source = parsed.unit().span().file();
        shortNames.put(source, shortName(file));
        var unit = new Unit(parsed.unit(), file, new LinkedHashMap<>());
        loaded.put(file, unit);
        declare(unit);
        open.add(file);
        for (CompilationUnit.Import imported : parsed.unit().imports()) {
            importInto(unit, file, imported);
        }
        open.removeLast();
        return unit;
    }

    private String shortName(Path file) {
        for (Path root : List.of(home, library)) {
            if (file.startsWith(root)) {
                return root.relativize(file).toString().replace('\\', '/');
            }
        }
        return String.valueOf(file.getFileName());
    }

    private void declare(Unit unit) {
        for (Declaration declaration : unit.tree.declarations()) {
            String name = declaration.name().text();
            SourceSpan span = declaration.name().span();
            Visible before = unit.visible.putIfAbsent(name, new Visible(declaration, unit));
            if (before != null) {
                reporter.report(Diagnostic.error(span, "`" + name + "` is declared twice in this file")
                        .label(before.declaration.name().span(), "first here"));
            } else if (Builtins.find(name) != null) {
                reporter.report(Diagnostic.error(span, "`" + name + "` is the name of a built-in function"));
            }
        }
    }

    private void importInto(Unit unit, Path importer, CompilationUnit.Import imported) {
        Path file = resolve(importer, imported);
        if (file == null) {
            return;
        }
        if (open.contains(file)) {
            List<String> cycle = new ArrayList<>();
            open.subList(open.indexOf(file), open.size()).forEach(p -> cycle.add(shortName(p)));
            cycle.add(shortName(file));
            reporter.error(imported.span(), "these files import each other: " + String.join(" → ", cycle));
            return;
        }
        Unit other = load(file, shown(file, imported));
        if (other == null) {
            return;
        }
        for (Declaration declaration : other.tree.declarations()) {
            String name = declaration.name().text();
            Visible before = unit.visible.putIfAbsent(name, new Visible(declaration, other));
            if (before != null && !before.home.file.equals(file)) {
                reporter.report(
                        Diagnostic.error(imported.span(), "this import brings a second `" + name + "` into the file")
                                .label(before.declaration.name().span(), "the first one")
                                .label(declaration.name().span(), "the second one"));
            }
        }
    }

    private String shown(Path file, CompilationUnit.Import imported) {
        if (!imported.relative()) {
            return file.toString();
        }
        Path here = Path.of(imported.span().file().name()).getParent();
        return here == null
                ? imported.path()
                : here.resolve(imported.path()).normalize().toString();
    }

    private @Nullable Path resolve(Path importer, CompilationUnit.Import imported) {
        SourceSpan span = imported.span();
        try {
            Path base = imported.relative() ? Objects.requireNonNull(importer.getParent()) : library;
            String path =
                    imported.relative() ? imported.path() : imported.path().replace('.', '/') + ".clip";
            Path file = base.resolve(path).normalize();
            if (!path.endsWith(".clip")) {
                reporter.error(span, "an imported file's name ends in .clip");
            } else if (Path.of(path).isAbsolute() || !(file.startsWith(home) || file.startsWith(library))) {
                reporter.report(Diagnostic.error(span, "this import leaves the model's folder")
                        .note("files can be imported from " + home + " and below"));
            } else if (!Files.isRegularFile(file)) {
                Diagnostic missing = Diagnostic.error(span, "there is no file " + file);
                String hint = Suggestion.among(path, siblings(base, path));
                reporter.report(hint.isEmpty() ? missing : missing.note(hint.substring(2)));
            } else {
                return file;
            }
        } catch (InvalidPathException e) {
            reporter.error(span, "this is no path: " + e.getReason());
        }
        return null;
    }

    private static List<String> siblings(Path base, String path) {
        Path folder = base.resolve(path).normalize().getParent();
        if (folder == null || !Files.isDirectory(folder)) {
            return List.of();
        }
        try (var files = Files.list(folder)) {
            return files.map(f -> base.relativize(f).toString().replace('\\', '/'))
                    .filter(name -> name.endsWith(".clip"))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            return List.of();
        }
    }
}
