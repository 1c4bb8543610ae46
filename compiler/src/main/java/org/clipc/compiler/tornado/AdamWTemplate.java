package org.clipc.compiler.tornado;

import com.palantir.javapoet.CodeBlock;
import java.util.List;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.KernelSpec.AdamW;
import org.clipc.compiler.kernel.Launch;

/**
 * {@link AdamW} in the order of operations of torch.optim.AdamW: decay, moments, corrected step. A work item for each
 * number. Nothing changes when gradScale is not finite. For CUDA see {@link MultiTensorAdamWTemplate}.
 */
final class AdamWTemplate {

    private static final int GROUP = 256;

    private AdamWTemplate() {}

    static void plan(AdamW spec, Launch launch, CallSink sink) {
        var in = launch.inputs();
        var out = launch.outputs();
        var attributes = launch.attributes();
        var count = in.getFirst().elements();
        var kernel = new TornadoKernel(
                        "AdamW",
                        "AdamW of " + spec.parameter().text() + " by "
                                + spec.gradient().text() + " gradients",
                        GROUP)
                .number("count", count)
                .at("param", in.get(0))
                .at("grad", in.get(1))
                .at("m", in.get(2))
                .at("v", in.get(3))
                .at("rateAt", in.get(4))
                .at("stepAt", in.get(5))
                .at("scaleAt", in.get(6))
                .at("paramOut", out.get(0))
                .at("mOut", out.get(1))
                .at("vOut", out.get(2));
        numbers(kernel, attributes)
                .real("weightDecay", attributes.get(3))
                .launch(sink, Math.ceilDiv(count, GROUP), helpers -> {
                    TornadoMathCode.ONE_MINUS_EXP.add(helpers);
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

    /** Binds what the update takes of the attributes, but for the weight decay. */
    static TornadoKernel numbers(TornadoKernel kernel, List<Double> attributes) {
        double beta1 = attributes.get(0);
        double beta2 = attributes.get(1);
        // Differences from 1 and logarithms in double precision: 1 - 0.999^step has few digits left in f32.
        return kernel.real("gain1", 1 - beta1)
                .real("beta2", beta2)
                .real("gain2", 1 - beta2)
                .real("log1", Math.log(beta1))
                .real("log2", Math.log(beta2))
                .real("epsilon", attributes.get(2));
    }
}
