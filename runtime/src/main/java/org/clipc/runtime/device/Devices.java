package org.clipc.runtime.device;

import java.util.List;

/** The devices there are, by name. */
public final class Devices {

    private static final List<String> NAMES = List.of("jvm");

    private Devices() {}

    public static List<String> names() {
        return NAMES;
    }

    /**
     * @param name one of {@link #names}, or {@code auto} for the best that this machine has
     * @param threads for devices that use the CPU; 0 for all cores
     * @throws DeviceException if there is no such device here
     */
    public static Device open(String name, int threads) {
        return switch (name) {
            case "auto", "jvm" -> threads > 0 ? new JvmDevice(threads) : new JvmDevice();
            default ->
                throw new DeviceException("there is no device '" + name + "' here, only " + String.join(", ", NAMES));
        };
    }
}
