/** Reverse-mode differentiation of graphs: {@link Autodiff} walks, {@link GradientRules} knows the ops. */
@NullMarked
package org.clipc.compiler.autodiff;

import org.jspecify.annotations.NullMarked;
