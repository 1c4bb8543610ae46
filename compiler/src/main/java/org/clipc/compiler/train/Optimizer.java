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
        @Nullable Double clip) {

    /** Radford et al. 2021 (arXiv:2103.00020, tables 18 and 20), for vision transformers: without clipping. */
    public static final Optimizer CLIP = new Optimizer(0.9, 0.98, 1e-6, 0.2, null);
}
