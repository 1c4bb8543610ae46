package org.clipc.runtime.cli;

import java.util.Objects;
import org.clipc.runtime.device.DeviceOptions;
import org.clipc.runtime.device.catalog.Devices;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

@Command(name = "devices", description = "Lists the devices of this machine.", mixinStandardHelpOptions = true)
final class DevicesCommand implements Runnable {

    @Spec
    private @Nullable CommandSpec spec;

    @Override
    public void run() {
        var out = Objects.requireNonNull(spec).commandLine().getOut();
        for (var name : Devices.names()) {
            try (var device = Devices.open(name, DeviceOptions.DEFAULT)) {
                out.println(device.name() + "  " + device.description());
            }
        }
        out.flush();
    }
}
