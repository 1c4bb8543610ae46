package org.clipc.compiler.tornado;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.clipc.compiler.kernel.Expr;
import org.clipc.compiler.kernel.KernelSpec.Gemm;
import org.clipc.compiler.kernel.KernelSpec.Result;
import org.clipc.compiler.kernel.Launch;
import org.clipc.ir.DType;

/**
 * What an epilogue makes of a product whose sums it finds in memory. Where all that it reads of them is the sums and a bias,
 * rounded to one type, memory holds that: half the bytes for the same bits.
 *
 * @param dtype of the sums in memory
 * @param added to them: a bias, or nothing
 * @param results of the epilogue, for operand 0 of that type
 */
record ProductSums(DType dtype, Added added, List<Result> results) {

    ProductSums {
        results = List.copyOf(results);
    }

    /** A part of an expression that is the sums, with what is added to them, rounded to a type. */
    private record Read(DType dtype, Added added) {}

    /** Finds such parts, with biases or without. */
    private record Reading(Launch launch, boolean withBias) {

        Optional<Read> read(Expr expr) {
            return expr instanceof Expr.Convert(var dtype, var x)
                    ? Added.of(x, dtype, launch)
                            .filter(added -> added.matrix() < 0 && (withBias || added.bias() < 0))
                            .map(added -> new Read(dtype, added))
                    : Optional.empty();
        }

        /** What the results read, if that is the same everywhere. */
        Optional<Read> only(List<Result> results) {
            var reads = new ArrayList<Optional<Read>>();
            results.forEach(result -> collect(result.value(), reads));
            return reads.stream().distinct().count() == 1 ? reads.getFirst() : Optional.empty();
        }

        /** @param reads is given nothing for what reads the sums as they are */
        private void collect(Expr expr, List<Optional<Read>> reads) {
            var read = read(expr);
            if (read.isPresent() || isSum(expr)) {
                reads.add(read);
            } else {
                expr.parts().forEach(part -> collect(part, reads));
            }
        }

        Expr inMemory(Expr expr) {
            var read = read(expr);
            if (read.isPresent()) {
                return new Expr.Arg(0, read.get().dtype());
            }
            return expr.map(this::inMemory);
        }
    }

    static ProductSums of(Gemm spec, Launch launch) {
        for (var withBias : List.of(true, false)) {
            var reading = new Reading(launch, withBias);
            var read = reading.only(spec.results());
            if (read.isPresent()) {
                return new ProductSums(
                        read.get().dtype(),
                        read.get().added(),
                        spec.results().stream()
                                .map(result -> new Result(result.dtype(), reading.inMemory(result.value())))
                                .toList());
            }
        }
        return new ProductSums(DType.F32, Added.NOTHING, spec.results());
    }

    /** Index of the result that is the sums as they are in memory, or -1. */
    int itself() {
        for (var i = 0; i < results.size(); i++) {
            if (results.get(i).dtype() == dtype && results.get(i).value().equals(new Expr.Arg(0, dtype))) {
                return i;
            }
        }
        return -1;
    }

    private static boolean isSum(Expr expr) {
        return expr instanceof Expr.Arg(var index, var _) && index == 0;
    }
}
