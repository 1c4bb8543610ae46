package org.clipc.ir;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What a node computes: attributes only, the operands live in {@link Node}.
 *
 * <p>Every concern that must know all ops (shapes, gradients, interpretation, cost, lowering) is one exhaustive switch
 * over this interface in a file of its own, so a new op does not compile until each of them has its entry. What many of
 * them ask, whether an op computes element by element or only moves elements, its record says by the interface that it
 * implements. Nothing broadcasts implicitly: operands of elementwise ops have equal shapes.
 */
public sealed interface Op {

    /** The records of all ops. */
    static Set<Class<?>> all() {
        return records(Op.class).collect(Collectors.toUnmodifiableSet());
    }

    private static Stream<Class<?>> records(Class<?> kind) {
        return kind.isRecord()
                ? Stream.of(kind)
                : Stream.of(kind.getPermittedSubclasses()).flatMap(Op::records);
    }

    /**
     * Computes each element of its result from the elements at the same index of its operands, which have its shape, and
     * from nothing else. So it may be computed for some elements only, in any order, and in registers of another op's
     * kernel. A {@link Uniform} is none: what it makes depends on the index.
     */
    sealed interface Elementwise extends Op {}

    /**
     * Moves elements and computes none: each element of a result is one of an operand, bit for bit, or padding. Which one
     * depends on its index and, if need be, on indices or the rank's coordinate, which are operands of their own.
     */
    sealed interface DataMovement extends Op {}

    /**
     * Data movement that strides express: the result is the memory of the only operand, each element at an affine function
     * of its index. So kernels read it where it is, and nothing moves; only a reshape may need a copy, where the operand is
     * itself such a view. They are PyTorch's view ops. A {@link Replicate} is none: ranks may have to exchange for it.
     */
    sealed interface View extends DataMovement {}

    /** A named input of the graph. No operands. */
    record Input(String name, InputKind kind, TensorType type) implements Op {}

    /** A tensor with one value everywhere. No operands. */
    record Constant(TensorType type, double value) implements Op {}

    /** {@code i32} indices 0, 1, 2, … along {@code axis}. No operands. */
    record Iota(Shape shape, int axis) implements Op {}

    record Unary(UnaryFn fn) implements Elementwise {}

    record Binary(BinaryFn fn) implements Elementwise {}

    /** Two operands of one type; result bool. */
    record Compare(Comparison comparison) implements Elementwise {}

    /** Operands (bool condition, a, b): a where the condition holds, b elsewhere. */
    record Select() implements Elementwise {}

    /** Floats round to nearest even; float to i32 truncates towards zero; bool counts as 0 or 1. */
    record Convert(DType dtype) implements Elementwise {}

    /**
     * Uniform f32 numbers in [0, 1), by Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
     * SC 2011) with the key given by the operand {@code seed: i32[2]} and the counter by (element index, stream); see
     * {@link Philox}. Whoever draws a part of a larger tensor, cut along its first axis, gives {@code seed: i32[3]}: the
     * third number counts the rows of the larger tensor that stand before.
     */
    record Uniform(Shape shape, int stream) implements Op {}

    /**
     * For each of {@code batch} rows, {@code choose} distinct ascending indices below {@code from}: i32[batch, choose].
     * Operand seed: i32[2]. Row r takes the indices of its {@code choose} smallest numbers (of equals the first) among
     * {@code from} uniforms, those with element indices r·from, r·from + 1, … in {@code stream}. With seed i32[3] as in
     * {@link Uniform}.
     */
    record RandomSubset(int batch, int choose, int from, int stream) implements Op {}

    /** Same elements in row-major order under another shape. */
    record Reshape(Shape shape) implements View {}

    /** Result axis i is operand axis {@code permutation[i]}. */
    record Transpose(List<Integer> permutation) implements View {
        public Transpose {
            permutation = List.copyOf(permutation);
        }
    }

    /** Operand axis i becomes result axis {@code axes[i]} (strictly increasing); extents agree, or the operand's is 1. */
    record Broadcast(Shape shape, List<Integer> axes) implements View {
        public Broadcast {
            axes = List.copyOf(axes);
        }
    }

    /** The elements with {@code starts[i] <= index[i] < limits[i]}. */
    record Slice(List<Integer> starts, List<Integer> limits) implements View {
        public Slice {
            starts = List.copyOf(starts);
            limits = List.copyOf(limits);
        }
    }

    /** The operand with {@code low[i]} elements of {@code value} before and {@code high[i]} behind it along each axis. */
    record Pad(List<Integer> low, List<Integer> high, double value) implements DataMovement {
        public Pad {
            low = List.copyOf(low);
            high = List.copyOf(high);
        }
    }

    /** One or more operands, joined along {@code axis}. */
    record Concat(int axis) implements DataMovement {}

    /** Combines all elements along {@code axes} (ascending), which the result lacks. */
    record Reduce(ReduceFn fn, List<Integer> axes) implements Op {
        public Reduce {
            axes = List.copyOf(axes);
        }
    }

    /** Index (i32) of the first largest element along {@code axis}, which the result lacks. */
    record ArgMax(int axis) implements Op {}

    /**
     * Contraction in XLA's terms: result axes are (batch…, free axes of lhs…, free axes of rhs…). Operands are of one float
     * type; the result is f32, as sums of products are accumulated, whatever the operands are.
     */
    record DotGeneral(
            List<Integer> lhsBatch, List<Integer> rhsBatch, List<Integer> lhsContract, List<Integer> rhsContract)
            implements Op {
        public DotGeneral {
            lhsBatch = List.copyOf(lhsBatch);
            rhsBatch = List.copyOf(rhsBatch);
            lhsContract = List.copyOf(lhsContract);
            rhsContract = List.copyOf(rhsContract);
        }
    }

    /** Operands table [b…, v, r…] and indices i32 [b…, n…]; result [b…, n…, r…]. {@code batchDims} leading axes agree. An index outside [0, v) is an error in the interpreter and clamped by kernels. */
    record Gather(int batchDims) implements DataMovement {}

    /** Gather's transpose. Operands updates [b…, n…, r…] and indices i32 [b…, n…]; result [b…, size, r…], zero where nothing lands. */
    record ScatterAdd(int batchDims, int size) implements Op {}

    /** Over the last axis. Operands x [r…, w], gain [w], bias [w], each of any float type; results y like x, mean and rstd f32[r…] (Ba et al. 2016, arXiv:1607.06450). */
    record LayerNorm(double epsilon) implements Op {}

    /** Operands dy [r…, w], x, gain, mean, rstd; results dx like x, dgain and dbias like gain. */
    record LayerNormGrad() implements Op {}

    /** Over the last axis. */
    record Softmax() implements Op {}

    /** Operands dy, y (the softmax's result); result dx. */
    record SoftmaxGrad() implements Op {}

    /** Operands logits [n, c], labels i32[n]; results loss f32[n] = lse - logits[label], lse f32[n]. */
    record SoftmaxXent() implements Op {}

    /** Operands dloss [n], logits [n, c], labels i32[n], lse f32[n]; result dlogits. */
    record SoftmaxXentGrad() implements Op {}

    /**
     * Multi-head scaled dot-product attention. Operands q [b, s, heads·d], k and v [b, t, heads·d] of one float type, and seed
     * i32[2] if {@code dropout > 0}; results o like q, lse f32[b, heads, s] (logarithm of the softmax's denominator, as in
     * FlashAttention-2, arXiv:2307.08691). Causal: query i sees keys up to i. Dropout acts on the probabilities: one whose
     * uniform number is below {@code dropout} becomes 0, the others are divided by 1 - dropout; element index for the
     * generator is ((b·heads + h)·s + i)·t + j. Where samples or heads are split over ranks, the seed is i32[4]: behind the
     * seed itself stand the number b·heads + h that the first pair of sample and head has among all ranks', and the number
     * of heads of all ranks, so that the mask is that of one rank.
     */
    record Attention(int heads, boolean causal, double scale, double dropout, int stream) implements Op {}

    /** Operands do, q, k, v, o, lse (and seed as in {@link Attention}); results dq, dk, dv. */
    record AttentionGrad(int heads, boolean causal, double scale, double dropout, int stream) implements Op {}

    /**
     * Decoupled weight decay Adam (Loshchilov and Hutter, arXiv:1711.05101; torch.optim.AdamW's order of operations).
     * Operands param, grad, f32 moments m and v, and f32 scalars lr, step (1-based), gradScale (multiplies grad first);
     * results param, m, v. A gradScale that is not finite means that the gradients are of no use: the results are then the
     * operands.
     */
    record AdamW(double beta1, double beta2, double epsilon, double weightDecay) implements Op {}

    /** The operand, with no gradient flowing back. */
    record StopGradient() implements View {}

    /** Several ops run by one kernel: operand i is the body's input named i, result j its output named j. */
    record Fused(FusionKind kind, Graph body) implements Op {}

    /** An exchange between ranks. */
    sealed interface Collective extends Op {

        /** Along which ranks exchange. */
        MeshAxis axis();

        /** The number of ranks along it. */
        int size();
    }

    /**
     * Combines, element by element, the operands that the ranks along {@code axis} have; every rank gets the result. One
     * or more operands of one dtype, each reduced by itself, so that many small ones travel at once.
     */
    record AllReduce(MeshAxis axis, ReduceFn fn, int size) implements Collective {}

    /**
     * Joins the ranks' shards: the inverse of {@link RankSlice}. One or more operands of one dtype and rank above
     * {@code dim}, each gathered by itself.
     */
    record AllGather(MeshAxis axis, int size, int dim, int parts) implements Collective, DataMovement {}

    /** The rank's shard, as {@link RankSlice} cuts it, of the sum over the ranks. One or more operands, as in {@link AllGather}. */
    record ReduceScatter(MeshAxis axis, int size, int dim, int parts) implements Collective {}

    /**
     * The operand of the rank {@code shift} places before, in a ring. Before a graph is divided along the axis, a tensor is
     * what all ranks have, one behind the other along its first axis: its {@code size} sections move {@code shift} places on.
     */
    record Permute(MeshAxis axis, int size, int shift) implements Collective, DataMovement {}

    /**
     * A rank's shard. Operands x and the rank's coordinate i32[]. Axis {@code dim} is cut into {@code parts} equal
     * sections and each of these into {@code size} equal pieces; the result joins piece number {@code coordinate} of each
     * section. (Three parts: a joint projection to queries, keys and values, which is to be split by heads.)
     */
    record RankSlice(int size, int dim, int parts) implements DataMovement {}

    /** The operand. Tells the partitioner that every rank along {@code axis} shall hold all of it. */
    record Replicate(MeshAxis axis) implements DataMovement {}
}
