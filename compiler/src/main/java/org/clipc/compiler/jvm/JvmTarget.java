package org.clipc.compiler.jvm;

import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.KernelSpec;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.Target;

/** Java kernels over the Vector API, for vectors of one width. */
public final class JvmTarget implements Target {

    private final int bits;
    private final ElementwiseTemplate elementwise;
    private final ReduceTemplate reduce;
    private final GemmTemplate gemm;

    /** @param bits width of the vectors: 128, 256 or 512 */
    public JvmTarget(int bits) {
        if (bits != 128 && bits != 256 && bits != 512) {
            throw new IllegalArgumentException("there are no vectors of " + bits + " bits: use 128, 256 or 512");
        }
        this.bits = bits;
        this.elementwise = new ElementwiseTemplate(bits);
        this.reduce = new ReduceTemplate(bits);
        this.gemm = new GemmTemplate(bits);
    }

    @Override
    public String name() {
        return "jvm" + bits;
    }

    @Override
    public void plan(Launch launch, CallSink sink) {
        switch (launch.spec()) {
            case KernelSpec.Elementwise spec -> elementwise.plan(spec, launch, sink);
            case KernelSpec.Gather(var dtype) -> new IndexTemplate(bits).gather(dtype, launch, sink);
            case KernelSpec.ScatterAdd(var dtype) -> new IndexTemplate(bits).scatterAdd(dtype, launch, sink);
            case KernelSpec.ArgMax(var dtype) -> new ArgMaxTemplate(bits).plan(dtype, launch, sink);
            case KernelSpec.RandomSubset subset -> new RandomSubsetTemplate(subset, bits).plan(launch, sink);
            case KernelSpec.AdamW spec -> new AdamWTemplate(bits).plan(spec, launch, sink);
            case KernelSpec.Reduce spec -> reduce.plan(spec, launch, sink);
            case KernelSpec.Combine spec ->
                reduce.combine(
                        spec.fn(), launch.inputs().getFirst(), launch.outputs().getFirst(), sink);
            case KernelSpec.LayerNorm spec -> new LayerNormTemplate(bits).plan(spec, launch, sink);
            case KernelSpec.LayerNormGrad spec -> new LayerNormTemplate(bits).planGrad(spec, launch, sink);
            case KernelSpec.Softmax spec -> new SoftmaxTemplate(bits).plan(spec, launch, sink);
            case KernelSpec.SoftmaxGrad spec -> new SoftmaxTemplate(bits).planGrad(spec, launch, sink);
            case KernelSpec.SoftmaxXent spec -> new CrossEntropyTemplate(bits).plan(spec, launch, sink);
            case KernelSpec.SoftmaxXentGrad spec -> new CrossEntropyTemplate(bits).planGrad(spec, launch, sink);
            case KernelSpec.Attention spec -> new AttentionTemplate(bits).plan(spec, launch, sink);
            case KernelSpec.AttentionGrad spec -> new AttentionGradTemplate(bits).plan(spec, launch, sink);
            case KernelSpec.Gemm spec -> gemm.plan(spec, launch, sink);
        }
    }
}
