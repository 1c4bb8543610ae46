package org.clipc.grammar.ast;

import java.util.List;
import org.clipc.grammar.diagnostic.SourceSpan;
import org.jspecify.annotations.Nullable;

/** What stands in a module or a model. */
public sealed interface Member {
    SourceSpan span();

    /**
     * {@code config name: Type { key = value … }} or {@code config name: int = 3}: a value that the YAML file and the
     * command line can override.
     *
     * @param overrides of an instance of a configuration type
     * @param value of a plain value
     */
    record Config(
            Identifier name,
            TypeRef type,
            List<Setting> overrides,
            @Nullable Expr value,
            String doc,
            SourceSpan span) implements Member {
        public Config {
            overrides = List.copyOf(overrides);
        }
    }

    /** {@code key = value} in a configuration instance. */
    record Setting(Identifier key, Expr value, SourceSpan span) {}

    /** {@code param name: type = init modifiers}. */
    record Param(
            Identifier name,
            TypeRef.Tensor type,
            Expr init,
            List<Modifier> modifiers,
            @Nullable Frozen frozen,
            String doc,
            SourceSpan span)
            implements Member {
        public Param {
            modifiers = List.copyOf(modifiers);
        }
    }

    /** {@code decay}, {@code shard(tp, 0)}, … after a parameter's initialiser. */
    record Modifier(Identifier name, List<Argument> arguments, SourceSpan span) {
        public Modifier {
            arguments = List.copyOf(arguments);
        }
    }

    /** {@code frozen} or {@code frozen(condition)} before a parameter or a sub-module: it is not trained. */
    record Frozen(@Nullable Expr condition, SourceSpan span) {}

    /**
     * {@code name = Module(…)}.
     *
     * @param inline whether its parameters join the name space of the enclosing module
     */
    record SubModule(
            Identifier name,
            Expr value,
            boolean inline,
            @Nullable Frozen frozen,
            String doc,
            SourceSpan span) implements Member {}

    /** {@code let name = expr}: a compile-time value. */
    record Let(Identifier name, Expr value, SourceSpan span) implements Member {}

    /** {@code assert condition, "message"}, checked when the module is instantiated. */
    record Assert(Expr condition, @Nullable String message, SourceSpan span) implements Member {}

    /** {@code if condition { … } else { … }} over a compile-time condition. */
    record Conditional(Expr condition, List<Member> then, List<Member> otherwise, SourceSpan span) implements Member {
        public Conditional {
            then = List.copyOf(then);
            otherwise = List.copyOf(otherwise);
        }
    }

    /** A function of the module. */
    record Method(Function function) implements Member {
        @Override
        public SourceSpan span() {
            return function.span();
        }
    }

    /** {@code entry name(…)}: a function that the compiled program offers. */
    record Entry(Function function) implements Member {
        @Override
        public SourceSpan span() {
            return function.span();
        }
    }
}
