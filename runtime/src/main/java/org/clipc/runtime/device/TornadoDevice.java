package org.clipc.runtime.device;

import java.io.IOException;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import org.clipc.program.ProgramFile;
import org.clipc.program.Schedule;
import org.clipc.runtime.io.DataFormatException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A device of TornadoVM. Kernels are admitted as the JVM's are, and can reach nothing but their arrays; but where they run,
 * nothing checks that they stay within these. So run programs there whose origin you know.
 */
public final class TornadoDevice implements Device {

    static final String TARGET = "tornado";

    private static final Logger LOG = LoggerFactory.getLogger(TornadoDevice.class);

    private final TornadoVm vm;
    private final TornadoVm.DeviceInfo info;
    private final GemmKernels gemm;

    private TornadoDevice(TornadoVm vm, TornadoVm.DeviceInfo info, GemmKernels gemm) {
        this.vm = vm;
        this.info = info;
        this.gemm = gemm;
    }

    /**
     * @param place {@code <backend>:<device>}; empty for a GPU if there is one, else for the first device
     * @throws DeviceException if there is no such device, or no TornadoVM
     */
    static TornadoDevice open(String place, GemmKernels gemm) {
        var vm = TornadoVm.get();
        var devices = vm.devices();
        var found = devices.stream()
                .filter(d -> place.isEmpty() ? d.gpu() : d.place().equals(place))
                .findFirst()
                .or(() -> place.isEmpty() ? devices.stream().findFirst() : Optional.empty())
                .orElseThrow(() -> new DeviceException(
                        devices.isEmpty()
                                ? "TornadoVM finds no device: install a driver for it, such as pocl-opencl-icd for CPUs"
                                : "TornadoVM has no device " + place + ", only "
                                        + String.join(
                                                ", ",
                                                devices.stream()
                                                        .map(d -> TARGET + ":" + d.place())
                                                        .toList())));
        if (gemm == GemmKernels.PREBUILT && !found.compilesOpenCl()) {
            throw new DeviceException(TARGET + ":" + found.place() + " is a device of the backend " + found.backend()
                    + ", which does not take OpenCL C: leave --gemm=prebuilt out");
        }
        return new TornadoDevice(vm, found, found.compilesOpenCl() ? gemm : GemmKernels.JIT);
    }

    @Override
    public String name() {
        return TARGET + ":" + info.place();
    }

    @Override
    public String description() {
        return info.name() + " by TornadoVM's " + info.backend() + " backend, " + (info.memoryBytes() >> 20)
                + " MiB of memory";
    }

    @Override
    public DeviceProgram load(ProgramFile program, Collection<String> entries, MeshRank rank) throws IOException {
        var manifest = program.manifest();
        // Kernels of either kind are right on both.
        var wanted = info.gpu() ? List.of(TARGET + "gpu", TARGET + "cpu") : List.of(TARGET + "cpu", TARGET + "gpu");
        var target = wanted.stream().filter(manifest.targets()::contains).findFirst();
        if (target.isEmpty()) {
            throw new DataFormatException(
                    program.path(),
                    "has kernels for " + String.join(", ", manifest.targets())
                            + " only: compile it with --target tornado, or --target jvm,tornado for both");
        }
        var schedules = new LinkedHashMap<String, Schedule>();
        for (var entry : entries) {
            schedules.put(entry, program.schedule(target.get(), entry));
            for (var shorter : manifest.forShorterTexts(entry)) {
                schedules.put(shorter.name(), program.schedule(target.get(), shorter.name()));
            }
        }
        var loaded = TornadoProgram.load(program, target.get(), List.copyOf(schedules.values()), vm, info, gemm);
        LOG.info("{}: on {}, {} MiB", program.path().getFileName(), description(), loaded.memoryBytes() >> 20);
        return loaded;
    }

    @Override
    public void close() {}
}
