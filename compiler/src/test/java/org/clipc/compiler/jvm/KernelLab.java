package org.clipc.compiler.jvm;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.SequencedMap;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.clipc.compiler.kernel.Access;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.KernelSpec.Operand;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.RenderedKernel;
import org.clipc.compiler.kernel.Target;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.DType;
import org.clipc.ir.interp.Scalars;
import org.jspecify.annotations.Nullable;

/**
 * Runs launches as a device would: buffers in one arena, calls with barriers between them, units in any partition. Classes
 * are compiled together on first use and kept for all tests.
 */
final class KernelLab implements AutoCloseable {

    private static final Map<String, Method> COMPILED = new HashMap<>();
    private static final Map<String, String> SOURCES = new TreeMap<>();
    private static final TestClasses LOADER = new TestClasses();

    /** A call with its addresses resolved. */
    private record Call(RenderedKernel kernel, List<Long> arguments, int units, int localFloats, int sharedFloats) {

        void run(MemorySegment arena, int from, int to, float[] local, float[] shared)
                throws ReflectiveOperationException {
            var method = Objects.requireNonNull(COMPILED.get(kernel.className()));
            var args = arguments.stream().mapToLong(Long::longValue).toArray();
            method.invoke(null, arena, args, from, to, local, shared);
        }
    }

    private final Arena scope = Arena.ofShared();
    private final MemorySegment arena;
    private final List<Long> buffers = new ArrayList<>();
    private final Map<Launch, List<Call>> plans = new HashMap<>();
    private long used;
    private int option;

    KernelLab(long bytes) {
        arena = scope.allocate(bytes, 64);
    }

    /** From now on, calls are made in the way of this number where there is a choice; 0 for the default. */
    void choose(int number) {
        option = number;
    }

    int option() {
        return option;
    }

    /** A new buffer, with garbage in it. */
    int buffer(long bytes) {
        var start = used;
        used = (used + bytes + 63) / 64 * 64 + 64;
        if (used > arena.byteSize()) {
            throw new IllegalArgumentException("the lab's arena is too small");
        }
        arena.asSlice(start, bytes).fill((byte) 0x7f);
        buffers.add(start);
        return buffers.size() - 1;
    }

    /** A row-major tensor in a buffer of its own. */
    View tensor(DType dtype, int... dims) {
        var strides = new Long[dims.length];
        var stride = 1L;
        for (var axis = dims.length - 1; axis >= 0; axis--) {
            strides[axis] = stride;
            stride *= dims[axis];
        }
        return new View(
                buffer(stride * dtype.bytes()),
                0,
                dtype,
                Arrays.stream(dims).boxed().toList(),
                List.of(strides));
    }

    /**
     * A tensor in a buffer of its own whose innermost axis is walked as {@code operand} says, the others at random.
     *
     * @param broadcasts whether other axes may have stride 0
     */
    View view(RandomGenerator random, Operand operand, List<Integer> dims, boolean broadcasts) {
        return view(random, operand, dims, broadcasts, 1);
    }

    /**
     * As above.
     *
     * @param step divides the place of the first element, and the strides of axes with others within
     */
    View view(RandomGenerator random, Operand operand, List<Integer> dims, boolean broadcasts, int step) {
        var axes = IntStream.range(0, dims.size()).boxed().collect(Collectors.toCollection(ArrayList::new));
        var inner = axes.removeLast();
        Collections.shuffle(axes, Random.from(random));
        // Innermost last.
        switch (operand.access()) {
            case CONTIGUOUS -> axes.add(inner);
            case SPLAT -> {}
            case STRIDED -> axes.add(axes.isEmpty() ? 0 : random.nextInt(axes.size()), inner);
        }
        var strides = new Long[dims.size()];
        Arrays.fill(strides, 0L);
        var stride = operand.access() == Access.STRIDED ? 1L + random.nextInt(2) : 1L;
        for (var axis : axes.reversed()) {
            if (!broadcasts || random.nextInt(6) > 0 || axis.equals(inner)) {
                strides[axis] = stride;
                stride = (Math.ceilDiv(stride * dims.get(axis), step) + random.nextInt(3)) * step;
            }
        }
        var offset = step * random.nextInt(5);
        var bytes = (stride + offset) * operand.dtype().bytes();
        return new View(buffer(bytes), offset, operand.dtype(), dims, List.of(strides));
    }

    /** As {@link #tensor}, holding {@code values}. */
    View tensor(DType dtype, double[] values, int... dims) {
        var view = tensor(dtype, dims);
        set(view, values);
        return view;
    }

    /** Stores random values of the view's dtype in it. */
    void fill(RandomGenerator random, View view) {
        var values = new double[(int) view.elements()];
        Arrays.setAll(values, _ -> switch (view.dtype()) {
            case F32, BF16, F16 ->
                // Of few bits where a device may contract products and sums, so that this makes no difference.
                TestTargets.isTornado() ? random.nextInt(-12, 13) / 4.0 : random.nextGaussian() * 3;
            case I32 -> random.nextInt(-20, 20);
            case BOOL -> random.nextInt(2);
        });
        set(view, values);
    }

    /** Bytes of the arena that buffers take. */
    long used() {
        return used;
    }

    MemorySegment arena() {
        return arena;
    }

    /** Where a buffer starts in the arena. */
    long start(int buffer) {
        return buffers.get(buffer);
    }

    long address(View view, int element) {
        var rest = element;
        var at = view.offset();
        for (var axis = view.dims().size() - 1; axis >= 0; axis--) {
            at += rest % view.dim(axis) * view.stride(axis);
            rest /= view.dim(axis);
        }
        return buffers.get(view.buffer()) + at * view.dtype().bytes();
    }

    /** Stores values in the view's row-major order, rounded to its dtype. */
    void set(View view, double... values) {
        for (var i = 0; i < values.length; i++) {
            var at = address(view, i);
            switch (view.dtype()) {
                case F32 -> arena.set(ValueLayout.JAVA_FLOAT, at, (float) values[i]);
                case BF16 -> arena.set(ValueLayout.JAVA_SHORT, at, (short) (bfloat16(values[i]) >>> 16));
                case F16 -> arena.set(ValueLayout.JAVA_SHORT, at, Float.floatToFloat16((float) values[i]));
                case I32 -> arena.set(ValueLayout.JAVA_INT, at, (int) values[i]);
                case BOOL -> arena.set(ValueLayout.JAVA_BYTE, at, (byte) values[i]);
            }
        }
    }

    private static int bfloat16(double value) {
        return Float.floatToRawIntBits((float) Scalars.round(DType.BF16, value));
    }

    /** The view's elements in row-major order. */
    double[] get(View view) {
        var values = new double[(int) view.elements()];
        for (var i = 0; i < values.length; i++) {
            var at = address(view, i);
            values[i] = switch (view.dtype()) {
                case F32 -> arena.get(ValueLayout.JAVA_FLOAT, at);
                case BF16 -> Float.intBitsToFloat(arena.get(ValueLayout.JAVA_SHORT, at) << 16);
                case F16 -> Float.float16ToFloat(arena.get(ValueLayout.JAVA_SHORT, at));
                case I32 -> arena.get(ValueLayout.JAVA_INT, at);
                case BOOL -> arena.get(ValueLayout.JAVA_BYTE, at);
            };
        }
        return values;
    }

    /** The bytes of a buffer's tensor, for bitwise comparisons. */
    byte[] bytes(View view) {
        return arena.asSlice(
                        buffers.get(view.buffer())
                                + view.offset() * view.dtype().bytes(),
                        view.elements() * view.dtype().bytes())
                .toArray(ValueLayout.JAVA_BYTE);
    }

    /** Plans launches, so that all their kernels are compiled in one go. */
    void plan(Target target, Launch... launches) {
        if (TestTargets.isTornado()) {
            return;
        }
        for (var launch : launches) {
            plans.put(launch, calls(target, launch));
        }
    }

    private List<Call> calls(Target target, Launch launch) {
        var calls = new ArrayList<Call>();
        target.plan(launch, new CallSink() {
            @Override
            public String target() {
                return target.name();
            }

            @Override
            public int temporary(long bytes) {
                return buffer(bytes);
            }

            @Override
            public void call(
                    RenderedKernel kernel, List<Argument> arguments, int units, int localFloats, int sharedFloats) {
                var resolved = arguments.stream()
                        .map(argument -> switch (argument) {
                            case Argument.Address(var buffer, var bytes) -> buffers.get(buffer) + bytes;
                            case Argument.Literal(var value) -> value;
                            case Argument.Element _, Argument.Constant _ ->
                                throw new IllegalArgumentException("a JVM kernel takes no " + argument);
                        })
                        .toList();
                calls.add(new Call(kernel, resolved, units, localFloats, sharedFloats));
            }

            @Override
            public void choose(
                    String name,
                    SequencedMap<String, Consumer<CallSink>> options,
                    SortedMap<Integer, String> defaults) {
                List.copyOf(options.values()).get(option % options.size()).accept(this);
            }

            @Override
            public void launch(RenderedKernel kernel, List<Argument> arguments, int groups, int groupSize) {
                throw new IllegalArgumentException("a JVM target launches nothing");
            }
        });
        return calls;
    }

    private static String source(RenderedKernel kernel) {
        return SOURCES.computeIfAbsent(kernel.className(), _ -> kernel.source().get());
    }

    /** The names of the kernels that a launch calls, whose sources are then known. */
    List<String> kernels(Target target, Launch launch) {
        return calls(target, launch).stream()
                .map(Call::kernel)
                .peek(KernelLab::source)
                .map(RenderedKernel::className)
                .toList();
    }

    static String source(String className) {
        return Objects.requireNonNull(SOURCES.get(className));
    }

    private void compile() {
        var sources = new TreeMap<String, String>();
        for (var calls : plans.values()) {
            for (var call : calls) {
                if (!COMPILED.containsKey(call.kernel.className())) {
                    sources.put(call.kernel.className(), source(call.kernel));
                }
            }
        }
        // Kernels that these call: javac needs to see them once more.
        var known = new TreeMap<>(SOURCES);
        known.keySet()
                .removeIf(name -> sources.values().stream()
                        .noneMatch(source -> source.contains(name.substring(name.lastIndexOf('.') + 1) + ".")));
        known.putAll(sources);
        var classFiles = JvmKernelCompiler.compile(known);
        for (var name : sources.keySet()) {
            LOADER.add(name, Objects.requireNonNull(classFiles.get(name)));
        }
        for (var name : sources.keySet()) {
            for (var method : LOADER.find(name).getDeclaredMethods()) {
                if (method.getName().equals("run")) {
                    COMPILED.put(name, method);
                }
            }
        }
    }

    /** Runs a launch on one thread, all units in order. */
    void run(Target target, Launch launch) {
        run(target, launch, 1, null);
    }

    /**
     * Runs a launch on several threads, every call cut into ranges of units that {@code random} picks and shuffles.
     *
     * @param random null: one range
     */
    void run(Target target, Launch launch, int threads, @Nullable RandomGenerator random) {
        if (TestTargets.isTornado()) {
            run(target, List.of(launch));
            return;
        }
        var calls = plans.computeIfAbsent(launch, l -> calls(target, l));
        compile();
        try (var workers = Executors.newFixedThreadPool(threads)) {
            var shared = shared(calls);
            for (var call : calls) {
                var futures = new ArrayList<Future<?>>();
                for (var range : ranges(call.units, random)) {
                    futures.add(workers.submit(() -> {
                        var local = new float[call.localFloats];
                        Arrays.fill(local, Float.NaN);
                        call.run(arena, range[0], range[1], local, shared);
                        return null;
                    }));
                }
                for (var future : futures) {
                    future.get();
                }
            }
        } catch (ExecutionException e) {
            var cause = e.getCause() instanceof InvocationTargetException i ? i.getCause() : e.getCause();
            throw new AssertionError("a kernel of " + launch.spec() + " fails: " + cause, cause);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** Runs launches that follow one another, together as far as the target makes them so. */
    void run(Target target, List<Launch> launches) {
        if (TestTargets.isCuda()) {
            new CudaLab(this, target).run(launches);
        } else if (TestTargets.isTornado()) {
            new TornadoLab(this, target).run(launches);
        } else {
            launches.forEach(launch -> run(target, launch));
        }
    }

    /** Calls of a launch, one thread, for measuring: the work of one repetition. */
    Runnable work(Target target, Launch launch) {
        var calls = plans.computeIfAbsent(launch, l -> calls(target, l));
        compile();
        return () -> {
            var shared = shared(calls);
            for (var call : calls) {
                try {
                    call.run(arena, 0, call.units, new float[call.localFloats], shared);
                } catch (ReflectiveOperationException e) {
                    throw new IllegalStateException(e);
                }
            }
        };
    }

    /** Kept from one call to the next. */
    private static float[] shared(List<Call> calls) {
        return new float[calls.stream().mapToInt(Call::sharedFloats).max().orElse(0)];
    }

    private static List<int[]> ranges(int units, @Nullable RandomGenerator random) {
        var ranges = new ArrayList<int[]>();
        if (random == null) {
            ranges.add(new int[] {0, units});
            return ranges;
        }
        for (var from = 0; from < units; ) {
            var to = Math.min(units, from + 1 + random.nextInt(5));
            ranges.add(new int[] {from, to});
            from = to;
        }
        Collections.shuffle(ranges, Random.from(random));
        return ranges;
    }

    @Override
    public void close() {
        scope.close();
    }
}
