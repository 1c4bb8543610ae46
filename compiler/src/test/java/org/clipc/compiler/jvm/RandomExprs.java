package org.clipc.compiler.jvm;

import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import org.clipc.compiler.kernel.Expr;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.Comparison;
import org.clipc.ir.DType;
import org.clipc.ir.UnaryFn;

/** Random expression trees of operations that every implementation must round alike. */
final class RandomExprs {

    /** OpenCL's compilers need not round these as Java does: division, roots and powers. */
    private static final List<UnaryFn> FLOAT_UNARY = TestTargets.isTornado()
            ? List.of(UnaryFn.NEG, UnaryFn.ABS, UnaryFn.SIGN, UnaryFn.FLOOR)
            : List.of(
                    UnaryFn.NEG,
                    UnaryFn.ABS,
                    UnaryFn.SIGN,
                    UnaryFn.SQRT,
                    UnaryFn.RSQRT,
                    UnaryFn.RECIPROCAL,
                    UnaryFn.FLOOR);

    private static final List<BinaryFn> FLOAT_BINARY = TestTargets.isTornado()
            ? List.of(BinaryFn.ADD, BinaryFn.SUB, BinaryFn.MUL, BinaryFn.MAX, BinaryFn.MIN)
            : List.of(BinaryFn.ADD, BinaryFn.SUB, BinaryFn.MUL, BinaryFn.DIV, BinaryFn.MAX, BinaryFn.MIN, BinaryFn.POW);

    private static final List<UnaryFn> INT_UNARY = List.of(UnaryFn.NEG, UnaryFn.ABS, UnaryFn.SIGN);
    private static final List<BinaryFn> INT_BINARY =
            List.of(BinaryFn.ADD, BinaryFn.SUB, BinaryFn.MUL, BinaryFn.DIV, BinaryFn.MAX, BinaryFn.MIN, BinaryFn.POW);
    private static final List<DType> DTYPES =
            TestTargets.among(List.of(DType.F32, DType.F32, DType.BF16, DType.F16, DType.I32, DType.BOOL));

    private final RandomGenerator random;
    private final List<Expr> leaves;
    private final List<Expr> made = new ArrayList<>();

    /** @param leaves to build on, besides constants */
    RandomExprs(RandomGenerator random, List<Expr> leaves) {
        this.random = random;
        this.leaves = leaves;
    }

    Expr next(DType dtype, int depth) {
        var shared = made.stream().filter(e -> e.dtype() == dtype).toList();
        if (!shared.isEmpty() && random.nextInt(8) == 0) {
            return pick(shared);
        }
        var expr = depth == 0 || random.nextInt(6) == 0 ? leaf(dtype) : inner(dtype, depth - 1);
        made.add(expr);
        return expr;
    }

    private Expr leaf(DType dtype) {
        var fitting = leaves.stream().filter(e -> e.dtype() == dtype).toList();
        if (!fitting.isEmpty() && random.nextInt(4) != 0) {
            return pick(fitting);
        }
        var value = random.nextInt(3) - 1 + (dtype == DType.F32 ? random.nextFloat() : 0);
        return new Expr.Const(dtype == DType.BOOL ? Math.abs(value) : value, dtype);
    }

    private Expr inner(DType dtype, int depth) {
        var choice = random.nextInt(10);
        if (choice == 0) {
            return new Expr.Select(next(DType.BOOL, depth), next(dtype, depth), next(dtype, depth));
        }
        if (choice < 3) {
            return new Expr.Convert(dtype, next(pick(DTYPES), depth));
        }
        return switch (dtype) {
            case F32, BF16, F16 ->
                choice < 6
                        ? new Expr.Unary(pick(FLOAT_UNARY), next(dtype, depth))
                        : new Expr.Binary(pick(FLOAT_BINARY), next(dtype, depth), next(dtype, depth));
            case I32 ->
                choice < 6
                        ? new Expr.Unary(pick(INT_UNARY), next(dtype, depth))
                        : new Expr.Binary(pick(INT_BINARY), next(dtype, depth), next(dtype, depth));
            case BOOL -> truth(choice, depth);
        };
    }

    private Expr truth(int choice, int depth) {
        if (choice < 5) {
            return new Expr.Unary(UnaryFn.NOT, next(DType.BOOL, depth));
        }
        if (choice < 7) {
            var fn = pick(List.of(BinaryFn.AND, BinaryFn.OR));
            return new Expr.Binary(fn, next(DType.BOOL, depth), next(DType.BOOL, depth));
        }
        var dtype = pick(DTYPES);
        return new Expr.Compare(pick(List.of(Comparison.values())), next(dtype, depth), next(dtype, depth));
    }

    <T> T pick(List<T> list) {
        return list.get(random.nextInt(list.size()));
    }
}
