package org.clipc.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.clipc.compiler.pack.ModelSource;
import org.clipc.compiler.shard.Parallelism;
import org.clipc.ir.Mesh;
import org.clipc.program.AwaitCall;
import org.clipc.program.CollectiveCall;
import org.clipc.program.EntryPoint;
import org.clipc.program.KernelCall;
import org.clipc.program.ProgramFile;
import org.clipc.program.Schedule;
import org.clipc.runtime.collective.Collectives;
import org.clipc.runtime.collective.Group;
import org.clipc.runtime.device.DeviceProgram;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What data-parallel ranks exchange travels while their kernels go on. */
class OverlapTest {

    private static final int STEPS = 2;
    private static final long SMALL = 4096;

    @TempDir
    Path folder = Path.of("");

    /**
     * A rank's kernels, and its exchanges beside them: none goes on before a kernel has run that stands behind its start.
     * Where exchanges hold kernels up, none ever does.
     */
    private static final class Gate {

        private static final long MOST_SECONDS = 60;

        private final Thread ofKernels = Thread.currentThread();
        private final int kernels;

        /** Number of kernels before the start of each tensor that is exchanged beside kernels. */
        private final List<Integer> before = new ArrayList<>();

        private int ran;
        private int passed;

        Gate(Schedule schedule) {
            var awaited = schedule.awaited();
            var seen = 0;
            for (var i = 0; i < schedule.calls().size(); i++) {
                switch (schedule.calls().get(i)) {
                    case KernelCall _ -> seen++;
                    case CollectiveCall call -> {
                        for (var t = 0; awaited.get(i) && t < call.tensors().size(); t++) {
                            before.add(seen);
                        }
                    }
                    case AwaitCall _ -> {}
                }
            }
            kernels = seen;
        }

        synchronized void kernelRan() {
            ran++;
            notifyAll();
        }

        synchronized void pass() throws InterruptedException {
            if (Thread.currentThread() == ofKernels) {
                return;
            }
            var needed = passed / before.size() * kernels + before.get(passed % before.size());
            passed++;
            var deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(MOST_SECONDS);
            while (ran <= needed) {
                var left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
                if (left <= 0) {
                    throw new IllegalStateException("no kernel runs beside exchange " + passed);
                }
                wait(left);
            }
        }

        synchronized int passed() {
            return passed;
        }

        Group over(Group group) {
            return (Group) Proxy.newProxyInstance(
                    Group.class.getClassLoader(), new Class<?>[] {Group.class}, (_, method, arguments) -> {
                        if (method.getReturnType() == void.class) {
                            pass();
                        }
                        try {
                            return method.invoke(group, arguments);
                        } catch (InvocationTargetException e) {
                            throw e.getCause();
                        }
                    });
        }
    }

    private record Gated(Collectives ends, Gate gate) implements Collectives {

        @Override
        public int rank() {
            return ends.rank();
        }

        @Override
        public int size() {
            return ends.size();
        }

        @Override
        public Group group(List<Integer> ranks) {
            return gate.over(ends.group(ranks));
        }

        @Override
        public Group world() {
            return ends.world();
        }

        @Override
        public void abort(String reason) {
            ends.abort(reason);
        }

        @Override
        public void close() {
            ends.close();
        }
    }

    @ParameterizedTest
    @CsvSource({"1, false", "2, true"})
    void kernelsRunBesideExchanges(int tensor, boolean zero) throws IOException, InterruptedException {
        var model = ModelSource.of(Golden.tiny("text.vocab_size", 96L, "vision.class_token_length", 4L));
        var mesh = new Mesh(2, tensor);
        var plain = MeshTraining.train(
                MeshTraining.compile(folder, model, new Parallelism(mesh, false, zero, SMALL, false)), STEPS);
        var program = MeshTraining.compile(folder, model, new Parallelism(mesh, false, zero, SMALL, true));
        Schedule schedule;
        try (var file = ProgramFile.open(program)) {
            schedule = file.schedule("jvm128", EntryPoint.TRAIN_STEP);
        }
        Map<Integer, Gate> gates = new ConcurrentHashMap<>();
        var gated = MeshTraining.train(program, STEPS, new MeshTraining.Watch() {

            private final ThreadLocal<Gate> own = ThreadLocal.withInitial(() -> new Gate(schedule));

            @Override
            public Collectives ends(Collectives ends) {
                gates.put(ends.rank(), own.get());
                return new Gated(ends, own.get());
            }

            @Override
            public void loaded(DeviceProgram held) {
                var gate = own.get();
                held.observe((_, call, _) -> {
                    if (call instanceof KernelCall) {
                        gate.kernelRan();
                    }
                });
            }
        });
        gated.isSame(plain);
        assertThat(gates.keySet()).hasSize(mesh.size());
        gates.values().forEach(gate -> {
            assertThat(gate.before).hasSizeGreaterThan(10);
            assertThat(gate.passed())
                    .isEqualTo(STEPS * Objects.requireNonNull(gate.before).size());
        });
    }
}
