package org.clipc.runtime.device.program;

import java.nio.file.Path;
import org.clipc.runtime.device.DeviceException;

/**
 * A device's memory.
 *
 * @param device name of the device
 * @param bytes all that it has
 * @param mostBytes what it gives at once
 */
public record DeviceMemory(String device, long bytes, long mostBytes) {

    /** @throws DeviceException if {@code needed} bytes for a program are more than there are, or more than come at once */
    public void require(Path program, long needed) {
        var most = Math.min(bytes, mostBytes);
        if (needed > most) {
            throw new DeviceException(
                    "%s needs %d MiB in one piece, but %s %s %d MiB: lower model.micro_batch_size or set model.memory_budget"
                            .formatted(
                                    program,
                                    needed >> 20,
                                    device,
                                    bytes <= mostBytes ? "has" : "gives no more at once than",
                                    most >> 20));
        }
    }
}
