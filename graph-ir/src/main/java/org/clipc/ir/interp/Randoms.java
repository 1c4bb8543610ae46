package org.clipc.ir.interp;

import java.util.Comparator;
import java.util.stream.IntStream;
import org.clipc.ir.Op;
import org.clipc.ir.Philox;
import org.clipc.ir.TensorType;

/** Random numbers; see {@link Philox} for what they depend on. */
final class Randoms {

    private Randoms() {}

    static Tensor64 uniform(Tensor64 seed, int stream, TensorType type) {
        var result = Tensor64.zeros(type);
        var first = rowsBefore(seed) * (result.size() / rows(type));
        for (var i = 0; i < result.size(); i++) {
            result.data()[i] = uniformAt(seed, first + i, stream);
        }
        return result;
    }

    private static int rows(TensorType type) {
        return type.rank() == 0 ? 1 : type.dim(0);
    }

    /** Of a larger tensor, of which only a part is drawn. */
    private static long rowsBefore(Tensor64 seed) {
        return seed.size() > 2 ? seed.getInt(2) : 0;
    }

    static double uniformAt(Tensor64 seed, long index, int stream) {
        return Philox.uniform(seed.getInt(0), seed.getInt(1), index, stream);
    }

    static Tensor64 subset(Tensor64 seed, Op.RandomSubset op, TensorType type) {
        var chosen = IntStream.range(0, op.batch()).flatMap(row -> subsetOfRow(seed, op, row));
        return Tensor64.of(type, chosen.asDoubleStream().toArray());
    }

    private static IntStream subsetOfRow(Tensor64 seed, Op.RandomSubset op, int row) {
        var first = (rowsBefore(seed) + row) * op.from();
        return IntStream.range(0, op.from())
                .boxed()
                .sorted(Comparator.comparingDouble(i -> uniformAt(seed, first + i, op.stream())))
                .limit(op.choose())
                .mapToInt(Integer::intValue)
                .sorted();
    }
}
