package org.clipc.compiler.jvm;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.function.Consumer;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.CallSink.Argument;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.RenderedKernel;
import org.clipc.compiler.kernel.Target;
import org.clipc.runtime.device.CudaDevice;

/**
 * Runs launches of a {@link KernelLab} in CUDA C, on a device or by {@link CudaEmulator}: floats at the same places, ints one
 * for each byte.
 */
final class CudaLab {

    private final KernelLab lab;
    private final Target target;

    CudaLab(KernelLab lab, Target target) {
        this.lab = lab;
        this.target = target;
    }

    void run(Launch launch) {
        var calls = new ArrayList<CudaDevice.Call>();
        target.plan(launch, new CallSink() {
            @Override
            public String target() {
                return target.name();
            }

            @Override
            public int temporary(long bytes) {
                return lab.buffer(bytes);
            }

            @Override
            public void call(
                    RenderedKernel kernel, List<Argument> arguments, int units, int localFloats, int sharedFloats) {
                throw new IllegalArgumentException("this target launches kernels");
            }

            @Override
            public void choose(String name, SequencedMap<String, Consumer<CallSink>> options) {
                List.copyOf(options.values()).get(lab.option() % options.size()).accept(this);
            }

            @Override
            public void launch(RenderedKernel kernel, List<Argument> arguments, int groups, int groupSize) {
                if (groups == 0) {
                    return;
                }
                var name = kernel.className().substring(kernel.className().lastIndexOf('.') + 1);
                var source = Objects.requireNonNull(kernel.prebuilt())
                        .apply(kernel.source().get());
                calls.add(new CudaDevice.Call(name, source, groups, groupSize, resolved(arguments)));
            }
        });
        try (var scope = Arena.ofShared()) {
            var ints = scope.allocate(lab.used() * Integer.BYTES, Long.BYTES);
            launch.inputs().stream()
                    .filter(view -> !view.dtype().isFloat())
                    .forEach(view -> DeviceInts.copy(lab, view, ints, true));
            var arena = lab.arena().asSlice(0, lab.used());
            if (TestTargets.isEmulated()) {
                CudaDevice.emulate(calls, arena, ints);
            } else {
                CudaDevice.get().run(calls, arena, ints);
            }
            launch.outputs().stream()
                    .filter(view -> !view.dtype().isFloat())
                    .forEach(view -> DeviceInts.copy(lab, view, ints, false));
        }
    }

    private List<Long> resolved(List<Argument> arguments) {
        return arguments.stream()
                .map(argument -> switch (argument) {
                    case Argument.Literal(var literal) -> literal;
                    case Argument.Element(var buffer, var index, var dtype) ->
                        dtype.isFloat() ? lab.start(buffer) / dtype.bytes() + index : lab.start(buffer) + index;
                    case Argument.Constant _, Argument.Address _ ->
                        throw new IllegalArgumentException("a kernel takes no " + argument);
                })
                .toList();
    }
}
