package org.clipc.grammar.ast;

import org.clipc.grammar.diagnostic.SourceSpan;
import org.jspecify.annotations.Nullable;

/** A parameter of a module, a function or an entry; one without a default must be given. */
public record Parameter(
        Identifier name, TypeRef type, @Nullable Expr value, SourceSpan span) {}
