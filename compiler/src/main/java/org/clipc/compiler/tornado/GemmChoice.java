package org.clipc.compiler.tornado;

import org.clipc.compiler.kernel.KernelSpec.Gemm;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.RenderedKernel;
import org.clipc.compiler.kernel.View;

/** What products are told apart by, where there are several ways to compute one. */
final class GemmChoice {

    private GemmChoice() {}

    /** @param stem what the name begins with */
    static String name(String stem, Gemm spec, Launch launch) {
        var a = launch.inputs().get(0);
        var b = launch.inputs().get(1);
        var c = launch.outputs().getFirst();
        return "%s %dx%d %dx%dx%d %s%s"
                .formatted(
                        RenderedKernel.simpleName(stem, describe(spec)),
                        c.dim(0),
                        c.dim(1),
                        c.dim(2),
                        c.dim(3),
                        a.dim(3),
                        layout(a),
                        layout(b));
    }

    /** All that a kernel for the product depends on, as text. */
    static String describe(Gemm spec) {
        return GemmEpilogue.describeFactors(spec) + ", " + new GemmEpilogue(spec).describe();
    }

    /** Which axes have no extent or a stride of 0: the batch's; and whether the last one is dense. */
    private static String layout(View view) {
        return (view.stride(0) == 0 ? "s" : "b")
                + (view.stride(1) == 0 ? "s" : "b")
                + (view.stride(3) == 1 ? "n" : "t");
    }
}
