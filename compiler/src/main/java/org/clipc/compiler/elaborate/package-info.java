/**
 * From syntax to graphs: a model is elaborated by running its source at compile time. Numbers, strings, configurations
 * and modules are values of the run; tensors are values of the graph being built. Read in this order: {@link
 * org.clipc.compiler.elaborate.Elaborator} (the way in), {@code SourceLoader} (files and imports), {@code ConfigResolver},
 * {@code Instantiator} (module instances and parameters), {@code Evaluator} (expressions and calls), {@code Builtins}.
 */
@NullMarked
package org.clipc.compiler.elaborate;

import org.jspecify.annotations.NullMarked;
