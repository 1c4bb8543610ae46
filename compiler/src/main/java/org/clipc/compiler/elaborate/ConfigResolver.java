package org.clipc.compiler.elaborate;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.clipc.compiler.config.RecipeSchema;
import org.clipc.compiler.config.Setting;
import org.clipc.compiler.config.Suggestion;
import org.clipc.grammar.ast.Declaration;
import org.clipc.grammar.ast.Expr;
import org.clipc.grammar.ast.Member;
import org.clipc.grammar.ast.TypeRef;
import org.clipc.grammar.diagnostic.Diagnostic;
import org.clipc.grammar.diagnostic.SourceFile;
import org.clipc.grammar.diagnostic.SourceSpan;
import org.jspecify.annotations.Nullable;

/**
 * Values of a model's configuration. Each key takes the recipe's value if there is one, else what the model sets, else
 * its type's default, which may use the keys before it.
 */
final class ConfigResolver {
    /** Keys of towers that a recipe may also set once, beside the towers: {@code model.activations_checkpoint_method}. */
    private static final Set<String> FOR_ALL_TOWERS = Set.of(
            "activations_checkpoint_granularity", "activations_checkpoint_method", "activations_checkpoint_num_layers");

    private final Evaluator evaluator;
    private final Map<String, Setting> settings;
    private final Set<String> used = new HashSet<>();
    private final List<ConfigKey> schema = new ArrayList<>();

    /** Types whose keys are being given values. */
    private final Set<Declaration> underway = Collections.newSetFromMap(new IdentityHashMap<>());

    /** @param settings the recipe's, by dotted key relative to the model */
    ConfigResolver(Evaluator evaluator, Map<String, Setting> settings) {
        this.evaluator = evaluator;
        this.settings = settings;
    }

    List<ConfigKey> schema() {
        return List.copyOf(schema);
    }

    /** The value of a {@code config} member of the model. */
    Val member(Member.Config member, Scope scope) {
        String name = member.name().text();
        if (scope.find(typeName(member.type())) instanceof Val.ConfigType type) {
            if (member.value() != null) {
                Val value = evaluator.inner(member.value(), scope);
                return evaluator
                        .types()
                        .match(
                                member.type(),
                                value,
                                scope,
                                "`" + name + "`",
                                member.value().span());
            }
            return instance(type, name, member.overrides(), scope);
        }
        if (!member.overrides().isEmpty()) {
            throw new Fault(member.type().span(), "only a configuration type has keys to set in braces");
        }
        return key(name, name, member.type(), scope, member.value(), scope, member.doc(), member.span());
    }

    private static String typeName(TypeRef type) {
        return type instanceof TypeRef.Named named ? named.name() : "";
    }

    private Val instance(Val.ConfigType type, String path, List<Member.Setting> overrides, Scope outer) {
        if (!underway.add(type.declaration())) {
            throw new Fault(
                    type.declaration().name().span(),
                    "`" + type.declaration().name() + "` has a key of its own type, and so would never end");
        }
        try {
            return keys(type, path, overrides, outer);
        } finally {
            underway.remove(type.declaration());
        }
    }

    private Val keys(Val.ConfigType type, String path, List<Member.Setting> overrides, Scope outer) {
        ConfigLayout layout = ConfigLayout.of(type);
        List<String> names = layout.keys().stream().map(ConfigLayout.Key::name).toList();
        Map<String, Expr> given = overrides(type.declaration(), names, overrides);
        Map<String, Val> values = new LinkedHashMap<>();
        // A default sees the file that declares its key, and the keys before it.
        Map<Scope, Scope> inside = new LinkedHashMap<>();
        layout.keys().forEach(k -> inside.computeIfAbsent(k.file(), Scope::new));
        for (ConfigLayout.Key key : layout.keys()) {
            Scope scope = Objects.requireNonNull(inside.get(key.file()));
            Val value = evaluator
                    .reporter()
                    .guard(() -> keyOf(key.declaration(), path, given.get(key.name()), scope, outer));
            for (Scope each : inside.values()) {
                each.define(key.declaration().name(), value);
            }
            values.put(key.name(), value);
        }
        return new Val.Config(layout.types(), values);
    }

    private Map<String, Expr> overrides(
            Declaration.ConfigType type, List<String> names, List<Member.Setting> overrides) {
        Map<String, Expr> given = new LinkedHashMap<>();
        for (Member.Setting override : overrides) {
            String name = override.key().text();
            if (!names.contains(name)) {
                evaluator
                        .reporter()
                        .error(
                                override.key().span(),
                                type.name() + " has no key `" + name + "`" + Suggestion.among(name, names));
            } else if (given.put(name, override.value()) != null) {
                evaluator.reporter().error(override.key().span(), "`" + name + "` is set twice");
            }
        }
        return given;
    }

    private Val keyOf(Declaration.Key key, String path, @Nullable Expr own, Scope inside, Scope outer) {
        String name = key.name().text();
        String keyPath = Site.join(path, name);
        if (own == null && key.value() == null && inside.find(typeName(key.type())) instanceof Val.ConfigType nested) {
            return instance(nested, keyPath, List.of(), inside);
        }
        Expr source = own == null ? key.value() : own;
        return key(name, keyPath, key.type(), inside, source, own == null ? inside : outer, key.doc(), key.span());
    }

    private Val key(
            String name,
            String path,
            TypeRef type,
            Scope typeScope,
            @Nullable Expr source,
            Scope sourceScope,
            String doc,
            SourceSpan span) {
        if (type instanceof TypeRef.Named named
                && !Types.SCALARS.contains(named.name())
                && !(typeScope.find(named.name()) instanceof Val.ConfigType)) {
            throw evaluator.types().unknown(named, typeScope);
        }
        Setting setting = setting(name, path);
        Val value;
        if (setting != null && setting.value() != null) {
            value = fromSetting(path, type, typeScope, setting);
        } else if (source != null) {
            Val given = evaluator.inner(source, sourceScope);
            value = evaluator.types().match(type, given, typeScope, "`" + name + "`", source.span());
        } else {
            schema.add(describe(path, type, null, doc, span));
            throw new Fault(span, "`" + path + "` has no value: set model." + path + " in the recipe");
        }
        schema.add(describe(path, type, value, doc, span));
        return value;
    }

    /** The recipe's for the key itself, else for all towers. */
    private @Nullable Setting setting(String name, String path) {
        used.add(path);
        if (FOR_ALL_TOWERS.contains(name)) {
            used.add(name);
            Setting own = settings.get(path);
            return own == null || own.value() == null ? settings.get(name) : own;
        }
        return settings.get(path);
    }

    private Val fromSetting(String path, TypeRef type, Scope scope, Setting setting) {
        SourceSpan origin = new SourceFile(setting.origin().toString(), "").span(0, 0);
        Val value = switch (setting.value()) {
            case Long l when typeName(type).equals("string") -> new Val.Text(String.valueOf(l));
            case Long l -> new Val.Int(l);
            case Double d -> new Val.Real(d);
            case Boolean b -> new Val.Bool(b);
            case String s -> new Val.Text(s);
            case null, default ->
                throw new Fault(origin, "model." + path + " cannot be a list or empty")
                        .note("it is " + type.span().text());
        };
        return evaluator.types().match(type, value, scope, "model." + path, origin);
    }

    private static ConfigKey describe(String path, TypeRef type, @Nullable Val value, String doc, SourceSpan span) {
        List<String> allowed = type instanceof TypeRef.Enumerated e ? e.values() : List.of();
        String name = type instanceof TypeRef.Named n ? n.name() : "string";
        return new ConfigKey(path, name, allowed, value == null ? null : plain(value), doc, span);
    }

    /** A compile-time value as Java's own: Long, Double, Boolean, String; null for anything else. */
    static @Nullable Object plain(Val value) {
        return switch (value) {
            case Val.Int i -> i.value();
            case Val.Real r -> r.value();
            case Val.Bool b -> b.value();
            case Val.Text t -> t.value();
            case Val.Config c -> {
                Map<String, Object> tree = new LinkedHashMap<>();
                c.values().forEach((key, v) -> {
                    Object plain = plain(v);
                    if (plain != null) {
                        tree.put(key, plain);
                    }
                });
                yield tree;
            }
            default -> null;
        };
    }

    /** Reports the settings that no key took. */
    void reportUnused() {
        List<String> known = schema.stream().map(key -> "model." + key.path()).toList();
        // Who misspells one of the recipe's own keys below `model` ends up here too.
        List<String> candidates = new ArrayList<>(known);
        candidates.addAll(RecipeSchema.names());
        settings.forEach((path, setting) -> {
            if (!used.contains(path)) {
                SourceSpan origin = new SourceFile(setting.origin().toString(), "").span(0, 0);
                boolean group = Suggestion.isGroup("model." + path, candidates);
                evaluator
                        .reporter()
                        .report(Diagnostic.error(
                                origin,
                                group
                                        ? "model." + path + " is a group of keys and has no value of its own"
                                        : "the model has no key 'model." + path + "'"
                                                + Suggestion.amongKeys("model." + path, candidates)));
            }
        });
    }
}
