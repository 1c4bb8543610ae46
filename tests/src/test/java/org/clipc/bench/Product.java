package org.clipc.bench;

import java.util.List;
import org.clipc.ir.DType;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.InputKind;
import org.clipc.ir.Op;
import org.clipc.ir.Shape;
import org.clipc.ir.TensorType;

/**
 * A batch of matrix products C = A·B.
 *
 * @param transA whether A lies as [k, m] instead of [m, k]
 * @param transB whether B lies as [n, k] instead of [k, n]
 */
record Product(boolean transA, boolean transB, int batch, int m, int n, int k) {

    static Product nn(int m, int n, int k) {
        return new Product(false, false, 1, m, n, k);
    }

    static Product nt(int m, int n, int k) {
        return new Product(false, true, 1, m, n, k);
    }

    static Product tn(int m, int n, int k) {
        return new Product(true, false, 1, m, n, k);
    }

    Product times(int count) {
        return new Product(transA, transB, count, m, n, k);
    }

    /** Such as {@code nt_384x50x50x64}: what is transposed, the batch if there is one, m, n and k. */
    String name() {
        var batches = batch == 1 ? "" : batch + "x";
        return "%s%s_%s%dx%dx%d".formatted(transA ? "t" : "n", transB ? "t" : "n", batches, m, n, k);
    }

    double flops() {
        return 2.0 * batch * m * n * k;
    }

    TensorType typeA() {
        return transA ? type(k, m) : type(m, k);
    }

    TensorType typeB() {
        return transB ? type(n, k) : type(k, n);
    }

    private TensorType type(int rows, int columns) {
        return new TensorType(DType.F32, Shape.of(batch, rows, columns));
    }

    String parameterA() {
        return name() + ".a";
    }

    String parameterB() {
        return name() + ".b";
    }

    /** One contraction of two parameters. */
    Graph graph() {
        var graph = new GraphBuilder(name());
        var a = graph.input(parameterA(), InputKind.PARAMETER, typeA());
        var b = graph.input(parameterB(), InputKind.PARAMETER, typeB());
        var dot = new Op.DotGeneral(List.of(0), List.of(0), List.of(transA ? 1 : 2), List.of(transB ? 2 : 1));
        graph.output(name(), graph.add(dot, a, b));
        return graph.build();
    }
}
