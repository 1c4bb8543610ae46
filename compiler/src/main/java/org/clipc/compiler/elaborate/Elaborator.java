package org.clipc.compiler.elaborate;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.clipc.compiler.config.Setting;
import org.clipc.grammar.ast.Declaration;
import org.clipc.grammar.ast.Member;
import org.clipc.grammar.diagnostic.Diagnostic;
import org.clipc.grammar.diagnostic.SourceSpan;
import org.jspecify.annotations.Nullable;

/** The way from a {@code .clip} file to a checked model. Errors of any kind are diagnostics, all that can be found at once. */
public final class Elaborator {
    // Any batch shows errors in shapes; this one is seldom another dimension's size, and divisible as batches tend to
    // be.
    private static final int CHECKED_BATCH = 6;

    private final Reporter reporter = new Reporter();
    private final SourceLoader loader;
    private final FileScopes scopes = new FileScopes();

    private Elaborator(Path model, Path library) {
        this.loader = new SourceLoader(model, library, reporter);
    }

    /**
     * Loads and checks a model.
     *
     * @param model a file that declares one {@code model}
     * @param library the folder that {@code import std.vision} looks in for {@code std/vision.clip}
     * @param settings values of configuration keys by dotted name relative to the model ({@code vision.patch_dim}); a
     *     null value leaves the key as it is
     */
    public static Elaborated load(Path model, Path library, Map<String, Setting> settings) {
        var elaborator = new Elaborator(model, library);
        try {
            ElaboratedModel result = elaborator.run(model, settings);
            return new Elaborated(elaborator.reporter.hasErrors() ? null : result, elaborator.reporter.all());
        } catch (Limits.Exceeded exceeded) {
            elaborator.reporter.report(exceeded.diagnostic());
            return new Elaborated(null, elaborator.reporter.all());
        }
    }

    /**
     * Checks a file that need not declare a model, such as one of the library: its syntax, its imports and its names; a
     * model in it is elaborated too.
     */
    public static List<Diagnostic> check(Path file, Path library) {
        var elaborator = new Elaborator(file, library);
        SourceLoader.Unit unit = elaborator.sources(file);
        boolean model =
                unit != null && unit.tree().declarations().stream().anyMatch(Declaration.Model.class::isInstance);
        return model ? load(file, library, Map.of()).diagnostics() : elaborator.reporter.all();
    }

    /** The main file, after all sources are read and their names checked; null if it is unusable. */
    private SourceLoader.@Nullable Unit sources(Path file) {
        SourceLoader.Unit unit = loader.load(file);
        if (unit == null || reporter.hasErrors()) {
            return null;
        }
        for (SourceLoader.Unit each : loader.units()) {
            reporter.guard(() -> {
                NameCheck.check(each.tree().declarations(), scopes.of(each), reporter);
                return Val.Poison.POISON; // nothing to evaluate
            });
        }
        return unit;
    }

    private @Nullable ElaboratedModel run(Path file, Map<String, Setting> settings) {
        SourceLoader.Unit unit = sources(file);
        if (unit == null) {
            return null;
        }
        Declaration.Model model = theModel(unit);
        if (model == null) {
            return null;
        }
        var evaluator = new Evaluator(reporter, null);
        var configs = new ConfigResolver(evaluator, settings);
        var instantiator = new Instantiator(evaluator, configs);
        Instance root = instantiator.model(model, scopes.of(unit));
        configs.reportUnused();
        ProgramNames.check(instantiator.entries().values(), instantiator.parameters(), reporter);
        instantiator.entries().values().forEach(entry -> {
            for (boolean training : List.of(false, true)) {
                EntryBuilder.build(entry, root, CHECKED_BATCH, training, 1, loader::shortName, reporter);
            }
        });
        return new ElaboratedModel(
                model.name().text(),
                config(model.members(), root),
                configs.schema(),
                instantiator.parameters(),
                root,
                instantiator.entries(),
                loader::shortName);
    }

    private Declaration.@Nullable Model theModel(SourceLoader.Unit unit) {
        List<Declaration.Model> models = unit.tree().declarations().stream()
                .filter(Declaration.Model.class::isInstance)
                .map(Declaration.Model.class::cast)
                .toList();
        if (models.size() == 1) {
            return models.getFirst();
        }
        SourceSpan start = unit.tree().span().file().span(0, 0);
        if (models.isEmpty()) {
            reporter.error(start, "this file declares no `model`");
        } else {
            reporter.report(Diagnostic.error(models.get(1).name().span(), "a file can declare one `model` only")
                    .label(models.getFirst().name().span(), "the first one"));
        }
        return null;
    }

    private static Map<String, Object> config(List<Member> members, Instance root) {
        Map<String, Object> tree = new LinkedHashMap<>();
        for (Member member : members) {
            if (member instanceof Member.Config c) {
                Val value = root.scope().own(c.name().text());
                Object plain = value == null ? null : ConfigResolver.plain(value);
                if (plain != null) {
                    tree.put(c.name().text(), plain);
                }
            }
        }
        return tree;
    }
}
