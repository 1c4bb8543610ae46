package org.clipc.compiler.jvm;

import com.palantir.javapoet.CodeBlock;
import com.palantir.javapoet.TypeName;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.clipc.compiler.kernel.Access;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.ExprDag;
import org.clipc.compiler.kernel.KernelSpec.Gemm;
import org.clipc.compiler.kernel.KernelSpec.Operand;
import org.clipc.compiler.kernel.KernelSpec.Result;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.RenderedKernel;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.DType;

/**
 * {@link Gemm} for the JVM, in the structure of Goto and van de Geijn ("Anatomy of high-performance matrix
 * multiplication", TOMS 34(3), 2008): first calls pack operands into the shared scratch, of which a last one computes
 * blocks of C. An operand that is used once is packed by the worker that uses it. A block is summed up in the worker's
 * scratch over all of the depth, in a fixed order; then the epilogue reads it row by row and stores the results.
 */
final class GemmTemplate {

    /** First position in the worker's scratch that the epilogue's tiles may take. */
    private static final int SCRATCH = 0;

    /** The parameter that stands for operand 0. */
    private static final String SUMS = "x0";

    private final GemmTile tile;

    GemmTemplate(int bits) {
        this.tile = GemmTile.of(bits);
    }

    void plan(Gemm spec, Launch launch, CallSink sink) {
        var walk = walk(spec);
        var kernel = kernel(spec, layout(walk));
        var options = new LinkedHashMap<String, Consumer<CallSink>>();
        options.put(tile.cut(), to -> plan(tile, walk, kernel, launch, to));
        for (var cut : tile.otherCuts()) {
            options.put(cut.cut(), to -> plan(cut, walk, kernel, launch, to));
        }
        sink.choose(name(kernel, launch), options, tile.defaults());
    }

    /** The kernel and all that {@link GemmPlan} looks at. */
    private static String name(RenderedKernel kernel, Launch launch) {
        var a = launch.inputs().get(0);
        var b = launch.inputs().get(1);
        var simple = kernel.className().substring(kernel.className().lastIndexOf('.') + 1);
        return "%s %dx%d %dx%dx%d%s%s"
                .formatted(simple, a.dim(0), a.dim(1), a.dim(2), b.dim(3), a.dim(3), layout(a), layout(b));
    }

    /** Element type, and which axes have no extent or a stride of 0: the batch's; and whether the last one is dense. */
    private static String layout(View view) {
        return " " + view.dtype().text() + (view.stride(0) == 0 ? "s" : "b") + (view.stride(1) == 0 ? "s" : "b")
                + (view.stride(3) == 1 ? "n" : "t");
    }

    private void plan(GemmTile cut, RowWalk walk, RenderedKernel kernel, Launch launch, CallSink sink) {
        var layout = layout(walk);
        for (var part : GemmPlan.parts(cut, launch, align(walk.localFloats()))) {
            var values = part.arguments();
            var axes = new RowWalk.Axes(launch.outputs().getFirst().dims(), List.of(0, 1, 2), 3);
            // The view of B stands for the accumulator, which has none.
            walk.bind(
                    launch.inputs().subList(1, launch.inputs().size()),
                    launch.outputs(),
                    launch.attributes(),
                    axes,
                    values);
            for (var packing : part.packings()) {
                sink.prepare(
                        GemmPanels.kernel(tile),
                        GemmPanels.LAYOUT.bind(packing.arguments()),
                        packing.units(),
                        0,
                        part.sharedFloats(),
                        packing.bytes());
            }
            sink.call(kernel, layout.bind(values), part.units(), part.localFloats(), part.sharedFloats());
        }
    }

    private static int align(int floats) {
        return (floats + 15) / 16 * 16;
    }

    private RowWalk walk(Gemm spec) {
        var operands = new ArrayList<Operand>();
        operands.add(new Operand(DType.F32, Access.CONTIGUOUS));
        operands.addAll(spec.operands());
        var results = spec.results().stream()
                .map(r -> new Operand(r.dtype(), Access.CONTIGUOUS))
                .toList();
        return new RowWalk(3, tile.runColumns(), SCRATCH, operands, 1, dag(spec), results);
    }

    private static ExprDag dag(Gemm spec) {
        return ExprDag.of(spec.results().stream().map(Result::value).toList());
    }

    private static ArgumentLayout layout(RowWalk walk) {
        return new ArgumentLayout(Stream.concat(GemmPlan.ARGUMENTS.stream(), walk.argumentNames().stream())
                .toList());
    }

    private RenderedKernel kernel(Gemm spec, ArgumentLayout layout) {
        var operands =
                spec.operands().stream().map(ElementwiseTemplate::describe).collect(Collectors.joining(", "));
        var results = spec.results().stream().map(r -> r.dtype().text()).collect(Collectors.joining(", "));
        // The element types and layouts of A and B are arguments.
        var description = "Gemm, x0 the sum of products, (" + operands + ") -> (" + results + "): "
                + dag(spec).text();
        return KernelClass.kernel(tile.bits(), "Gemm", description, layout, k -> render(spec, k));
    }

    private void render(Gemm spec, KernelClass kernel) {
        var walk = walk(spec);
        var sums = new RowCode.Extra(SUMS, CodeBlock.of("sums + r * sumsStride + c"));
        var code = new RowCode(walk, kernel, sums);
        kernel.run(run(kernel.layout(), walk));
        kernel.add(code.block(TypeName.VOID, CodeBlock.of(""), rowCall -> rowCall)
                .addParameter(int.class, "sums")
                .addParameter(int.class, "sumsStride"));
        var body = Loops.each(kernel.library(), "n", strip -> {
            var expressions = code.expressions(strip);
            var values = spec.results().stream()
                    .map(result -> expressions.renderAs(result.dtype(), result.value()))
                    .toList();
            for (var i = 0; i < values.size(); i++) {
                code.store(strip, i, values.get(i));
            }
        });
        kernel.add(code.row(TypeName.VOID).addCode(body));
    }

    private CodeBlock run(ArgumentLayout layout, RowWalk walk) {
        var code = CodeBlock.builder()
                .add(layout.declareLongs("at", "batch1", "batch2", "rowStride", "depthStride"))
                .add(layout.declareInts("form", "batch2Extent", "batchFrom", "depth", "chunk"))
                .add(layout.declareInts("heldFrom", "heldExtent", "heldFirst", "heldPerBatch", "blockSize"))
                .add(layout.declareInts("sharedFrom", "sharedExtent", "sharedPerBatch", "stretch", "joined"))
                .add(layout.declareInts("spare", "sumsStride"));
        code.add(
                """
                final boolean heldIsA = $1L != 0;
                final boolean packs = $2L == 0;
                final boolean touches = $9L != 0;
                final float[] panels = packs ? local : shared;
                final int heldWidth = heldIsA ? $3L : $4L;
                final int sharedWidth = heldIsA ? $4L : $3L;
                final int heldPitch = heldIsA ? $5L : $4L;
                final int sharedPitch = heldIsA ? $4L : $5L;
                final int heldPadded = (heldExtent + heldWidth - 1) / heldWidth * heldPitch;
                final int sharedPadded = (sharedExtent + sharedWidth - 1) / sharedWidth * sharedPitch;
                final int blocks = (heldExtent + blockSize - 1) / blockSize;
                final int stretches = (sharedExtent + stretch - 1) / stretch;
                for (int unit = from; unit < to; ) {
                    final int block = unit / stretches;
                    final int s = unit % stretches;
                    final int count = Math.min(Math.min(joined, stretches - s), to - unit);
                    final int batch = block / blocks;
                    final long b1 = (batchFrom + batch) / batch2Extent;
                    final long b2 = (batchFrom + batch) % batch2Extent;
                    final int h0 = block % blocks * blockSize;
                    final int hn = Math.min(blockSize, heldExtent - h0);
                    final int s0 = s * stretch;
                    final int sn = Math.min(count * stretch, sharedExtent - s0);
                    final long start = at + b1 * batch1 + b2 * batch2 + (heldFrom + h0) * rowStride;
                    final int hPanels = packs ? heldFirst : heldFirst + batch * heldPerBatch;
                    final int sPanels = batch * sharedPerBatch;
                    float touched = 0;
                    for (int k = 0; k < depth; k += chunk) {
                        final int kc = Math.min(chunk, depth - k);
                        final int hAt = packs ? hPanels : hPanels + k * heldPadded + h0 / heldWidth * heldPitch * kc;
                        final int sAt = sPanels + k * sharedPadded + s0 / sharedWidth * sharedPitch * kc;
                        final int kNext = k + kc < depth ? k + kc : 0;
                        final int next = (k + kc < depth ? s0 : s0 + sn) / sharedWidth * sharedPitch;
                        final int sNext = sPanels + kNext * sharedPadded + next * Math.min(chunk, depth - kNext);
                        if (packs) {
                            $6T.pack(arena, form, start + k * depthStride, rowStride, depthStride, hn, kc,
                                    local, hAt, kc);
                        }
                        touched += heldIsA
                                ? $6T.multiply(kc, hn, sn, touches, sNext, panels, hAt, shared, sAt, local, $7L, sumsStride, k > 0)
                                : $6T.multiply(kc, sn, hn, touches, hAt, shared, sAt, panels, hAt, local, $7L, sumsStride, k > 0);
                    }
                    local[spare] += touched;
                    final int m0 = heldIsA ? heldFrom + h0 : sharedFrom + s0;
                    final int n0 = heldIsA ? sharedFrom + s0 : heldFrom + h0;
                    block(arena, local, args, heldIsA ? hn : sn, heldIsA ? sn : hn$8L,
                            $7L, sumsStride);
                    unit += count;
                }
                """,
                layout.read("heldIsA"),
                layout.read("isPacked"),
                tile.rows(),
                tile.columns(),
                tile.pitch(),
                GemmPanels.className(tile),
                align(walk.localFloats()),
                walk.blockArguments(layout, List.of("b1", "b2", "m0"), "n0"),
                layout.read("touches"));
        return code.build();
    }
}
