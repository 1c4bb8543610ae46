package org.clipc.compiler.shard;

import java.util.List;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.Comparison;
import org.clipc.ir.DType;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.Op;
import org.clipc.ir.Shape;
import org.clipc.ir.TensorType;
import org.clipc.ir.Value;

/**
 * Makes nodes of the program that each rank runs.
 *
 * @param rank the rank's coordinate along the axis, i32[]
 */
record LocalBuilder(GraphBuilder b, int ranks, Supplier<Value> rank) {

    private static final TensorType INDEX = TensorType.scalar(DType.I32);

    /** The rank's shard of what every rank holds. */
    Value slice(Value whole, Sharding.Split split) {
        return b.add(new Op.RankSlice(ranks, split.axis(), split.parts()), whole, rank.get());
    }

    /** {@code x} on the first rank, zeros on the others. */
    Value onFirst(Value x) {
        var first = b.compare(Comparison.EQ, rank.get(), b.constant(INDEX, 0));
        return b.select(b.broadcast(first, b.shape(x), List.of()), x, b.constantLike(x, 0));
    }

    /** Which of {@code ids} fall in the rank's share of {@code extent} consecutive numbers, and where in it. */
    Ids localIds(Value ids, int extent) {
        var first = b.mul(rank.get(), b.constant(INDEX, extent));
        var shifted = b.sub(ids, b.broadcast(first, b.shape(ids), List.of()));
        var zero = b.constantLike(ids, 0);
        var inside = b.binary(
                BinaryFn.AND,
                b.compare(Comparison.GE, shifted, zero),
                b.compare(Comparison.LT, shifted, b.constantLike(ids, extent)));
        return new Ids(b.select(inside, shifted, zero), inside);
    }

    /**
     * @param index into the rank's share; 0 for what is not there
     * @param inside whether it is there
     */
    record Ids(Value index, Value inside) {

        /** {@code x}, whose first axes are those of the ids, where these are inside; 0 elsewhere. */
        Value mask(Value x, GraphBuilder b) {
            var axes = IntStream.range(0, b.shape(index).rank()).boxed().toList();
            return b.select(b.broadcast(inside, b.shape(x), axes), x, b.constantLike(x, 0));
        }
    }

    /**
     * The seed of an attention's dropout on a rank, as {@link Op.Attention} has it.
     *
     * @param seed as it is before this split
     * @param byHeads whether heads are split, and not samples
     * @param heads before this split
     * @param batch samples before this split
     */
    Value maskSeed(Value seed, boolean byHeads, int heads, int batch) {
        var one = TensorType.i32(1);
        var known = b.shape(seed).dim(0) > 2;
        var first = known ? b.slice(seed, List.of(2), List.of(3)) : b.constant(one, 0);
        var all = known ? b.slice(seed, List.of(3), List.of(4)) : b.constant(one, heads);
        var here = b.broadcast(rank.get(), one.shape(), List.of());
        var pairs =
                byHeads ? b.constant(one, (double) heads / ranks) : b.mul(all, b.constant(one, (double) batch / ranks));
        var key = b.slice(seed, List.of(0), List.of(2));
        return b.concat(List.of(key, b.add(first, b.mul(here, pairs)), all), 0);
    }

    /**
     * The seed of random numbers on a rank, as {@link Op.Uniform} has it.
     *
     * @param seed as it is before this split
     * @param rows that a rank has of the numbers
     */
    Value rowsSeed(Value seed, int rows) {
        var one = TensorType.i32(1);
        var here = b.mul(b.broadcast(rank.get(), one.shape(), List.of()), b.constant(one, rows));
        var known = b.shape(seed).dim(0) > 2;
        var first = known ? b.add(b.slice(seed, List.of(2), List.of(3)), here) : here;
        return b.concat(List.of(b.slice(seed, List.of(0), List.of(2)), first), 0);
    }

    /** Numbers along an axis, from the rank's first on. */
    Value iota(Shape shape, int axis) {
        var local = b.add(new Op.Iota(shape, axis));
        var first = b.mul(rank.get(), b.constant(INDEX, shape.dim(axis)));
        return b.add(local, b.broadcast(first, shape, List.of()));
    }
}
