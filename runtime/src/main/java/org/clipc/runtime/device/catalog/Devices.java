package org.clipc.runtime.device.catalog;

import java.util.ArrayList;
import java.util.List;
import org.clipc.runtime.device.Device;
import org.clipc.runtime.device.DeviceException;
import org.clipc.runtime.device.DeviceOptions;
import org.clipc.runtime.device.jvm.JvmDevice;
import org.clipc.runtime.device.tornado.TornadoDevice;
import org.clipc.runtime.device.tornado.TornadoVm;

/** The devices there are, by name. */
public final class Devices {

    private static final String JVM = "jvm";
    private static final String AUTO = "auto";

    private Devices() {}

    /** Names of all devices of this machine that this Java can use. */
    public static List<String> names() {
        var names = new ArrayList<>(List.of(JVM));
        if (TornadoVm.isPresent()) {
            TornadoVm.get().devices().forEach(device -> names.add(TornadoDevice.TARGET + ":" + device.place()));
        }
        return names;
    }

    /**
     * @param name {@code jvm}; {@code tornado} for the rank's of TornadoVM's GPUs, or its first device if there is none;
     *     {@code tornado:<backend>:<device>} for one of its devices; {@code auto} for the JVM, which programs are compiled for
     *     unless asked otherwise
     * @throws DeviceException if there is no such device here
     */
    public static Device open(String name, DeviceOptions options) {
        if (name.equals(JVM) || name.equals(AUTO)) {
            return options.threads() > 0 ? new JvmDevice(options.threads()) : new JvmDevice();
        }
        if (name.equals(TornadoDevice.TARGET)) {
            return TornadoDevice.open("", options);
        }
        if (name.startsWith(TornadoDevice.TARGET + ":")) {
            return TornadoDevice.open(name.substring(TornadoDevice.TARGET.length() + 1), options);
        }
        throw new DeviceException("there is no device '" + name + "' here, only " + String.join(", ", names()));
    }
}
