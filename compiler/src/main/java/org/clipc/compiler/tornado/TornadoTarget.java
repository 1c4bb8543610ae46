package org.clipc.compiler.tornado;

import java.nio.file.Path;
import java.util.List;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.KernelSpec;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.RenderedKernel;
import org.clipc.compiler.kernel.Target;

/** Kernels that TornadoVM compiles for an accelerator. Tensors are f32, i32 or bool. */
public final class TornadoTarget implements Target {

    private final Path api;
    private final Kind kind;
    private final RowTemplate rows;

    /** What kernels are made for. They are right on either; but what makes a GPU fast, a CPU has not. */
    public enum Kind {
        CPU,
        GPU
    }

    /** @param api the jar of TornadoVM's API, against which kernels are compiled; see {@link TornadoSdk} */
    public TornadoTarget(Path api, Kind kind) {
        this.api = api;
        this.kind = kind;
        this.rows = new RowTemplate(kind);
    }

    /**
     * {@code Upload} and {@code Download}, between the arena of floats and a small array that the host has too; and {@code
     * Receive}, which reads and writes an element of both arenas: TornadoVM copies an array to the device only where the
     * first task that has it reads it. By {@code ProbeFlops}, and {@code Download}, profiles learn what the device can do.
     */
    @Override
    public List<RenderedKernel> runtimeKernels() {
        return List.of(
                TornadoKernel.fixed(name(), "Upload", "f.set(args.get(0) + i, constants.get(i))"),
                TornadoKernel.fixed(name(), "Download", "constants.set(i, f.get(args.get(0) + i))"),
                TornadoKernel.fixed(name(), "Receive", "f.set(i, f.get(i));\nn.set(i, n.get(i))"),
                ProbeTemplate.kernel(name(), kind));
    }

    @Override
    public List<Path> classPath() {
        return List.of(api);
    }

    @Override
    public String name() {
        return switch (kind) {
            case CPU -> "tornadocpu";
            case GPU -> "tornadogpu";
        };
    }

    @Override
    public void plan(Launch launch, CallSink sink) {
        switch (launch.spec()) {
            case KernelSpec.Elementwise spec -> ElementwiseTemplate.plan(spec, launch, sink);
            case KernelSpec.Gather(var dtype) -> IndexTemplate.gather(dtype, launch, sink);
            case KernelSpec.ScatterAdd(var dtype) -> IndexTemplate.scatterAdd(dtype, launch, sink);
            case KernelSpec.ArgMax(var dtype) -> rows.argMax(dtype, launch, sink);
            case KernelSpec.RandomSubset(var ofPart) -> RandomSubsetTemplate.plan(ofPart, launch, sink);
            case KernelSpec.AdamW spec -> AdamWTemplate.plan(spec, launch, sink);
            case KernelSpec.Reduce spec -> ReduceTemplate.plan(spec, launch, kind, sink);
            case KernelSpec.Combine spec ->
                ReduceTemplate.combine(
                        spec.reduceFn(),
                        launch.inputs().getFirst(),
                        launch.outputs().getFirst(),
                        kind,
                        sink);
            case KernelSpec.LayerNorm spec -> rows.layerNorm(spec, launch, sink);
            case KernelSpec.LayerNormGrad spec -> rows.layerNormGrad(spec, launch, sink);
            case KernelSpec.Softmax(var dtype) -> rows.softmax(dtype, launch, sink);
            case KernelSpec.SoftmaxGrad(var dtype) -> rows.softmaxGrad(dtype, launch, sink);
            case KernelSpec.SoftmaxXent(var dtype) -> rows.crossEntropy(dtype, launch, sink);
            case KernelSpec.SoftmaxXentGrad(var dtype) -> rows.crossEntropyGrad(dtype, launch, sink);
            case KernelSpec.Attention spec -> AttentionTemplate.plan(spec, launch, sink);
            case KernelSpec.AttentionGrad spec -> AttentionTemplate.planGrad(spec, launch, sink);
            case KernelSpec.Gemm spec -> {
                switch (kind) {
                    case CPU -> PanelGemmTemplate.plan(spec, launch, sink);
                    case GPU -> GemmTemplate.plan(spec, launch, sink);
                }
            }
        }
    }
}
