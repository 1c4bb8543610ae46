package org.clipc.compiler.jvm;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.RenderedKernel;
import org.clipc.compiler.kernel.Target;
import org.clipc.compiler.tornado.TornadoSdk;
import org.clipc.compiler.tornado.TornadoTarget;
import org.clipc.ir.DType;
import org.clipc.runtime.device.cuda.CudaDevice;

/**
 * The targets whose kernels this JVM can run: those of its vector widths; or, in the second run of the tests that the
 * Maven profile {@code tornado} adds, TornadoVM's, which is that for CUDA where its first device is CUDA's; or, in that
 * of the profile {@code cuda}, the latter by {@link CudaEmulator}.
 */
final class TestTargets {

    private static final boolean TORNADO = Boolean.getBoolean("clipc.test.tornado");
    private static final boolean EMULATED = Boolean.getBoolean("clipc.test.cuda");
    private static final boolean CUDA = EMULATED || (TORNADO && CudaDevice.isPresent());

    private TestTargets() {}

    static List<Target> all() {
        if (CUDA) {
            return List.of(TornadoTarget.cuda());
        }
        if (!TORNADO) {
            return Arrays.stream(TestClasses.widths())
                    .<Target>mapToObj(JvmTarget::new)
                    .toList();
        }
        try {
            var api = TornadoSdk.apiJar(System.getenv(TornadoSdk.HOME));
            return Stream.of(TornadoTarget.Kind.CPU, TornadoTarget.Kind.GPU)
                    .<Target>map(kind -> new TornadoTarget(api, kind))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** All targets, and once more those for TornadoVM with what kernels they have prebuilt. */
    static List<Target> allRenderings() {
        var targets = new ArrayList<>(all());
        if (TORNADO && !CUDA) {
            all().forEach(target -> targets.add(new Prebuilt(target)));
        }
        return targets;
    }

    /** A target of which {@link TornadoLab} runs prebuilt kernels. */
    record Prebuilt(Target target) implements Target {

        @Override
        public String name() {
            return target.name();
        }

        @Override
        public void plan(Launch launch, CallSink sink) {
            target.plan(launch, sink);
        }

        @Override
        public boolean hasArenaOfInts() {
            return target.hasArenaOfInts();
        }

        @Override
        public List<RenderedKernel> runtimeKernels() {
            return target.runtimeKernels();
        }

        @Override
        public List<Path> classPath() {
            return target.classPath();
        }
    }

    /** Whether kernels run on an accelerator, whose compiler may contract and reorder arithmetic. */
    static boolean isTornado() {
        return TORNADO || CUDA;
    }

    static boolean isCuda() {
        return CUDA;
    }

    static boolean isEmulated() {
        return EMULATED;
    }

    /** Those of some element types that the targets have. */
    static List<DType> among(List<DType> dtypes) {
        return dtypes.stream()
                .filter(dtype -> !isTornado() || dtype != DType.F16)
                .toList();
    }

    /** {@code dtype}, or f32 where the targets lack it. */
    static DType orF32(DType dtype) {
        return among(List.of(dtype)).isEmpty() ? DType.F32 : dtype;
    }
}
