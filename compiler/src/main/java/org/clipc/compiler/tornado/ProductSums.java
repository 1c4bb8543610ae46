package org.clipc.compiler.tornado;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.clipc.compiler.kernel.Expr;
import org.clipc.compiler.kernel.KernelSpec.Gemm;
import org.clipc.compiler.kernel.KernelSpec.Result;
import org.clipc.ir.DType;

/**
 * What an epilogue makes of a product whose sums it finds in memory. Where all that it reads of them is rounded to one type
 * first, memory holds them rounded: half the bytes for the same bits.
 *
 * @param dtype of the sums in memory
 * @param results of the epilogue, for operand 0 of that type
 */
record ProductSums(DType dtype, List<Result> results) {

    ProductSums {
        results = List.copyOf(results);
    }

    static ProductSums of(Gemm spec) {
        var reads = new ArrayList<DType>();
        var exact = new ArrayList<DType>();
        spec.results().forEach(result -> reads(result.value(), reads, exact));
        if (!exact.isEmpty() || reads.stream().distinct().count() != 1) {
            return new ProductSums(exact.isEmpty() ? DType.F32 : exact.getFirst(), spec.results());
        }
        var rounded = reads.getFirst();
        return new ProductSums(
                rounded,
                spec.results().stream()
                        .map(result -> new Result(result.dtype(), inMemory(result.value(), rounded)))
                        .toList());
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

    /**
     * Finds where an expression reads the sums.
     *
     * @param rounded the types that they are rounded to where they are read
     * @param exact their own types where they are read as they are
     */
    private static void reads(Expr expr, List<DType> rounded, List<DType> exact) {
        if (isSum(expr)) {
            exact.add(expr.dtype());
        } else if (expr instanceof Expr.Convert(var dtype, var x) && isSum(x)) {
            rounded.add(dtype);
        } else {
            parts(expr).forEach(part -> reads(part, rounded, exact));
        }
    }

    private static Stream<Expr> parts(Expr expr) {
        return switch (expr) {
            case Expr.Unary(var _, var x) -> Stream.of(x);
            case Expr.Convert(var _, var x) -> Stream.of(x);
            case Expr.Binary(var _, var a, var b) -> Stream.of(a, b);
            case Expr.Compare(var _, var a, var b) -> Stream.of(a, b);
            case Expr.Select(var condition, var a, var b) -> Stream.of(condition, a, b);
            case Expr.Arg _, Expr.Const _, Expr.Attribute _, Expr.Uniform _, Expr.Index _ -> Stream.of();
        };
    }

    private static Expr inMemory(Expr expr, DType dtype) {
        return switch (expr) {
            case Expr.Convert(var _, var x) when isSum(x) -> new Expr.Arg(0, dtype);
            case Expr.Convert(var to, var x) -> new Expr.Convert(to, inMemory(x, dtype));
            case Expr.Unary(var fn, var x) -> new Expr.Unary(fn, inMemory(x, dtype));
            case Expr.Binary(var fn, var a, var b) -> new Expr.Binary(fn, inMemory(a, dtype), inMemory(b, dtype));
            case Expr.Compare(var comparison, var a, var b) ->
                new Expr.Compare(comparison, inMemory(a, dtype), inMemory(b, dtype));
            case Expr.Select(var condition, var a, var b) ->
                new Expr.Select(inMemory(condition, dtype), inMemory(a, dtype), inMemory(b, dtype));
            case Expr.Arg _, Expr.Const _, Expr.Attribute _, Expr.Uniform _, Expr.Index _ -> expr;
        };
    }
}
