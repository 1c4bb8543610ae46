package org.clipc.compiler.tornado;

import com.palantir.javapoet.CodeBlock;
import java.util.stream.IntStream;
import org.clipc.compiler.kernel.RenderedKernel;
import org.clipc.compiler.tornado.TornadoTarget.Kind;

/**
 * {@code ProbeFlops}: what the runtime measures a device's arithmetic by. Each of {@code args.get(1)} items takes {@code
 * args.get(0)} steps of {@value #FLOPS} operations, multiply-adds in independent chains, without any memory access; in
 * vectors of 8 on CPUs, which {@link PanelGemmTemplate} needs there too.
 */
final class ProbeTemplate {

    /** Operations of a step; the runtime counts on that. */
    private static final int FLOPS = 192;

    private static final int LANES = 8;

    private ProbeTemplate() {}

    static RenderedKernel kernel(String target, Kind kind) {
        return TornadoKernel.fixed(
                target,
                "ProbeFlops",
                switch (kind) {
                    case CPU -> vectors();
                    case GPU, CUDA -> scalars();
                });
    }

    private static CodeBlock vectors() {
        var chains = FLOPS / 2 / LANES;
        var code = CodeBlock.builder()
                .addStatement("final $T x = $L", TornadoApi.FLOAT_8, all("0.999f"))
                .addStatement("final $T y = $L", TornadoApi.FLOAT_8, all("0.001f"));
        for (var chain = 0; chain < chains; chain++) {
            code.addStatement("final float start$L = $L", chain, start(chain));
            code.addStatement("$T c$L = $L", TornadoApi.FLOAT_8, chain, all("start" + chain));
        }
        code.beginControlFlow("for (int k = 0; k < args.get(0); k++)");
        for (var chain = 0; chain < chains; chain++) {
            code.addStatement("c$1L = $2T.add(y, $2T.mult(c$1L, x))", chain, TornadoApi.FLOAT_8);
        }
        code.endControlFlow();
        for (var chain = 1; chain < chains; chain++) {
            code.addStatement("c0 = $T.add(c0, c$L)", TornadoApi.FLOAT_8, chain);
        }
        return code.addStatement("f.set(i, $L)", sum("c0.getS%d()", LANES)).build();
    }

    /** Different for every chain and item: no compiler then finds that one would do. */
    private static CodeBlock start(int chain) {
        return CodeBlock.of("i * 1e-9f + 0.$Lf", chain);
    }

    private static CodeBlock all(String value) {
        var values =
                IntStream.range(0, LANES).mapToObj(_ -> CodeBlock.of(value)).toList();
        return CodeBlock.of("new $T($L)", TornadoApi.FLOAT_8, CodeBlock.join(values, ", "));
    }

    private static CodeBlock scalars() {
        var chains = FLOPS / 2 / LANES;
        var code = CodeBlock.builder();
        for (var chain = 0; chain < chains; chain++) {
            code.addStatement("float c$L = $L", chain, start(chain));
        }
        code.beginControlFlow("for (int k = 0; k < args.get(0); k++)");
        for (var round = 0; round < LANES; round++) {
            for (var chain = 0; chain < chains; chain++) {
                code.addStatement("c$1L = c$1L * 0.999f + 0.001f", chain);
            }
        }
        return code.endControlFlow()
                .addStatement("f.set(i, $L)", sum("c%d", chains))
                .build();
    }

    private static CodeBlock sum(String term, int count) {
        return TornadoKernel.sum(IntStream.range(0, count)
                .mapToObj(i -> CodeBlock.of("$L", term.formatted(i)))
                .toList());
    }
}
