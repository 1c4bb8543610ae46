package org.clipc.grammar.ast;

import org.clipc.grammar.diagnostic.SourceSpan;
import org.jspecify.annotations.Nullable;

/** An argument of a call, perhaps named. */
public record Argument(@Nullable Identifier name, Expr value, SourceSpan span) {}
