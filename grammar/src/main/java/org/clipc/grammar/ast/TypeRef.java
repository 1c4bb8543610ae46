package org.clipc.grammar.ast;

import java.util.List;
import org.clipc.grammar.diagnostic.SourceSpan;
import org.jspecify.annotations.Nullable;

/** A type as written. */
public sealed interface TypeRef {
    SourceSpan span();

    /** {@code int}, {@code float}, {@code bool}, {@code string} or the name of a configuration type. */
    record Named(String name, SourceSpan span) implements TypeRef {}

    /** {@code "gelu" | "quick_gelu"}: one of these strings. */
    record Enumerated(List<String> values, SourceSpan span) implements TypeRef {
        public Enumerated {
            values = List.copyOf(values);
        }
    }

    /**
     * {@code f32[B, S, width]}.
     *
     * @param dtype of an element; when absent, the model's floating type
     */
    record Tensor(@Nullable Identifier dtype, List<Dim> dims, SourceSpan span) implements TypeRef {
        public Tensor {
            dims = List.copyOf(dims);
        }
    }

    /** {@code ([B, D], [B])}; an entry's results are named: {@code (loss: [], logits: [B, B])}. */
    record Tuple(List<Element> elements, SourceSpan span) implements TypeRef {
        public Tuple {
            elements = List.copyOf(elements);
        }
    }

    /** One element of a tuple type, perhaps named. */
    record Element(@Nullable Identifier name, TypeRef type) {}

    /** One dimension of a tensor type. */
    sealed interface Dim {
        SourceSpan span();

        /** A size; a capitalised name that means nothing yet is bound to the size it meets. */
        record Size(Expr expr, SourceSpan span) implements Dim {}

        /** {@code B..}: any number of dimensions. */
        record Spread(Identifier name, SourceSpan span) implements Dim {}
    }
}
