package org.clipc.compiler.kernel;

import java.util.List;

/**
 * One use of a kernel: a spec with the tensors it reads and writes. {@code attributes} are run-time numbers. Where a spec
 * holds an {@link Expr}, they are the ones that its {@code Attribute}s and {@code Uniform}s index, and the operand that
 * a {@code Uniform} names as its seed has dims [2], or [3] of a part, whatever the index space, and access SPLAT. Outputs never overlap
 * inputs, but for Elementwise and the operands of a Gemm's epilogue, where an output may be the same view as an input. Matrices of rows have unit stride within
 * a row and any stride between rows; vectors have unit stride. View layouts by spec:
 *
 * <ul>
 *   <li>Gemm: A [b1, b2, m, k], B [b1, b2, k, n], epilogue operands [b1, b2, m, n]; outputs [b1, b2, m, n] with unit
 *       stride along n. Attributes of the epilogue.
 *   <li>Attention: q [b, s, h, d], k and v [b, t, h, d], and if there is dropout seed [2], or [4] where samples
 *       or heads are split over ranks; outputs o [b, s, h, d], lse [b, h, s]. Attributes scale, dropout, stream.
 *   <li>AttentionGrad: do, q, k, v, o, lse, and seed if there is dropout, as above; outputs dq, dk, dv. Attributes as
 *       above.
 *   <li>Elementwise: every view has the index space's extents, at least one axis.
 *   <li>Reduce: operands [outer, reduced, inner]; output [outer, inner]. With {@code inner} reduction the inner extent
 *       is 1.
 *   <li>ArgMax: x [rows, n]; output [rows].
 *   <li>LayerNorm: x [rows, w], gain [w], bias [w]; outputs y [rows, w], mean [rows], rstd [rows]. Attribute epsilon.
 *   <li>LayerNormGrad: dy, x, gain, mean, rstd; outputs dx, dgain, dbias.
 *   <li>Softmax, SoftmaxGrad, SoftmaxXent, SoftmaxXentGrad: operands and results of the op, with [rows, n] matrices.
 *   <li>Gather: table [b, v, w], index [b, n]; output [b, n, w]. ScatterAdd: updates [b, n, w], index [b, n]; output
 *       [b, v, w].
 *   <li>RandomSubset: seed [2], or [3] of a part; output [rows, choose]. Attributes from, stream.
 *   <li>AdamW: param, grad, m, v [n]; lr, step, gradScale []; outputs param, m, v [n] (in place: the same views).
 *       Attributes beta1, beta2, epsilon, weightDecay.
 * </ul>
 */
public record Launch(KernelSpec spec, List<View> inputs, List<View> outputs, List<Double> attributes) {

    public Launch {
        inputs = List.copyOf(inputs);
        outputs = List.copyOf(outputs);
        attributes = List.copyOf(attributes);
    }
}
