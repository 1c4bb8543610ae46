package org.clipc.compiler.train;

import org.jspecify.annotations.Nullable;

/**
 * AdamW's numbers.
 *
 * @param weightDecay for parameters whose {@code decay} is set; the others have none
 * @param clip greatest norm of all gradients together, or null for no clipping
 */
public record Optimizer(
        double beta1,
        double beta2,
        double epsilon,
        double weightDecay,
        @Nullable Double clip) {}
