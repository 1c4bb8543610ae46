package org.clipc.runtime.device.cuda;

import java.util.List;

/**
 * A product of matrices as cuBLASLt takes it, whose matrices are stored by columns: {@code Cᵀ = Bᵀ · Aᵀ}, so that its first
 * factor is our second.
 *
 * @param bf16 whether the factors are bf16, else f32
 * @param bf16Result whether the result, the bias and the addend are
 * @param outer how many batches there are, each of {@code batch} products
 * @param first B
 * @param second A
 * @param result C
 * @param addend of the result's extents, or its place is -1
 * @param bias place of the vector that is added to every row of C; -1 for none
 * @param sums those that are wanted besides
 * @param behind what is made of C besides
 */
record CudaProduct(
        boolean bf16,
        boolean bf16Result,
        int outer,
        int batch,
        int depth,
        Matrix first,
        Matrix second,
        Matrix result,
        Matrix addend,
        long bias,
        Sums sums,
        Behind behind) {

    /** Arguments of a kernel that say what a library must know; the compiler's ProductCall writes them. */
    static final int ARGUMENTS = 34;

    private static final String STEM = "Product_";

    /**
     * A matrix stored by columns.
     *
     * @param place of its first element, in elements
     * @param transposed whether the product takes its transpose
     * @param step from one column to the next
     * @param batchStep from one matrix of a batch to the next
     * @param outerStep from one batch to the next
     */
    record Matrix(long place, boolean transposed, long rows, long columns, long step, long batchStep, long outerStep) {

        static final Matrix NONE = new Matrix(-1, false, 0, 0, 0, 0, 0);
    }

    /**
     * Sums of a factor over the depth, of the type of the result.
     *
     * @param place of the first, in elements; -1 for none
     * @param ofFirst whether the first factor is summed, not the second
     */
    record Sums(long place, boolean ofFirst) {

        static final Sums NONE = new Sums(-1, false);
    }

    /** What the library makes of C, by the numbers that the compiler gives them. */
    enum Activation {
        NONE,
        /** GELU of it, by tanh. */
        GELU,
        /** It, times GELU's derivative. */
        GELU_GRADIENT
    }

    /**
     * Work behind a product.
     *
     * @param result a matrix like C; its place is -1 for none
     * @param argument of GELU, likewise: for its gradient a matrix like C; for GELU itself C, or nothing where that is not wanted
     */
    record Behind(Activation activation, Matrix result, Matrix argument) {

        static final Behind NOTHING = new Behind(Activation.NONE, Matrix.NONE, Matrix.NONE);
    }

    boolean hasSums() {
        return sums.place() >= 0;
    }

    /** Whether more is made of C, which itself is not stored then unless it is the argument. */
    boolean isActivated() {
        return behind.activation() != Activation.NONE;
    }

    /** Where the library's result goes. */
    Matrix stored() {
        return isActivated() ? behind.result() : result;
    }

    /** The product, and what is added to it. */
    CudaProduct alone() {
        return new CudaProduct(
                bf16, bf16Result, outer, batch, depth, first, second, result, addend, bias, Sums.NONE, Behind.NOTHING);
    }

    /** Whether a library can do what a kernel does. */
    static boolean isProduct(String kernel) {
        return kernel.startsWith(STEM, kernel.lastIndexOf('.') + 1);
    }

    /** Who is to compute a product. */
    enum Way {
        /** As the device is told; the library with all that it can do besides. */
        DEFAULT,
        KERNEL,
        /** The library, the product only. */
        LIBRARY
    }

    static Way way(List<Long> args) {
        return Way.values()[Math.toIntExact(Math.clamp(args.getFirst(), 0, Way.values().length - 1))];
    }

    /** @param args of the kernel, of which the first {@value #ARGUMENTS} count */
    static CudaProduct of(List<Long> args) {
        var outer = Math.toIntExact(args.get(3));
        var batch = Math.toIntExact(args.get(4));
        long rows = args.get(5);
        long columns = args.get(6);
        long depth = args.get(7);
        var product = new CudaProduct(
                args.get(1) != 0,
                args.get(2) != 0,
                outer,
                batch,
                Math.toIntExact(depth),
                factor(args.get(20), depth, columns, args.subList(12, 16)),
                factor(args.get(19), rows, depth, args.subList(8, 12)),
                byRows(args.get(21), rows, columns, args.subList(16, 19)),
                byRows(args.get(23), rows, columns, args.subList(24, 27)),
                args.get(22),
                new Sums(args.get(27), args.get(28) != 0),
                new Behind(
                        Activation.values()[Math.toIntExact(args.get(29))],
                        byRows(args.get(30), rows, columns, List.of(0L, 0L, args.get(31))),
                        byRows(args.get(32), rows, columns, List.of(0L, 0L, args.get(33)))));
        return way(args) == Way.DEFAULT ? product : product.alone();
    }

    /** The product of two square matrices of bf16, one behind the other, into a third. */
    static CudaProduct square(int side) {
        var size = (long) side * side;
        return new CudaProduct(
                true,
                true,
                1,
                1,
                side,
                new Matrix(0, false, side, side, side, 0, 0),
                new Matrix(size, false, side, side, side, 0, 0),
                new Matrix(2 * size, false, side, side, side, 0, 0),
                Matrix.NONE,
                -1,
                Sums.NONE,
                Behind.NOTHING);
    }

    /** A matrix [rows, columns] of unit stride along one of both: along columns, it is stored as its transpose. */
    private static Matrix factor(long place, long rows, long columns, List<Long> strides) {
        var byRows = strides.get(3) == 1 && (strides.get(2) >= columns || rows == 1);
        return byRows
                ? new Matrix(
                        place, false, columns, rows, Math.max(columns, strides.get(2)), strides.get(1), strides.get(0))
                : new Matrix(
                        place, true, rows, columns, Math.max(rows, strides.get(3)), strides.get(1), strides.get(0));
    }

    private static Matrix byRows(long place, long rows, long columns, List<Long> strides) {
        return new Matrix(
                place, false, columns, rows, Math.max(columns, strides.get(2)), strides.get(1), strides.get(0));
    }
}
