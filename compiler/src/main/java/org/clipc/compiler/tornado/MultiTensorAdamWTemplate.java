package org.clipc.compiler.tornado;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.CallSink.Argument;
import org.clipc.compiler.kernel.KernelSpec.AdamW;
import org.clipc.compiler.kernel.Launch;
import org.clipc.ir.DType;

/**
 * {@link AdamW} in CUDA C, of many parameters by one kernel, see {@link MultiTensor}. In the order of operations of
 * torch.optim.AdamW: decay, moments, corrected step. A work item for as many numbers as go through an access of 16 bytes.
 * Nothing changes when gradScale is not finite.
 */
final class MultiTensorAdamWTemplate {

    private static final int THREADS = 256;

    /** Parameters of a kernel: CUDA takes 4096 bytes of arguments. */
    private static final int MOST = 64;

    private static final String LOAD = """
                const int item = block * THREADS + (int) threadIdx.x;
                const float scale = f[scaleAt];
                if (item >= (int) args.v[row + 1] || scale - scale != 0.0f) {
                    return;
                }
                const int i = item * WIDTH;
                const long long param = args.v[row + 2] + i, grad = args.v[row + 3] + i;
                const long long m = args.v[row + 4] + i, v = args.v[row + 5] + i;
                const float weightDecay = __int_as_float((int) args.v[row + 6]);
                float params[WIDTH], gradients[WIDTH], ms[WIDTH], vs[WIDTH];
            """;

    private static final String UPDATE = """
                const float rate = f[rateAt], time = f[stepAt];
                const float correction1 = -expm1f(log1 * time), correction2 = sqrtf(-expm1f(log2 * time));
                #pragma unroll
                for (int k = 0; k < WIDTH; k++) {
                    const float gradient = gradients[k] * scale;
                    ms[k] += (gradient - ms[k]) * gain1;
                    vs[k] = vs[k] * beta2 + gradient * gradient * gain2;
                    const float change = ms[k] * (rate / correction1) / (sqrtf(vs[k]) / correction2 + epsilon);
                    params[k] = params[k] * (1.0f - rate * weightDecay) - change;
                }
            """;

    private MultiTensorAdamWTemplate() {}

    /** Plans the first of some launches with those behind it that fit its kernel; returns how many. */
    static int plan(List<Launch> launches, CallSink sink) {
        var first = launches.getFirst();
        var together = together(launches);
        var spec = (AdamW) first.spec();
        var width = width(first);
        var in = first.inputs();
        var kernel = new TornadoKernel(
                        "AdamW",
                        "AdamW of up to %d times %s by %s gradients, %d at a time"
                                .formatted(
                                        MOST,
                                        spec.parameter().text(),
                                        spec.gradient().text(),
                                        width),
                        THREADS)
                .number("tensors", together.size())
                .at("rateAt", in.get(4))
                .at("stepAt", in.get(5))
                .at("scaleAt", in.get(6));
        AdamWTemplate.numbers(kernel, first.attributes());
        var rows = new MultiTensor.Builder();
        for (var launch : together) {
            var items = launch.inputs().getFirst().elements() / width;
            rows.add(Math.ceilDiv(items, THREADS), row(launch, items));
        }
        var tensors = rows.build(MOST);
        var constants = "constexpr int WIDTH = %d, THREADS = %d;%n".formatted(width, THREADS);
        kernel.rows(tensors.arguments())
                .launchCuda(
                        sink,
                        tensors.groups(),
                        CDialect.CUDA.bfloat16()
                                + CudaFunctions.WIDE_CODE
                                + constants
                                + tensors.constants(kernel.named()),
                        MultiTensor.find() + body(spec, width));
        return together.size();
    }

    private static String body(AdamW spec, int width) {
        return LOAD
                + Stream.of(
                                WideAccess.load(spec.parameter(), width, "param", "params"),
                                WideAccess.load(spec.gradient(), width, "grad", "gradients"),
                                WideAccess.load(DType.F32, width, "m", "ms"),
                                WideAccess.load(DType.F32, width, "v", "vs"))
                        .map(MultiTensorAdamWTemplate::line)
                        .collect(Collectors.joining())
                + UPDATE
                + Stream.of(
                                WideAccess.store(spec.parameter(), width, "param", "params"),
                                WideAccess.store(DType.F32, width, "m", "ms"),
                                WideAccess.store(DType.F32, width, "v", "vs"))
                        .map(MultiTensorAdamWTemplate::line)
                        .collect(Collectors.joining());
    }

    private static String line(String statement) {
        return "    " + statement + "\n";
    }

    /** The first launches that differ in nothing but their tensors and their weight decay, none of which reads what another writes. */
    private static List<Launch> together(List<Launch> launches) {
        var first = launches.getFirst();
        var together = new ArrayList<Launch>();
        Set<Integer> written = new HashSet<>();
        for (var launch : launches.subList(0, Math.min(MOST, launches.size()))) {
            var alike = launch.spec().equals(first.spec())
                    && width(launch) == width(first)
                    && launch.inputs().subList(4, 7).equals(first.inputs().subList(4, 7))
                    && launch.attributes()
                            .subList(0, 3)
                            .equals(first.attributes().subList(0, 3));
            if (!alike || launch.inputs().stream().anyMatch(view -> written.contains(view.buffer()))) {
                break;
            }
            together.add(launch);
            launch.outputs().forEach(view -> written.add(view.buffer()));
        }
        return together;
    }

    private static int width(Launch launch) {
        var count = Math.toIntExact(launch.inputs().getFirst().elements());
        return WideSpace.width(count, launch.inputs().subList(0, 4));
    }

    private static List<Argument> row(Launch launch, long items) {
        var in = launch.inputs();
        return List.of(
                Argument.of(items),
                TornadoKernel.place(in.get(0)),
                TornadoKernel.place(in.get(1)),
                TornadoKernel.place(in.get(2)),
                TornadoKernel.place(in.get(3)),
                Argument.of(launch.attributes().get(3).floatValue()));
    }
}
