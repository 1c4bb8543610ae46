package org.clipc.runtime.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.clipc.runtime.io.DataFormatException;
import org.clipc.runtime.testing.TestKernels;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class KernelAdmissionTest {

    private static final String NAME = "org.clipc.kernels.jvm128.K";

    @Test
    void admitsArithmeticOnSegmentsArraysAndVectors() {
        var bytes = TestKernels.kernel("K", """
                var species = FloatVector.SPECIES_128;
                for (int i = from; i < to; i++) {
                    var x = FloatVector.fromMemorySegment(species, arena, args[0] + 16L * i, java.nio.ByteOrder.nativeOrder());
                    x.lanewise(VectorOperators.NEG).fma(x, x).intoArray(local, 0);
                    shared[i] = twice(local[0]) + Math.fma(local[1], local[2], TABLE[i & 1]);
                    arena.set(ValueLayout.JAVA_SHORT, args[1] + 2L * i, (short) Float.floatToRawIntBits(shared[i]));
                }
                """, """
                private static final float[] TABLE = {1f, (float) Math.sqrt(2)};
                private static float twice(float x) { return 2 * x; }
                """);
        assertThat(KernelAdmission.objection(NAME, bytes)).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "System.exit(0);|java/lang/System",
                "arena.reinterpret(1L << 40);|MemorySegment.reinterpret",
                "MemorySegment.ofAddress(0);|MemorySegment.ofAddress",
                "new Thread().start();|java/lang/Thread",
                "java.lang.foreign.Linker.nativeLinker();|java/lang/foreign/Linker",
                "Integer.getInteger(null);|java/lang/Integer.getInteger",
                "Math.random();|java/lang/Math.random",
                "Runnable r = () -> {}; r.run();|a dynamic call, method handle or module",
                "String s = \"a\" + from;|a dynamic call, method handle or module",
                "Object o = arena; o.getClass();|java/lang/Object.getClass",
                "Object o = new System[3];|java/lang/System",
                "Object o = new Thread[3][];|java/lang/Thread",
                "try { from++; } catch (Exception e) { }|java/lang/Exception",
                "new K().hashCode();|java/lang/Object.hashCode",
                "args.clone();|[J.clone",
                "var x = java.lang.foreign.ValueLayout.ADDRESS;|ValueLayout.ADDRESS",
            })
    void refusesEverythingElse(String body, String culprit) {
        var bytes = TestKernels.kernel("K", body, "");
        assertThat(KernelAdmission.objection(NAME, bytes).orElseThrow())
                .contains("refers to ", culprit, "which kernels may not use");
    }

    @Test
    void refusesClassesOfAnotherForm() {
        var run =
                "public static void run(java.lang.foreign.MemorySegment a, long[] b, int c, int d, float[] e, float[] f)";
        assertObjection("public class K extends Thread { " + run + " {} }", "must extend java.lang.Object");
        assertObjection("public class K implements Cloneable { " + run + " {} }", "implement nothing");
        assertObjection("class K { " + run + " {} }", "must be a public class");
        assertObjection("public interface K { " + run.replace("public ", "") + " {} }", "must be a public class");
        assertObjection("public class K { " + run + " {} static native void other(); }", "has a native method");
        assertObjection("public class K { " + run + " {} static int calls; }", "has a field that is not final");
        var other = TestKernels.kernel("Other", "", "");
        assertThat(KernelAdmission.objection(NAME, other).orElseThrow()).contains("calls itself", "Other");
    }

    @Test
    void aKernelNeedsItsEntryPoint() {
        for (var body : List.of(
                "",
                "public void run(java.lang.foreign.MemorySegment a, long[] b, int c, int d, float[] e, float[] f) {}")) {
            var bytes = TestKernels.compile(NAME, "package org.clipc.kernels.jvm128; public class K { " + body + " }");
            var loader = new KernelLoader(Path.of("p.bin"), _ -> bytes, KernelClasses.ofJvm());
            assertThatThrownBy(() -> loader.kernel(NAME))
                    .isInstanceOf(DataFormatException.class)
                    .hasMessageContaining("p.bin")
                    .hasMessageContaining("has no method public static void run");
        }
    }

    private static void assertObjection(String source, String objection) {
        var bytes = TestKernels.compile(NAME, "package org.clipc.kernels.jvm128; " + source);
        assertThat(KernelAdmission.objection(NAME, bytes).orElseThrow()).contains(objection);
    }

    @Test
    void damagedClassesAreRefusedOrStillHarmless() {
        var whole = TestKernels.kernel(
                "K",
                "shared[0] = Math.abs(local[0]) + twice(args[0]);",
                "static float twice(float x) { return 2 * x; }");
        var seed = new Random().nextLong();
        var random = new Random(seed);
        for (var i = 0; i < 2000; i++) {
            var bytes = whole.clone();
            for (var flips = 1 + random.nextInt(3); flips > 0; flips--) {
                bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
            }
            // Must neither throw nor admit what the JVM would not link or what reaches further.
            assertThat(KernelAdmission.objection(NAME, bytes))
                    .as("seed %d, case %d", seed, i)
                    .isNotNull();
        }
    }
}
