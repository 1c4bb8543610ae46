package org.clipc.compiler.tornado;

import com.palantir.javapoet.CodeBlock;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.KernelSpec.AdamW;
import org.clipc.compiler.kernel.Launch;
import org.clipc.ir.DType;

/**
 * {@link AdamW} in the order of operations of torch.optim.AdamW: decay, moments, corrected step. A work item for each
 * parameter, or for CUDA for as many as go through an access of 16 bytes. Nothing changes when gradScale is not finite.
 */
final class AdamWTemplate {

    private static final int GROUP = 256;

    private AdamWTemplate() {}

    static void plan(AdamW spec, Launch launch, CallSink sink) {
        var in = launch.inputs();
        var out = launch.outputs();
        var attributes = launch.attributes();
        var count = in.getFirst().elements();
        double beta1 = attributes.get(0);
        double beta2 = attributes.get(1);
        var width = TornadoTarget.dialect(sink.target()) == CDialect.CUDA
                ? WideSpace.width(
                        Math.toIntExact(count),
                        Stream.concat(in.subList(0, 4).stream(), out.stream()).toList())
                : 1;
        var items = count / width;
        new TornadoKernel(
                        "AdamW",
                        "AdamW of " + spec.parameter().text() + " by "
                                + spec.gradient().text() + " gradients"
                                + (width == 1 ? "" : ", " + width + " at a time"),
                        GROUP)
                .number("count", items)
                .at("param", in.get(0))
                .at("grad", in.get(1))
                .at("m", in.get(2))
                .at("v", in.get(3))
                .at("rateAt", in.get(4))
                .at("stepAt", in.get(5))
                .at("scaleAt", in.get(6))
                .at("paramOut", out.get(0))
                .at("mOut", out.get(1))
                .at("vOut", out.get(2))
                // Differences from 1 and logarithms in double precision: 1 - 0.999^step has few digits left in f32.
                .real("gain1", 1 - beta1)
                .real("beta2", beta2)
                .real("gain2", 1 - beta2)
                .real("log1", Math.log(beta1))
                .real("log2", Math.log(beta2))
                .real("epsilon", attributes.get(2))
                .real("weightDecay", attributes.get(3))
                .launch(sink, Math.ceilDiv(items, GROUP), helpers -> {
                    TornadoMathCode.ONE_MINUS_EXP.add(helpers);
                    if (width > 1) {
                        return wide(spec, width);
                    }
                    var old = TornadoKernel.load(spec.parameter(), "param + i");
                    return CodeBlock.of(
                            """
                            final int i = group * $L + local;
                            final float scale = f.get(scaleAt);
                            if (i < count && scale - scale == 0f) {
                                final float rate = f.get(rateAt);
                                final float step = f.get(stepAt);
                                final float correction1 = oneMinusExp(log1 * step);
                                final float correction2 = $T.sqrt(oneMinusExp(log2 * step));
                                final float gradient = $L * scale;
                                final float oldM = f.get(m + i);
                                final float newM = oldM + (gradient - oldM) * gain1;
                                final float newV = f.get(v + i) * beta2 + gradient * gradient * gain2;
                                final float change = newM * (rate / correction1)
                                        / ($T.sqrt(newV) / correction2 + epsilon);
                                $L;
                                f.set(mOut + i, newM);
                                f.set(vOut + i, newV);
                            } else if (i < count) {
                                $L;
                                f.set(mOut + i, f.get(m + i));
                                f.set(vOut + i, f.get(v + i));
                            }
                            """,
                            GROUP,
                            TornadoApi.MATH,
                            TornadoKernel.load(spec.gradient(), "grad + i"),
                            TornadoApi.MATH,
                            TornadoKernel.store(
                                    spec.parameter(),
                                    CodeBlock.of("paramOut + i"),
                                    CodeBlock.of("$L * (1f - rate * weightDecay) - change", old)),
                            TornadoKernel.store(spec.parameter(), CodeBlock.of("paramOut + i"), old));
                });
    }

    /** As above, of several parameters at a time. */
    private static CodeBlock wide(AdamW spec, int width) {
        var code = CodeBlock.builder()
                .addStatement("final int item = group * $L + local", GROUP)
                .beginControlFlow("if (item < count)")
                .addStatement("final int i = item * $L", width)
                .add(WideElementwiseTemplate.wideLoad(spec.parameter(), width, CodeBlock.of("param + i"), "oldParams"))
                .add(WideElementwiseTemplate.wideLoad(spec.gradient(), width, CodeBlock.of("grad + i"), "gradients"))
                .add(WideElementwiseTemplate.wideLoad(DType.F32, width, CodeBlock.of("m + i"), "oldMs"))
                .add(WideElementwiseTemplate.wideLoad(DType.F32, width, CodeBlock.of("v + i"), "oldVs"))
                .add("""
                        final float scale = f.get(scaleAt);
                        final boolean isFinite = scale - scale == 0f;
                        final float rate = f.get(rateAt);
                        final float step = f.get(stepAt);
                        final float correction1 = oneMinusExp(log1 * step);
                        final float correction2 = $T.sqrt(oneMinusExp(log2 * step));
                        """, TornadoApi.MATH);
        for (var lane = 0; lane < width; lane++) {
            code.add("""
                    final float gradient$1L = gradients[$1L] * scale;
                    final float newM$1L = oldMs[$1L] + (gradient$1L - oldMs[$1L]) * gain1;
                    final float newV$1L = oldVs[$1L] * beta2 + gradient$1L * gradient$1L * gain2;
                    final float change$1L = newM$1L * (rate / correction1)
                            / ($2T.sqrt(newV$1L) / correction2 + epsilon);
                    final float newParam$1L = oldParams[$1L] * (1f - rate * weightDecay) - change$1L;
                    """, lane, TornadoApi.MATH);
        }
        return code.add(wideStore(spec.parameter(), width, "param", "Param"))
                .add(wideStore(DType.F32, width, "m", "M"))
                .add(wideStore(DType.F32, width, "v", "V"))
                .endControlFlow()
                .build();
    }

    private static CodeBlock wideStore(DType dtype, int width, String place, String name) {
        var values = IntStream.range(0, width)
                .mapToObj(lane -> CodeBlock.of("isFinite ? new$1L$2L : old$1Ls[$2L]", name, lane))
                .toList();
        return WideElementwiseTemplate.wideStore(dtype, CodeBlock.of("$LOut + i", place), "new" + name + "s", values);
    }
}
