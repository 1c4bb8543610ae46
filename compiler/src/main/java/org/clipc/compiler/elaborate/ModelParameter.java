package org.clipc.compiler.elaborate;

import java.util.List;
import org.clipc.grammar.diagnostic.SourceSpan;
import org.clipc.ir.TensorType;
import org.clipc.program.Parameter.Initializer;
import org.jspecify.annotations.Nullable;

/**
 * A parameter of an elaborated model.
 *
 * @param name dotted, in open_clip's state-dict spelling
 * @param decay whether weight decay applies
 * @param trainable false for what {@code frozen} covers
 * @param clamp bounds [low, high] enforced after each optimizer step, or null
 * @param shardAxis axis split over tensor-parallel ranks, or -1
 * @param shardParts sections along that axis of which each rank has a piece
 * @param span where it is declared
 */
public record ModelParameter(
        String name,
        TensorType type,
        Initializer initializer,
        boolean decay,
        boolean trainable,
        @Nullable List<Double> clamp,
        int shardAxis,
        int shardParts,
        SourceSpan span) {}
