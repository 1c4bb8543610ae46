package org.clipc.compiler.elaborate;

import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import org.clipc.grammar.ast.Identifier;
import org.clipc.grammar.diagnostic.Diagnostic;
import org.clipc.grammar.diagnostic.SourceSpan;
import org.jspecify.annotations.Nullable;

/** Names and what they mean, within an enclosing scope. */
final class Scope {
    private final @Nullable Scope parent;
    private final Map<String, Entry> entries = new LinkedHashMap<>();

    private static final class Entry {
        private Val value;
        private final boolean mutable;
        private final SourceSpan span;

        Entry(Val value, boolean mutable, SourceSpan span) {
            this.value = value;
            this.mutable = mutable;
            this.span = span;
        }
    }

    Scope(@Nullable Scope parent) {
        this.parent = parent;
    }

    @Nullable
    Val find(String name) {
        for (Scope scope = this; scope != null; scope = scope.parent) {
            Entry entry = scope.entries.get(name);
            if (entry != null) {
                return entry.value;
            }
        }
        return null;
    }

    /** What this scope itself, not an enclosing one, says of a name. */
    @Nullable
    Val own(String name) {
        Entry entry = entries.get(name);
        return entry == null ? null : entry.value;
    }

    /** Names of this scope itself. */
    Set<String> ownNames() {
        return entries.keySet();
    }

    /** @throws Fault if this scope has the name already */
    void define(Identifier name, Val value) {
        define(name.text(), value, false, name.span());
    }

    /** @throws Fault if this scope has the name already */
    void define(String name, Val value, boolean mutable, SourceSpan span) {
        Entry before = entries.putIfAbsent(name, new Entry(value, mutable, span));
        if (before != null) {
            throw new Fault(
                    Diagnostic.error(span, "`" + name + "` is already defined").label(before.span, "defined here"));
        }
    }

    /** @throws Fault if there is no such variable, or it was not declared with {@code var} */
    void assign(Identifier name, Val value) {
        for (Scope scope = this; scope != null; scope = scope.parent) {
            Entry entry = scope.entries.get(name.text());
            if (entry != null) {
                if (!entry.mutable) {
                    throw new Fault(Diagnostic.error(name.span(), "`" + name + "` cannot be changed: it is no `var`")
                            .label(entry.span, "defined here"));
                }
                entry.value = value;
                return;
            }
        }
        throw new Fault(name.span(), "there is no variable `" + name + "` to assign to")
                .note("a new value is introduced with `let " + name + " = …`");
    }

    /** All visible names, innermost first. */
    Set<String> names() {
        Set<String> names = new LinkedHashSet<>();
        for (Scope scope = this; scope != null; scope = scope.parent) {
            names.addAll(scope.entries.keySet());
        }
        return names;
    }
}
