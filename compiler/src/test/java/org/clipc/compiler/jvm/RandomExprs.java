package org.clipc.compiler.jvm;

import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import org.clipc.compiler.kernel.Expr;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.Comparison;
import org.clipc.ir.DType;
import org.clipc.ir.UnaryFn;

/**
 * Random expression trees of operations that every implementation must round alike. An accelerator's compiler may round
 * a product only together with the sum that it is added to, so there numbers have few bits, and products are exact in up
 * to {@link #EXACT_DEPTH} levels.
 */
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

    /** Levels of operations whose deepest product under a sum, of four leaves of five bits, fits into an f32's 24. */
    static final int EXACT_DEPTH = 3;

    private static final List<UnaryFn> INT_UNARY = List.of(UnaryFn.NEG, UnaryFn.ABS, UnaryFn.SIGN);
    private static final List<BinaryFn> INT_BINARY =
            List.of(BinaryFn.ADD, BinaryFn.SUB, BinaryFn.MUL, BinaryFn.DIV, BinaryFn.MAX, BinaryFn.MIN, BinaryFn.POW);
    private static final List<DType> DTYPES =
            TestTargets.among(List.of(DType.F32, DType.F32, DType.BF16, DType.F16, DType.I32, DType.BOOL));

    private final RandomGenerator random;
    private final List<Expr> leaves;
    private final List<Made> made = new ArrayList<>();

    private record Made(Expr expr, int depth) {}

    /** @param leaves to build on, besides constants */
    RandomExprs(RandomGenerator random, List<Expr> leaves) {
        this.random = random;
        this.leaves = leaves.stream()
                .map(leaf -> TestTargets.isTornado() && leaf instanceof Expr.Uniform ? ofFourBits(leaf) : leaf)
                .toList();
    }

    private static Expr ofFourBits(Expr uniform) {
        var scaled = new Expr.Binary(BinaryFn.MUL, uniform, new Expr.Const(16, DType.F32));
        var cut = new Expr.Unary(UnaryFn.FLOOR, scaled);
        return new Expr.Binary(BinaryFn.MUL, cut, new Expr.Const(1.0 / 16, DType.F32));
    }

    Expr next(DType dtype, int depth) {
        assert !TestTargets.isTornado() || depth <= EXACT_DEPTH;
        var shared = made.stream()
                .filter(e -> e.expr.dtype() == dtype && e.depth <= depth)
                .toList();
        if (!shared.isEmpty() && random.nextInt(8) == 0) {
            return pick(shared).expr;
        }
        var isLeaf = depth == 0 || random.nextInt(6) == 0;
        var expr = isLeaf ? leaf(dtype) : inner(dtype, depth - 1);
        made.add(new Made(expr, isLeaf ? 0 : depth));
        return expr;
    }

    private Expr leaf(DType dtype) {
        var fitting = leaves.stream().filter(e -> e.dtype() == dtype).toList();
        if (!fitting.isEmpty() && random.nextInt(4) != 0) {
            return pick(fitting);
        }
        var fraction = TestTargets.isTornado() ? random.nextInt(8) / 8.0 : random.nextFloat();
        var value = random.nextInt(3) - 1 + (dtype == DType.F32 ? fraction : 0);
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
