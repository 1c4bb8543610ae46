package org.clipc.compiler.jvm;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.List;
import org.clipc.compiler.kernel.Target;
import org.clipc.compiler.tornado.TornadoSdk;
import org.clipc.compiler.tornado.TornadoTarget;
import org.clipc.ir.DType;

/**
 * The targets whose kernels this JVM can run: those of its vector widths, or, in the second run of the tests that the
 * Maven profile {@code tornado} adds, TornadoVM's.
 */
final class TestTargets {

    private static final boolean TORNADO = Boolean.getBoolean("clipc.test.tornado");

    private TestTargets() {}

    static List<Target> all() {
        if (!TORNADO) {
            return Arrays.stream(TestClasses.widths())
                    .<Target>mapToObj(JvmTarget::new)
                    .toList();
        }
        try {
            var api = TornadoSdk.apiJar(System.getenv(TornadoSdk.HOME));
            return Arrays.stream(TornadoTarget.Kind.values())
                    .<Target>map(kind -> new TornadoTarget(api, kind))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Whether kernels run on an accelerator, whose compiler may contract and reorder arithmetic. */
    static boolean isTornado() {
        return TORNADO;
    }

    /** Those of some element types that the targets have. */
    static List<DType> among(List<DType> dtypes) {
        return dtypes.stream()
                .filter(dtype -> !TORNADO || (dtype != DType.BF16 && dtype != DType.F16))
                .toList();
    }

    /** {@code dtype}, or f32 where the targets lack it. */
    static DType orF32(DType dtype) {
        return among(List.of(dtype)).isEmpty() ? DType.F32 : dtype;
    }
}
