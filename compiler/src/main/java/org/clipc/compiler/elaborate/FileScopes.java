package org.clipc.compiler.elaborate;

import java.util.IdentityHashMap;
import org.clipc.grammar.ast.Declaration;

/** What names mean in each file: the built-ins, and the declarations the file sees. */
final class FileScopes {
    private final Scope builtins = Builtins.scope();
    private final IdentityHashMap<SourceLoader.Unit, Scope> scopes = new IdentityHashMap<>();

    Scope of(SourceLoader.Unit unit) {
        Scope known = scopes.get(unit);
        if (known != null) {
            return known;
        }
        var scope = new Scope(builtins);
        scopes.put(unit, scope); // before its contents: declarations of a file see each other
        unit.visible().forEach((name, visible) -> {
            Declaration declaration = visible.declaration();
            Scope home = of(visible.home());
            switch (declaration) {
                case Declaration.ConfigType c -> scope.define(c.name(), new Val.ConfigType(c, home));
                case Declaration.Module m -> scope.define(m.name(), new Val.ModuleType(m, home));
                case Declaration.TopFunction f -> {
                    if (!f.function().isAnonymous()) {
                        scope.define(f.name(), new Val.Callable(f.function(), home, null));
                    }
                }
                case Declaration.Model _ -> {} // models are not values
            }
        });
        return scope;
    }
}
