package org.clipc.compiler.jvm;

import java.lang.foreign.Arena;
import java.util.List;
import java.util.Objects;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.Target;
import org.clipc.runtime.device.cuda.CudaDevice;

/** Runs launches in CUDA C, on a device or by {@link CudaEmulator}. */
final class CudaLab extends DeviceLab {

    CudaLab(KernelLab lab, Target target) {
        super(lab, target);
    }

    @Override
    void run(List<Launch> launches, List<Call> calls) {
        var ready = calls.stream().map(this::ready).toList();
        try (var scope = Arena.ofShared()) {
            var ints = scope.allocate(lab.used() * Integer.BYTES, Long.BYTES);
            copyInputs(launches, ints);
            var arena = lab.arena().asSlice(0, lab.used());
            if (TestTargets.isEmulated()) {
                CudaDevice.emulate(ready, arena, ints);
            } else {
                CudaDevice.get().run(ready, arena, ints);
            }
            copyOutputs(launches, ints);
        }
    }

    private CudaDevice.Call ready(Call call) {
        var source = Objects.requireNonNull(call.kernel().prebuilt())
                .apply(call.kernel().source().get());
        var arguments = call.arguments().stream().map(this::resolved).toList();
        return new CudaDevice.Call(call.simpleName(), source, call.groups(), call.groupSize(), arguments);
    }
}
