package org.clipc.grammar.ast;

import java.util.List;
import org.clipc.grammar.diagnostic.SourceSpan;
import org.jspecify.annotations.Nullable;

/**
 * {@code fn name(parameters) -> type = expr} or with a block.
 *
 * @param name of empty text for a module's anonymous function, which makes the module itself callable
 * @param result the declared type of the result, if any
 */
public record Function(
        Identifier name,
        List<Parameter> parameters,
        @Nullable TypeRef result,
        Body body,
        String doc,
        SourceSpan span) {
    public Function {
        parameters = List.copyOf(parameters);
    }

    public boolean isAnonymous() {
        return name.text().isEmpty();
    }

    /** An expression or a block of statements. */
    public sealed interface Body {
        record Value(Expr expr) implements Body {}

        record Block(List<Statement> statements, SourceSpan span) implements Body {
            public Block {
                statements = List.copyOf(statements);
            }
        }
    }
}
