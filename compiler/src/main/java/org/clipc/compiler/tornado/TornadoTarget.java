package org.clipc.compiler.tornado;

import java.nio.file.Path;
import java.util.List;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.KernelSpec;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.RenderedKernel;
import org.clipc.compiler.kernel.Target;

/**
 * Kernels for TornadoVM's devices: in Java, which it compiles, and in C, which drivers do. For CUDA in C only. Tensors are
 * f32, bf16, i32 or bool.
 */
public final class TornadoTarget implements Target {

    private static final String CUDA = "tornadocuda";

    private final List<Path> classPath;
    private final Kind kind;
    private final RowTemplate rows;

    /**
     * What kernels are made for. Those for CPUs and GPUs are right on either; but what makes a GPU fast, a CPU has not. Those
     * for CUDA run on GPUs of NVIDIA only.
     */
    public enum Kind {
        CPU,
        GPU,
        CUDA
    }

    private TornadoTarget(List<Path> classPath, Kind kind) {
        this.classPath = classPath;
        this.kind = kind;
        this.rows = new RowTemplate(kind);
    }

    /** @param api the jar of TornadoVM's API, against which kernels are compiled; see {@link TornadoSdk} */
    public TornadoTarget(Path api, Kind kind) {
        this(kind == Kind.CUDA ? List.of() : List.of(api), kind);
    }

    /** For CUDA: nothing is compiled until the device's driver does, so no SDK is needed. */
    public static TornadoTarget cuda() {
        return new TornadoTarget(List.of(), Kind.CUDA);
    }

    /**
     * {@code Upload} and {@code Download}, between the arena of floats and a small array that the host has too; and {@code
     * Receive}, which reads and writes an element of both arenas: TornadoVM copies an array to the device only where the
     * first task that has it reads it. By {@code ProbeFlops}, and {@code Download}, profiles learn what the device can do.
     */
    @Override
    public List<RenderedKernel> runtimeKernels() {
        if (kind == Kind.CUDA) {
            return List.of();
        }
        return List.of(
                TornadoKernel.fixed(name(), "Upload", "f.set(args.get(0) + i, constants.get(i))"),
                TornadoKernel.fixed(name(), "Download", "constants.set(i, f.get(args.get(0) + i))"),
                TornadoKernel.fixed(name(), "Receive", "f.set(i, f.get(i));\nn.set(i, n.get(i))"),
                ProbeTemplate.kernel(name(), kind));
    }

    @Override
    public boolean sumsFactors() {
        return kind == Kind.CUDA;
    }

    @Override
    public boolean hasArenaOfInts() {
        return true;
    }

    @Override
    public List<Path> classPath() {
        return classPath;
    }

    @Override
    public String name() {
        return switch (kind) {
            case CPU -> "tornadocpu";
            case GPU -> "tornadogpu";
            case CUDA -> CUDA;
        };
    }

    /** The C of a target of this kind, by its name. */
    static CDialect dialect(String target) {
        return target.equals(CUDA) ? CDialect.CUDA : CDialect.OPENCL;
    }

    @Override
    public int plan(List<Launch> launches, CallSink sink) {
        var together = switch (launches.getFirst().spec()) {
            case KernelSpec.AdamW _ when kind == Kind.CUDA -> MultiTensorAdamWTemplate.plan(launches, sink);
            case KernelSpec.Reduce _ when kind == Kind.CUDA -> MultiTensorNormTemplate.plan(launches, sink);
            default -> 0;
        };
        return together > 0 ? together : Target.super.plan(launches, sink);
    }

    @Override
    public void plan(Launch launch, CallSink sink) {
        switch (launch.spec()) {
            case KernelSpec.Elementwise spec -> ElementwiseTemplate.plan(spec, launch, sink);
            case KernelSpec.Gather(var dtype) -> IndexTemplate.gather(dtype, launch, sink);
            case KernelSpec.ScatterAdd(var dtype) -> IndexTemplate.scatterAdd(dtype, launch, kind, sink);
            case KernelSpec.ArgMax(var dtype) -> rows.argMax(dtype, launch, sink);
            case KernelSpec.RandomSubset(var ofPart) -> RandomSubsetTemplate.plan(ofPart, launch, sink);
            case KernelSpec.AdamW spec -> {
                if (kind == Kind.CUDA) {
                    MultiTensorAdamWTemplate.plan(List.of(launch), sink);
                } else {
                    AdamWTemplate.plan(spec, launch, sink);
                }
            }
            case KernelSpec.Reduce spec -> ReduceTemplate.plan(spec, launch, kind, sink);
            case KernelSpec.Combine spec ->
                ReduceTemplate.combine(
                        spec.fn(), launch.inputs().getFirst(), launch.outputs().getFirst(), kind, sink);
            case KernelSpec.LayerNorm _ -> rows.layerNorm(launch, sink);
            case KernelSpec.LayerNormGrad _ -> rows.layerNormGrad(launch, sink);
            case KernelSpec.Softmax _ -> rows.softmax(launch, sink);
            case KernelSpec.SoftmaxGrad _ -> rows.softmaxGrad(launch, sink);
            case KernelSpec.SoftmaxXent _ -> rows.crossEntropy(launch, sink);
            case KernelSpec.SoftmaxXentGrad _ -> rows.crossEntropyGrad(launch, sink);
            case KernelSpec.Attention spec -> {
                if (kind == Kind.CUDA && TensorAttentionTemplate.takes(spec.dtype(), spec.dropout(), launch)) {
                    TensorAttentionTemplate.plan(spec, launch, sink);
                } else {
                    AttentionTemplate.plan(spec, launch, sink);
                }
            }
            case KernelSpec.AttentionGrad spec -> {
                if (kind == Kind.CUDA && TensorAttentionTemplate.takes(spec.dtype(), spec.dropout(), launch)) {
                    TensorAttentionTemplate.planGrad(spec, launch, sink);
                } else {
                    AttentionTemplate.planGrad(spec, launch, sink);
                }
            }
            case KernelSpec.Gemm spec -> {
                switch (kind) {
                    case CPU -> PanelGemmTemplate.plan(spec, launch, sink);
                    case GPU -> GemmTemplate.choose(spec, launch, sink);
                    case CUDA -> ProductTemplate.plan(spec, launch, sink);
                }
            }
        }
    }
}
