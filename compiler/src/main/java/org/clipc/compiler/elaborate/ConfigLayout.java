package org.clipc.compiler.elaborate;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.clipc.compiler.config.Suggestion;
import org.clipc.grammar.ast.Declaration;
import org.clipc.grammar.ast.Identifier;
import org.clipc.grammar.diagnostic.Diagnostic;

/**
 * The keys of a configuration type, those of the type it extends first. A key declared again keeps its place and takes
 * the new type and default.
 *
 * @param types names of the type and of those it extends
 */
record ConfigLayout(List<String> types, List<Key> keys) {

    /** A key and the scope of the file that declares it. */
    record Key(Declaration.Key declaration, Scope file) {
        String name() {
            return declaration.name().text();
        }
    }

    static ConfigLayout of(Val.ConfigType type) {
        List<String> types = new ArrayList<>();
        Map<String, Key> keys = new LinkedHashMap<>();
        collect(type, types, keys);
        return new ConfigLayout(List.copyOf(types), List.copyOf(keys.values()));
    }

    private static void collect(Val.ConfigType type, List<String> types, Map<String, Key> keys) {
        Declaration.ConfigType declaration = type.declaration();
        Identifier base = declaration.base();
        if (types.contains(declaration.name().text())) {
            throw new Fault(declaration.name().span(), "this configuration type extends itself");
        }
        types.add(declaration.name().text());
        if (base != null) {
            if (!(type.scope().find(base.text()) instanceof Val.ConfigType extended)) {
                throw new Fault(
                        base.span(),
                        "there is no configuration type `" + base + "`"
                                + Suggestion.among(base.text(), type.scope().names()));
            }
            collect(extended, types, keys);
        }
        Map<String, Declaration.Key> own = new LinkedHashMap<>();
        for (Declaration.Key key : declaration.keys()) {
            Declaration.Key before = own.putIfAbsent(key.name().text(), key);
            if (before != null) {
                throw new Fault(Diagnostic.error(key.name().span(), "`" + key.name() + "` is declared twice")
                        .label(before.name().span(), "first here"));
            }
            keys.put(key.name().text(), new Key(key, type.scope()));
        }
    }
}
