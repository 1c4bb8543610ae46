package org.clipc.grammar.ast;

import java.util.List;
import org.clipc.grammar.diagnostic.SourceSpan;
import org.jspecify.annotations.Nullable;

/** What stands at the top level of a file. {@code doc} is the text of its {@code ///} comments, perhaps empty. */
public sealed interface Declaration {
    /** The declared name. */
    Identifier name();

    String doc();

    SourceSpan span();

    /**
     * {@code config Name : Base { key: type = default … }}.
     *
     * @param base a configuration type whose keys this one has too, perhaps with other defaults
     */
    record ConfigType(Identifier name, @Nullable Identifier base, List<Key> keys, String doc, SourceSpan span)
            implements Declaration {
        public ConfigType {
            keys = List.copyOf(keys);
        }
    }

    /** One key of a configuration type; without a default it must be given. */
    record Key(Identifier name, TypeRef type, @Nullable Expr value, String doc, SourceSpan span) {}

    /** {@code module Name(parameters) { members }}. */
    record Module(Identifier name, List<Parameter> parameters, List<Member> members, String doc, SourceSpan span)
            implements Declaration {
        public Module {
            parameters = List.copyOf(parameters);
            members = List.copyOf(members);
        }
    }

    /** {@code model Name { members }}. */
    record Model(Identifier name, List<Member> members, String doc, SourceSpan span) implements Declaration {
        public Model {
            members = List.copyOf(members);
        }
    }

    /** A function outside any module. */
    record TopFunction(Function function) implements Declaration {
        @Override
        public Identifier name() {
            return function.name();
        }

        @Override
        public String doc() {
            return function.doc();
        }

        @Override
        public SourceSpan span() {
            return function.span();
        }
    }
}
