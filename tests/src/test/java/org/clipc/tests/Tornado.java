package org.clipc.tests;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import org.clipc.compiler.kernel.Target;
import org.clipc.compiler.tornado.TornadoSdk;
import org.clipc.compiler.tornado.TornadoTarget;
import org.clipc.runtime.device.Device;
import org.clipc.runtime.device.DeviceOptions;
import org.clipc.runtime.device.catalog.Devices;
import org.clipc.runtime.device.tornado.TornadoVm;

/** TornadoVM's device, where there is one. */
final class Tornado {

    private Tornado() {}

    /** Skips the test where Java was started without TornadoVM. */
    static void require() {
        assumeTrue(TornadoVm.isPresent(), "TornadoVM is not here: TORNADOVM_HOME is not set");
    }

    /** Skips the test where the device has no C of TornadoVM's targets, which is what works on bf16 there. */
    static void requireOpenCl() {
        require();
        assumeTrue(
                TornadoVm.get().devices().getFirst().backend().equals("OPENCL"),
                "TornadoVM's first device takes no OpenCL C, and kernels for bf16 are in C only");
    }

    /** Kernels for the device: TornadoVM's CUDA backend takes no vectors as wide as those that are for CPUs. */
    static Target target() {
        try {
            var kind = TornadoVm.get().devices().getFirst().gpu() ? TornadoTarget.Kind.GPU : TornadoTarget.Kind.CPU;
            return new TornadoTarget(TornadoSdk.apiJar(System.getenv(TornadoSdk.HOME)), kind);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Device device() {
        return Devices.open("tornado", DeviceOptions.DEFAULT);
    }
}
