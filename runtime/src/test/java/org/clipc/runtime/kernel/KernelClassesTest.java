package org.clipc.runtime.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.clipc.program.ProgramFormatException;
import org.clipc.runtime.io.DataFormatException;
import org.clipc.runtime.testing.TestKernels;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class KernelClassesTest {

    private static final String PACKAGE = "org.clipc.kernels.jvm128.";

    private final KernelClasses classes = new KernelClasses(ClassLoader.getPlatformClassLoader());

    @Test
    void equalKernelsOfProgramsAreOne() throws Throwable {
        var first = kernel(program(Map.of("K", "shared[0] = 3;")), "K");
        assertThat(kernel(program(Map.of("K", "shared[0] = 3;")), "K")).isSameAs(first);
        var other = kernel(program(Map.of("K", "shared[0] = 4;")), "K");
        assertThat(result(first)).isEqualTo(3);
        assertThat(result(other)).isEqualTo(4);
    }

    @Test
    void kernelsThatReferToOthersAreOneOnlyWithThem() throws Throwable {
        var caller = "Helper.run(arena, args, from, to, local, shared); shared[0] += 1;";
        var first = program(Map.of("K", caller, "Helper", "shared[0] = 3;"));
        var second = program(Map.of("K", caller, "Helper", "shared[0] = 4;"));
        var third = program(Map.of("K", caller, "Helper", "shared[0] = 3;"));
        assertThat(result(kernel(first, "K"))).isEqualTo(4);
        assertThat(result(kernel(second, "K"))).isEqualTo(5);
        assertThat(kernel(third, "K")).isSameAs(kernel(first, "K"));
        assertThat(kernel(third, "Helper")).isSameAs(kernel(first, "Helper"));
        assertThat(result(kernel(third, "Helper"))).isEqualTo(3);
    }

    /** Each initialises the other; were two threads to begin at different ends, they would wait for each other for ever. */
    @Test
    @Timeout(60)
    void kernelsThatReferToEachOtherMayBeDefinedAtOnce() throws Exception {
        var names = List.of("Ping", "Pong");
        var program = cycle();
        for (var round = 0; round < 50; round++) {
            var fresh = new KernelClasses(ClassLoader.getPlatformClassLoader());
            var start = new CyclicBarrier(names.size());
            try (var threads = Executors.newFixedThreadPool(names.size())) {
                var handles = new ArrayList<Future<MethodHandle>>();
                for (var name : names) {
                    Callable<MethodHandle> define = () -> {
                        start.await();
                        return kernel(fresh, program, name);
                    };
                    handles.add(threads.submit(define));
                }
                for (var i = 0; i < names.size(); i++) {
                    assertThat(handles.get(i).get()).isSameAs(kernel(fresh, program, names.get(i)));
                }
            }
        }
    }

    /** Two classes whose initialisers, which take a while, call each other. */
    private static Map<String, byte[]> cycle() {
        var sources = new TreeMap<String, String>();
        for (var pair : List.of(List.of("Ping", "Pong"), List.of("Pong", "Ping"))) {
            sources.put(PACKAGE + pair.get(0), """
                    package org.clipc.kernels.jvm128;
                    public class %s {
                        public static final int OWN = spin();
                        private static final int OTHER = %s.value();
                        public static int value() { return OWN + OTHER; }
                        private static int spin() {
                            int x = 0;
                            for (int i = 0; i < 100000; i++) { x = Math.min(x + i, 1); }
                            return x;
                        }
                        public static void run(
                            java.lang.foreign.MemorySegment a, long[] b, int c, int d, float[] e, float[] f) {}
                    }
                    """.formatted(pair.get(0), pair.get(1)));
        }
        return TestKernels.compile(sources);
    }

    @Test
    void whatAKernelRefersToIsAdmittedWhenItIsLoaded() {
        var caller = "Helper.run(arena, args, from, to, local, shared);";
        var reaching = program(Map.of("K", caller, "Helper", "System.exit(1);"));
        assertThatThrownBy(() -> kernel(reaching, "K"))
                .isInstanceOf(DataFormatException.class)
                .hasMessageContaining("p.bin: kernel " + PACKAGE + "Helper")
                .hasMessageContaining("refers to java/lang/System");
        var missing = new HashMap<>(program(Map.of("K", caller, "Helper", "")));
        missing.remove(PACKAGE + "Helper");
        assertThatThrownBy(() -> kernel(missing, "K"))
                .isInstanceOf(ProgramFormatException.class)
                .hasMessageContaining("has no " + PACKAGE + "Helper");
    }

    @Test
    void chainsOfKernelsEnd() {
        var chain = new HashMap<String, String>();
        IntStream.range(0, 70)
                .forEach(i -> chain.put("K" + i, "K%d.run(arena, args, from, to, local, shared);".formatted(i + 1)));
        chain.put("K70", "");
        var program = program(chain);
        assertThatThrownBy(() -> kernel(program, "K0"))
                .isInstanceOf(DataFormatException.class)
                .hasMessageContaining("kernel " + PACKAGE + "K0: needs more than 64 classes");
    }

    /** Class files by binary name of kernels with these bodies. */
    private static Map<String, byte[]> program(Map<String, String> bodies) {
        var sources = new TreeMap<String, String>();
        bodies.forEach((name, body) -> sources.put(PACKAGE + name, TestKernels.source(name, body, "")));
        return TestKernels.compile(sources);
    }

    private MethodHandle kernel(Map<String, byte[]> program, String name) throws ProgramFormatException {
        return kernel(classes, program, name);
    }

    private static MethodHandle kernel(KernelClasses classes, Map<String, byte[]> program, String name)
            throws ProgramFormatException {
        var path = Path.of("p.bin");
        KernelLoader.Source source = className -> {
            var bytes = program.get(className);
            if (bytes == null) {
                throw new ProgramFormatException(path, "has no " + className);
            }
            return bytes;
        };
        return new KernelLoader(path, source, classes).kernel(PACKAGE + name);
    }

    /** What the kernel leaves in its shared scratch. */
    private static float result(MethodHandle kernel) throws Throwable {
        var shared = new float[1];
        kernel.invokeExact(MemorySegment.NULL, new long[0], 0, 1, new float[0], shared);
        return shared[0];
    }
}
