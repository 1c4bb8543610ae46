package org.clipc.tests;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import org.clipc.compiler.kernel.Target;
import org.clipc.compiler.tornado.TornadoSdk;
import org.clipc.compiler.tornado.TornadoTarget;
import org.clipc.runtime.device.Device;
import org.clipc.runtime.device.DeviceOptions;
import org.clipc.runtime.device.Devices;
import org.clipc.runtime.device.TornadoVm;

/** TornadoVM's device, where there is one. */
final class Tornado {

    private Tornado() {}

    /** Skips the test where Java was started without TornadoVM. */
    static void require() {
        assumeTrue(TornadoVm.isPresent(), "TornadoVM is not here: TORNADOVM_HOME is not set");
    }

    /** Kernels that are right on every device. */
    static Target target() {
        try {
            return new TornadoTarget(TornadoSdk.apiJar(System.getenv(TornadoSdk.HOME)), TornadoTarget.Kind.CPU);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Device device() {
        return Devices.open("tornado", DeviceOptions.DEFAULT);
    }
}
