package org.clipc.compiler.jvm;

import com.palantir.javapoet.CodeBlock;
import java.util.Map;
import javax.lang.model.element.Modifier;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.CallSink.Argument;
import org.clipc.compiler.kernel.KernelSpec.AdamW;
import org.clipc.compiler.kernel.Launch;
import org.clipc.ir.Comparison;
import org.clipc.ir.DType;

/**
 * {@link AdamW} for the JVM, in the order of operations of torch.optim.AdamW: decay, moments, corrected step. One pass over
 * parameter, gradient and moments, bound by memory. Nothing changes when gradScale is not finite.
 */
final class AdamWTemplate {

    private static final int UNIT = 1 << 14;

    private static final ArgumentLayout LAYOUT = ArgumentLayout.of(
            "param",
            "grad",
            "m",
            "v",
            "rate",
            "step",
            "gradScale",
            "paramOut",
            "mOut",
            "vOut",
            "count",
            "beta1",
            "beta2",
            "epsilon",
            "weightDecay");

    private final int bits;

    AdamWTemplate(int bits) {
        this.bits = bits;
    }

    void plan(AdamW spec, Launch launch, CallSink sink) {
        var in = launch.inputs();
        var out = launch.outputs();
        var attributes = launch.attributes();
        var count = Math.toIntExact(in.getFirst().elements());
        var values = Map.ofEntries(
                Map.entry("param", Argument.of(in.get(0))),
                Map.entry("grad", Argument.of(in.get(1))),
                Map.entry("m", Argument.of(in.get(2))),
                Map.entry("v", Argument.of(in.get(3))),
                Map.entry("rate", Argument.of(in.get(4))),
                Map.entry("step", Argument.of(in.get(5))),
                Map.entry("gradScale", Argument.of(in.get(6))),
                Map.entry("paramOut", Argument.of(out.get(0))),
                Map.entry("mOut", Argument.of(out.get(1))),
                Map.entry("vOut", Argument.of(out.get(2))),
                Map.entry("count", Argument.of(count)),
                Map.entry("beta1", number(attributes.get(0))),
                Map.entry("beta2", number(attributes.get(1))),
                Map.entry("epsilon", number(attributes.get(2))),
                Map.entry("weightDecay", number(attributes.get(3))));
        var description =
                "AdamW of " + spec.parameter().text() + " by " + spec.gradient().text() + " gradients";
        var kernel = KernelClass.kernel(bits, "AdamW", description, LAYOUT, k -> render(spec, k));
        sink.call(kernel, LAYOUT.bind(values), Math.ceilDiv(count, UNIT), 0, 0);
    }

    private static Argument number(double value) {
        return Argument.of(Double.doubleToRawLongBits(value));
    }

    private static void render(AdamW spec, KernelClass kernel) {
        kernel.add(kernel.unit()
                .addCode(LAYOUT.declareInts("count"))
                .addCode(LAYOUT.declareDoubles("beta1", "beta2", "epsilon", "weightDecay"))
                .addStatement("final double rate = $L", scalar("rate"))
                .addStatement("final double step = $L", scalar("step"))
                .addStatement("final float gradScale = $L", scalar("gradScale"))
                .addStatement("final int first = unit * $L", UNIT)
                .addStatement("final int n = Math.min($L, count - first)", UNIT)
                .addStatement("final float keep = Math.abs(gradScale) <= Float.MAX_VALUE ? 0f : 1f")
                .addStatement("final double correction1 = 1 - Math.pow(beta1, step)")
                .addStatement("final double correction2 = Math.sqrt(1 - Math.pow(beta2, step))")
                .addStatement(
                        "update(arena, local, n, $L, $L, $L, $L, $L, $L, $L, gradScale, keep, (float) (1 - rate * weightDecay),"
                                + " (float) (1 - beta1), (float) beta2, (float) (1 - beta2), (float) (rate / correction1),"
                                + " (float) (1 / correction2), (float) epsilon)",
                        at("param", spec.parameter()),
                        at("grad", spec.gradient()),
                        at("m", DType.F32),
                        at("v", DType.F32),
                        at("paramOut", spec.parameter()),
                        at("mOut", DType.F32),
                        at("vOut", DType.F32)));
        var update = kernel.method("update").addParameter(int.class, "n", Modifier.FINAL);
        for (var tensor : new String[] {"param", "grad", "m", "v", "paramOut", "mOut", "vOut"}) {
            update.addParameter(long.class, tensor, Modifier.FINAL);
        }
        for (var number :
                new String[] {"gradScale", "keep", "decay", "gain1", "beta2", "gain2", "rate", "uncorrect", "epsilon"
                }) {
            update.addParameter(float.class, number, Modifier.FINAL);
        }
        kernel.add(update.addCode(Loops.each(kernel.library(), "n", strip -> element(spec, strip))));
    }

    private static void element(AdamW spec, Strip strip) {
        var lanes = strip.lanes();
        var param = strip.let(strip.load(spec.parameter(), "param"));
        var m = strip.let(strip.load(DType.F32, "m"));
        var v = strip.let(strip.load(DType.F32, "v"));
        var grad = strip.let(lanes.mul(strip.load(spec.gradient(), "grad"), strip.splat("gradScale")));
        var newM = strip.let(lanes.add(m, lanes.mul(lanes.sub(grad, m), strip.splat("gain1"))));
        var square = lanes.mul(lanes.mul(grad, grad), strip.splat("gain2"));
        var newV = strip.let(lanes.add(lanes.mul(v, strip.splat("beta2")), square));
        var root = lanes.mul(lanes.sqrt(newV), strip.splat("uncorrect"));
        var change = lanes.div(lanes.mul(newM, strip.splat("rate")), lanes.add(root, strip.splat("epsilon")));
        var newParam = strip.let(lanes.sub(lanes.mul(param, strip.splat("decay")), change));
        var kept = strip.compare(Comparison.NE, strip.splat("keep"), lanes.constant(0));
        strip.store(spec.parameter(), "paramOut", lanes.select(kept, param, newParam));
        strip.store(DType.F32, "mOut", lanes.select(kept, m, newM));
        strip.store(DType.F32, "vOut", lanes.select(kept, v, newV));
    }

    private static CodeBlock scalar(String name) {
        return Memory.loadOne(DType.F32, LAYOUT.read(name));
    }

    private static CodeBlock at(String name, DType dtype) {
        return CodeBlock.of("$L + $LL * first", LAYOUT.read(name), dtype.bytes());
    }
}
