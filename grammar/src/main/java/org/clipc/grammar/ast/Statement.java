package org.clipc.grammar.ast;

import java.util.List;
import org.clipc.grammar.diagnostic.SourceSpan;
import org.jspecify.annotations.Nullable;

/** A statement of a function's block. */
public sealed interface Statement {
    SourceSpan span();

    /**
     * {@code let x = …}, {@code var x = …}, {@code let (a, b) = …}.
     *
     * @param tuple whether the names stood in parentheses, that is whether the value must be a tuple
     * @param mutable whether {@code name = …} may change it later
     */
    record Let(List<Identifier> names, boolean tuple, boolean mutable, Expr value, SourceSpan span)
            implements Statement {
        public Let {
            names = List.copyOf(names);
        }
    }

    record Assign(Identifier name, Expr value, SourceSpan span) implements Statement {}

    record Return(Expr value, SourceSpan span) implements Statement {}

    /** Over a compile-time condition. */
    record If(Expr condition, List<Statement> then, List<Statement> otherwise, SourceSpan span) implements Statement {
        public If {
            then = List.copyOf(then);
            otherwise = List.copyOf(otherwise);
        }
    }

    /** {@code repeat v in range { … }} over a count or the instances of stacked modules; unrolled. */
    record Repeat(Identifier variable, Expr range, List<Statement> body, SourceSpan span) implements Statement {
        public Repeat {
            body = List.copyOf(body);
        }
    }

    /** {@code recompute { … }}: not kept for the backward pass but computed again. Its names stay visible after it. */
    record Recompute(List<Statement> body, SourceSpan span) implements Statement {
        public Recompute {
            body = List.copyOf(body);
        }
    }

    record Assert(Expr condition, @Nullable String message, SourceSpan span) implements Statement {}
}
