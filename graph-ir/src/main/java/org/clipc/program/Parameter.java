package org.clipc.program;

import java.util.List;
import org.clipc.ir.DType;
import org.clipc.ir.Mesh;
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
 * @param type of the whole parameter in a model, of what a rank holds in a program
 * @param shardAxis axis split over tensor-parallel ranks, or -1
 * @param shardParts sections along that axis of which each rank has a piece, see {@link org.clipc.ir.Op.RankSlice}; 1 as a
 *     rule
 * @param stateAxis axis of what a rank holds along which the optimizer's state is split over data-parallel ranks, or -1
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
        int shardParts,
        int stateAxis,
        long offset) {

    /** A parameter that is split in one piece a rank at most, and its state not at all. */
    public Parameter(
            String name,
            TensorType type,
            Initializer initializer,
            boolean decay,
            boolean trainable,
            @Nullable List<Double> clamp,
            int shardAxis,
            long offset) {
        this(name, type, initializer, decay, trainable, clamp, shardAxis, 1, -1, offset);
    }

    /** Before a parameter's name: its optimizer state in f32, of which the parameter itself is a rounded copy. */
    public static final String MASTER = "master.";

    /** The same parameter with another type. */
    public Parameter withType(TensorType other) {
        return new Parameter(
                name, other, initializer, decay, trainable, clamp, shardAxis, shardParts, stateAxis, offset);
    }

    /** The type of the parameter that all ranks of a program hold together. */
    public TensorType whole(Mesh mesh) {
        return shardAxis < 0 ? type : type.withShape(type.shape().with(shardAxis, type.dim(shardAxis) * mesh.tensor()));
    }

    /** The type of an optimizer moment that a rank holds. */
    public TensorType state(Mesh mesh) {
        var moment = type.withDtype(DType.F32);
        return stateAxis < 0
                ? moment
                : moment.withShape(moment.shape().with(stateAxis, moment.dim(stateAxis) / mesh.data()));
    }

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
