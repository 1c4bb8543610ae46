package org.clipc.program;

import java.util.List;
import org.clipc.ir.TensorType;
import org.jspecify.annotations.Nullable;

/**
 * A model parameter as the program knows it.
 *
 * @param name dotted instance path, in open_clip's state-dict spelling
 * @param initializer how a fresh model fills it
 * @param decay whether weight decay applies
 * @param trainable whether the optimizer touches it
 * @param clamp bounds [low, high] enforced after each optimizer step, or null
 * @param shardAxis axis split over tensor-parallel ranks, or -1
 * @param offset byte offset in the arena's parameter region
 */
public record Parameter(
        String name,
        TensorType type,
        Initializer initializer,
        boolean decay,
        boolean trainable,
        @Nullable List<Double> clamp,
        int shardAxis,
        long offset) {

    /**
     * Initial value of a parameter.
     *
     * @param kind zeros, ones, constant(a), normal(a = std), trunc_normal(a = std, cut at two), uniform(a, b)
     */
    public record Initializer(Kind kind, double a, double b) {}

    /** Distribution of initial values. */
    public enum Kind {
        ZEROS,
        ONES,
        CONSTANT,
        NORMAL,
        TRUNC_NORMAL,
        UNIFORM
    }
}
