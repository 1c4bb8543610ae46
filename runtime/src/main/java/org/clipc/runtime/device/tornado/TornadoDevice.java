package org.clipc.runtime.device.tornado;

import java.io.IOException;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import org.clipc.program.ProgramFile;
import org.clipc.program.Schedule;
import org.clipc.runtime.device.CudaOptions;
import org.clipc.runtime.device.Device;
import org.clipc.runtime.device.DeviceException;
import org.clipc.runtime.device.DeviceOptions;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.device.GemmKernels;
import org.clipc.runtime.device.MeshRank;
import org.clipc.runtime.device.TuningFile;
import org.clipc.runtime.device.cuda.Cuda;
import org.clipc.runtime.device.cuda.CudaNative;
import org.clipc.runtime.device.cuda.CudaProgram;
import org.clipc.runtime.device.program.DeviceMemory;
import org.clipc.runtime.io.DataFormatException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A device of TornadoVM. Kernels are admitted as the JVM's are, and can reach nothing but their arrays; but where they run,
 * nothing checks that they stay within these. So run programs there whose origin you know.
 */
public final class TornadoDevice implements Device {

    public static final String TARGET = "tornado";

    /** The backend whose devices take CUDA C. */
    public static final String CUDA = "CUDA";

    private static final String CUDA_TARGET = TARGET + "cuda";

    private static final Logger LOG = LoggerFactory.getLogger(TornadoDevice.class);

    private final TornadoVm vm;
    private final TornadoVm.DeviceInfo info;
    private final GemmKernels gemm;
    private final CudaOptions cuda;

    private TornadoDevice(TornadoVm vm, TornadoVm.DeviceInfo info, GemmKernels gemm, CudaOptions cuda) {
        this.vm = vm;
        this.info = info;
        this.gemm = gemm;
        this.cuda = cuda;
    }

    /**
     * @param place {@code <backend>:<device>}; empty for the rank's GPU if there are any, else for the first device
     * @throws DeviceException if there is no such device, or no TornadoVM
     */
    public static TornadoDevice open(String place, DeviceOptions options) {
        var vm = TornadoVm.get();
        var found = choose(vm.devices(), place, options.rank());
        var gemm = options.gemm();
        var isCuda = found.backend().equals(CUDA);
        if (gemm == GemmKernels.PREBUILT && !found.compilesOpenCl() && !isCuda) {
            throw new DeviceException(TARGET + ":" + found.place() + " is a device of the backend " + found.backend()
                    + ", which does not take C: leave --gemm=prebuilt out");
        }
        if (gemm == GemmKernels.LIBRARY && !isCuda) {
            throw new DeviceException(TARGET + ":" + found.place() + " is a device of the backend " + found.backend()
                    + ", but --gemm=library is for CUDA: leave it out");
        }
        return new TornadoDevice(vm, found, gemm, options.cuda());
    }

    /** Ranks take GPUs in turn, and share one where there are fewer. */
    static TornadoVm.DeviceInfo choose(List<TornadoVm.DeviceInfo> devices, String place, int rank) {
        if (devices.isEmpty()) {
            throw new DeviceException(
                    "TornadoVM finds no device: install a driver for it, such as pocl-opencl-icd for CPUs");
        }
        if (place.isEmpty()) {
            var gpus = devices.stream().filter(TornadoVm.DeviceInfo::gpu).toList();
            return gpus.isEmpty() ? devices.getFirst() : gpus.get(rank % gpus.size());
        }
        return devices.stream()
                .filter(d -> d.place().equals(place))
                .findFirst()
                .orElseThrow(() -> new DeviceException("TornadoVM has no device " + place + ", only "
                        + String.join(
                                ", ",
                                devices.stream()
                                        .map(d -> TARGET + ":" + d.place())
                                        .toList())));
    }

    @Override
    public String name() {
        return TARGET + ":" + info.place();
    }

    @Override
    public String description() {
        return info.identity() + ", " + (info.memoryBytes() >> 20) + " MiB of memory";
    }

    @Override
    public String identity() {
        return info.identity();
    }

    @Override
    public DeviceProgram load(ProgramFile program, Collection<String> entries, MeshRank rank) throws IOException {
        var manifest = program.manifest();
        if (info.backend().equals(CUDA)
                && gemm != GemmKernels.JIT
                && manifest.targets().contains(CUDA_TARGET)) {
            return loadCuda(program, schedules(program, CUDA_TARGET, entries), rank);
        }
        // Kernels of either kind are right on both.
        var wanted = info.gpu() ? List.of(TARGET + "gpu", TARGET + "cpu") : List.of(TARGET + "cpu", TARGET + "gpu");
        var target = wanted.stream().filter(manifest.targets()::contains).findFirst();
        if (target.isEmpty()) {
            throw new DataFormatException(
                    program.path(),
                    "has kernels for " + String.join(", ", manifest.targets())
                            + " only: compile it with --target tornado, or --target jvm,tornado for both");
        }
        var renderings = info.compilesOpenCl() ? gemm : GemmKernels.JIT;
        var loaded = TornadoProgram.load(
                program, target.get(), schedules(program, target.get(), entries), vm, info, renderings, rank);
        TuningFile.apply(program, identity(), loaded).ifPresent(LOG::warn);
        LOG.info("{}: on {}, {} MiB", program.path().getFileName(), description(), loaded.memoryBytes() >> 20);
        return loaded;
    }

    /** Those of entry points, and of those that do the same for shorter texts. */
    private static List<Schedule> schedules(ProgramFile program, String target, Collection<String> entries)
            throws IOException {
        var schedules = new LinkedHashMap<String, Schedule>();
        for (var entry : entries) {
            schedules.put(entry, program.schedule(target, entry));
            for (var shorter : program.manifest().forShorterTexts(entry)) {
                schedules.put(shorter.name(), program.schedule(target, shorter.name()));
            }
        }
        return List.copyOf(schedules.values());
    }

    private DeviceProgram loadCuda(ProgramFile program, List<Schedule> schedules, MeshRank rank) throws IOException {
        try {
            var loaded = CudaProgram.load(
                    program,
                    schedules,
                    // What TornadoVM gives at once limits its own arrays only.
                    new DeviceMemory(info.name(), info.memoryBytes(), info.memoryBytes()),
                    gemm,
                    rank,
                    (tasks, exchanges) ->
                            TornadoTasks.open(vm, info, cuda.graph(), task -> cuda(task, exchanges), tasks));
            TuningFile.apply(program, identity(), loaded).ifPresent(LOG::warn);
            LOG.info("{}: on {}, {} MiB", program.path().getFileName(), description(), loaded.memoryBytes() >> 20);
            return loaded;
        } catch (LinkageError e) {
            throw new DeviceException(
                    "CUDA's libraries cannot be loaded (%s): build with mvn -Pnccl, which brings their Java binding, and have CUDA 13 with cuBLASLt and NVRTC on the library path; or use --gemm=jit"
                            .formatted(e.getMessage()),
                    e);
        }
    }

    /** CUDA on the stream of the plan that a library task belongs to. */
    private Cuda cuda(Object invocation, boolean exchanges) {
        return new CudaNative(vm.nativeContext(invocation), vm.nativeStream(invocation), cuda.tf32(), exchanges);
    }

    @Override
    public void close() {}
}
