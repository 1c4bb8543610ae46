package org.clipc.compiler.tornado;

import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.KernelSpec.Attention;
import org.clipc.compiler.kernel.KernelSpec.AttentionGrad;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.DType;

/**
 * Flash attention of bf16 on the tensor cores of NVIDIA's GPUs, forward and backward, after FlashAttention-2 (Dao 2023,
 * arXiv:2307.08691): products by {@code mma.sync.m16n8k16}, summed in f32; a softmax that goes on from tile to tile. A warp
 * has 16 rows, in registers; tiles of the other matrices pass through shared memory, a pair being on its way while that
 * before is worked on. In the backward pass one kernel sums up the gradient of its queries over tiles of keys, and another
 * those of its keys and values over tiles of queries: two products more than if one kernel did both, but no atomics, whose
 * order would differ from run to run.
 *
 * <p>The layout of fragments is that of the PTX manual, section 9.7.14.
 */
final class TensorAttentionTemplate {

    private static final int MOST_DEPTH = 128;

    /** The depth up to which registers hold much, and shared memory long tiles. */
    private static final int SMALL_DEPTH = 64;

    /** Bytes of shared memory that a kernel can declare. */
    private static final int SHARED_BYTES = 48 << 10;

    private TensorAttentionTemplate() {}

    /** Maxima of scores are taken before they are scaled, by a positive number. */
    static boolean takes(DType dtype, boolean dropout, Launch launch) {
        return dtype == DType.BF16
                && !dropout
                && launch.inputs().get(1).dim(3) <= MOST_DEPTH
                && launch.attributes().get(0) > 0;
    }

    /**
     * What a block does.
     *
     * @param warps of 16 rows each
     * @param matrices of which it loads its rows at first
     */
    private record Block(int depth, int warps, int matrices) {

        /** Of as many warps as leave the fewest of all blocks' warps without rows. */
        static Block of(int depth, int rows, int matrices) {
            var warps = IntStream.rangeClosed(4, depth <= SMALL_DEPTH ? 6 : 4)
                    .boxed()
                    .min(Comparator.comparingInt(count -> Math.ceilDiv(rows, 16 * count) * count))
                    .orElseThrow();
            return new Block(depth, warps, matrices);
        }

        int rows() {
            return 16 * warps;
        }

        private int padded() {
            return Math.ceilDiv(depth, 16) * 16;
        }

        /** Rows are apart by an odd number of 16 bytes, so that eight of them lie in all banks of shared memory. */
        private int stride() {
            return padded() + TensorCores.VECTOR;
        }

        private int tile() {
            return depth <= SMALL_DEPTH ? 64 : 32;
        }

        /** Whether shared memory holds the block's rows beside the first pair of tiles. */
        private boolean together() {
            var floats = 2 * 2 * tile();
            return (2 * tile() + matrices * rows()) * stride() * DType.BF16.bytes() + floats * Float.BYTES
                    <= SHARED_BYTES;
        }

        private int area() {
            return Math.max(4 * tile(), (together() ? 2 * tile() : 0) + matrices * rows());
        }

        String constants() {
            return """
                    constexpr int DEPTH = %d, PADDED = %d, STRIDE = %d, TILE = %d, ROWS = %d, THREADS = %d;
                    constexpr int AREA = %d;
                    constexpr bool TOGETHER = %b;
                    """.formatted(depth, padded(), stride(), tile(), rows(), 32 * warps, area(), together());
        }
    }

    static void plan(Attention spec, Launch launch, CallSink sink) {
        var in = launch.inputs();
        var out = launch.outputs();
        var q = in.get(0);
        var block = Block.of(q.dim(3), q.dim(1), 1);
        var variant = new Variant(block, spec.causal(), in.subList(0, 3), out.subList(0, 1));
        var kernel = variant.kernel("TensorAttention", "Attention");
        var blocks = bind(kernel, launch, in.subList(0, 3), block, q.dim(1));
        AttentionTemplate.bind(kernel, "o", out.get(0));
        kernel.at("lse", out.get(1));
        kernel.launchCuda(
                sink,
                blocks,
                variant.functions(TensorAttentionCode.ATTEND),
                TensorAttentionCode.PLACE + TensorAttentionCode.KEYS_THAT_COUNT + TensorAttentionCode.FORWARD);
    }

    static void planGrad(AttentionGrad spec, Launch launch, CallSink sink) {
        var delta = AttentionDelta.plan(spec, launch, sink);
        planQueries(spec, launch, delta, sink);
        planKeys(spec, launch, delta, sink);
    }

    private static void planQueries(AttentionGrad spec, Launch launch, View delta, CallSink sink) {
        var in = launch.inputs();
        var q = in.get(1);
        var block = Block.of(q.dim(3), q.dim(1), 2);
        var variant = new Variant(
                block, spec.causal(), in.subList(0, 4), launch.outputs().subList(0, 1));
        var kernel = variant.kernel("TensorAttentionGradQ", "Gradient of queries");
        var blocks = bindGrad(kernel, launch, delta, block, q.dim(1));
        AttentionTemplate.bind(kernel, "dq", launch.outputs().get(0));
        kernel.launchCuda(
                sink,
                blocks,
                variant.functions(TensorAttentionCode.CHANGE),
                TensorAttentionCode.PLACE + TensorAttentionCode.KEYS_THAT_COUNT + TensorAttentionCode.QUERIES);
    }

    private static void planKeys(AttentionGrad spec, Launch launch, View delta, CallSink sink) {
        var in = launch.inputs();
        var k = in.get(2);
        var block = Block.of(k.dim(3), k.dim(1), 2);
        var variant = new Variant(
                block, spec.causal(), in.subList(0, 4), launch.outputs().subList(1, 3));
        var kernel = variant.kernel("TensorAttentionGradKv", "Gradients of keys and values");
        var blocks = bindGrad(kernel, launch, delta, block, k.dim(1));
        AttentionTemplate.bind(kernel, "dk", launch.outputs().get(1));
        AttentionTemplate.bind(kernel, "dv", launch.outputs().get(2));
        kernel.launchCuda(
                sink,
                blocks,
                variant.functions(TensorAttentionCode.CHANGE_KEYS),
                TensorAttentionCode.PLACE + TensorAttentionCode.KEYS);
    }

    /** All that the code of a kernel depends on. */
    private record Variant(Block block, boolean causal, boolean aligned, boolean storesAligned) {

        Variant(Block block, boolean causal, List<View> read, List<View> written) {
            this(block, causal, TensorCores.isAligned(read), TensorCores.isAligned(written));
        }

        TornadoKernel kernel(String stem, String what) {
            var description = "%s on tensor cores with heads of %d%s%s%s"
                    .formatted(
                            what,
                            block.depth,
                            causal ? ", causal" : "",
                            aligned ? ", aligned" : "",
                            storesAligned ? ", results aligned" : "");
            return new TornadoKernel(stem, description, 32 * block.warps);
        }

        String functions(String own) {
            var constants = "constexpr bool CAUSAL = %b, ALIGNED = %b, STORES_ALIGNED = %b;%n"
                    .formatted(causal, aligned, storesAligned);
            return CDialect.CUDA.bfloat16()
                    + CudaFunctions.APPROXIMATE
                    + TensorCores.FUNCTIONS
                    + block.constants()
                    + constants
                    + TensorAttentionCode.FUNCTIONS
                    + own;
        }
    }

    /** Binds what all kernels take, and tells how many blocks there are for all rows of all heads. */
    private static long bind(TornadoKernel kernel, Launch launch, List<View> qkv, Block block, int rows) {
        var q = qkv.get(0);
        var blocks = Math.ceilDiv(rows, block.rows());
        kernel.number("heads", q.dim(2))
                .number("queries", q.dim(1))
                .number("keys", qkv.get(1).dim(1))
                .number("blocks", blocks)
                .real("scale", launch.attributes().get(0));
        AttentionTemplate.bind(kernel, "q", q);
        AttentionTemplate.bind(kernel, "k", qkv.get(1));
        AttentionTemplate.bind(kernel, "v", qkv.get(2));
        return (long) q.dim(0) * q.dim(2) * blocks;
    }

    private static long bindGrad(TornadoKernel kernel, Launch launch, View delta, Block block, int rows) {
        var blocks = bind(kernel, launch, launch.inputs().subList(1, 4), block, rows);
        AttentionTemplate.bind(kernel, "dout", launch.inputs().get(0));
        kernel.at("lse", launch.inputs().get(5)).at("delta", delta);
        return blocks;
    }
}
