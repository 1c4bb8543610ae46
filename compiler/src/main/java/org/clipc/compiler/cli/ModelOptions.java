package org.clipc.compiler.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.clipc.compiler.config.Recipe;
import org.clipc.compiler.elaborate.Elaborated;
import org.clipc.compiler.elaborate.Elaborator;
import org.clipc.grammar.diagnostic.Diagnostic;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Options that say how a model is configured, and where its imports are found. */
final class ModelOptions {

    private static final String YAML = ".yaml";

    @Option(
            names = "--config",
            paramLabel = "RECIPE",
            description = "YAML recipe; without it configs/<name of the model file>.yaml beside the model's folder, if"
                    + " there is one. 'none' for the model's own defaults.")
    private @Nullable String config;

    @Option(
            names = "--library",
            paramLabel = "FOLDER",
            description = "Where `import std.vision` looks for std/vision.clip (default: clip-graphs of this clipc).")
    private @Nullable Path library;

    /**
     * The model that a file names: a recipe, whose settings are used then, stands for the model of its name in the library.
     *
     * @throws Failure if there is no such model
     */
    Path modelOf(Path file) {
        var name = String.valueOf(file.getFileName());
        if (!name.endsWith(YAML)) {
            return file;
        }
        if (config != null) {
            throw new Failure("--config goes with a model; " + file + " is a recipe itself");
        }
        var model = library().resolve(name.substring(0, name.length() - YAML.length()) + ".clip");
        if (!Files.isRegularFile(model)) {
            throw new Failure("%s: there is no model %s for this recipe; name the model, and the recipe with --config"
                    .formatted(file, shortened(model)));
        }
        config = file.toString();
        return shortened(model);
    }

    /** The recipe for a model file, overrides on top. */
    Recipe recipe(Path file, List<String> overrides) {
        return Recipe.read(recipeFile(file), overrides);
    }

    private @Nullable Path recipeFile(Path file) {
        if (config != null) {
            if (config.equals("none")) {
                return null;
            }
            var path = Path.of(config);
            if (Files.isDirectory(path)) {
                throw new Failure(path + ": this is a folder, not a YAML recipe");
            }
            return path;
        }
        var name = file.getFileName() == null ? "" : file.getFileName().toString();
        var stem = name.endsWith(".clip") ? name.substring(0, name.length() - ".clip".length()) : name;
        var parent = file.toAbsolutePath().normalize().getParent();
        var root = parent == null ? null : parent.getParent();
        if (root == null) {
            return null;
        }
        var beside = root.resolve("configs").resolve(stem + ".yaml");
        return Files.isRegularFile(beside) ? shortened(beside) : null;
    }

    /** As seen from the working folder where that is shorter. */
    private static Path shortened(Path path) {
        var here = Path.of("").toAbsolutePath();
        return path.startsWith(here) ? here.relativize(path) : path;
    }

    Elaborated elaborate(Path file, Recipe recipe) {
        return Elaborator.load(file, library(), recipe.modelSettings());
    }

    /** What is wrong with a file that declares no model. */
    List<Diagnostic> checkLibrary(Path file) {
        return Elaborator.check(file, library());
    }

    /** A model that is free of errors, or the failure that lists them all. */
    LoadedModel load(Path file, List<String> overrides, Console console) {
        var recipe = recipe(file, overrides);
        var elaborated = elaborate(file, recipe);
        recipe.problems().forEach(console::error);
        console.diagnostics(elaborated.diagnostics());
        var model = elaborated.model();
        if (model == null || !recipe.problems().isEmpty()) {
            throw new SaidAlready();
        }
        var shorter = ShorterTexts.of(model, recipe, settings -> Elaborator.load(file, library(), settings));
        return new LoadedModel(file, model, shorter, recipe);
    }

    Path library() {
        if (library != null) {
            if (!Files.isDirectory(library)) {
                throw new Failure(library + ": there is no such folder to be the library");
            }
            return library;
        }
        var home = System.getProperty("clipc.home");
        if (home == null) {
            throw new Failure(
                    "say with --library where the standard library is: the folder that holds std/vision.clip");
        }
        return Path.of(home).resolve("clip-graphs");
    }
}
