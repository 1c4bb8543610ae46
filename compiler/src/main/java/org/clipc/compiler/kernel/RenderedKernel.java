package org.clipc.compiler.kernel;

import java.util.function.Supplier;

/**
 * A kernel by name, and how to render its source when it is the first of that name.
 *
 * @param className binary name of the generated class: a function of the spec and the target alone
 * @param source renders the Java source (called at most once per program)
 */
public record RenderedKernel(String className, Supplier<String> source) {}
