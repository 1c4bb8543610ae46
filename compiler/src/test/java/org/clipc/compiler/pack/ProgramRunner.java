package org.clipc.compiler.pack;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.clipc.ir.TensorType;
import org.clipc.ir.interp.Tensor64;
import org.clipc.program.KernelCall;
import org.clipc.program.Program;

/** Runs a program's schedules on the thread that asks, each call's units in parts of random size. */
public final class ProgramRunner implements AutoCloseable {

    private final Program program;
    private final String target;
    private final Arena scope = Arena.ofConfined();
    private final MemorySegment arena;
    private final ProgramKernels kernels;
    private final Random random = new Random(5);

    public ProgramRunner(Program program, String target) {
        this.program = program;
        this.target = target;
        this.arena = scope.allocate(Math.max(64, program.manifest().arenaBytes()), 64);
        this.kernels = new ProgramKernels(program, target);
    }

    /** The outputs of an entry point, and parameters and state as they are behind it. */
    public Map<String, Tensor64> run(String entry, Map<String, Tensor64> inputs) {
        var manifest = program.manifest();
        var point = manifest.entry(entry);
        // What a run does not write must not matter.
        arena.asSlice(manifest.workspaceOffset(), manifest.workspaceBytes()).fill((byte) 0x7f);
        manifest.parameters().forEach(p -> write(p.offset(), Objects.requireNonNull(inputs.get(p.name()), p.name())));
        manifest.state().stream()
                .filter(s -> inputs.containsKey(s.name()))
                .forEach(s -> write(s.offset(), Objects.requireNonNull(inputs.get(s.name()))));
        point.inputs().forEach(s -> write(s.offset(), Objects.requireNonNull(inputs.get(s.name()), s.name())));
        var schedule = program.schedules().stream()
                .filter(s -> s.entry().equals(entry) && s.target().equals(target))
                .findFirst()
                .orElseThrow();
        var shared = new float
                [schedule.kernelCalls().stream()
                        .mapToInt(KernelCall::sharedFloats)
                        .max()
                        .orElse(0)];
        schedule.kernelCalls().forEach(call -> run(call, shared));
        var results = new LinkedHashMap<String, Tensor64>();
        point.outputs().forEach(s -> results.put(s.name(), read(s.offset(), s.type())));
        manifest.parameters().forEach(p -> results.put("next." + p.name(), read(p.offset(), p.type())));
        manifest.state().forEach(s -> results.put("next." + s.name(), read(s.offset(), s.type())));
        return results;
    }

    private void run(KernelCall call, float[] shared) {
        var kernel = kernels.kernel(call.kernel());
        var args = call.args().stream().mapToLong(Long::longValue).toArray();
        for (var from = 0; from < call.units(); ) {
            var to = Math.min(call.units(), from + 1 + random.nextInt(call.units()));
            var local = new float[call.localFloats()];
            Arrays.fill(local, Float.NaN);
            try {
                kernel.invokeExact(arena, args, from, to, local, shared);
            } catch (Throwable e) {
                throw new AssertionError(call + ": " + e, e);
            }
            from = to;
        }
    }

    private void write(long offset, Tensor64 tensor) {
        for (var i = 0; i < tensor.size(); i++) {
            var dtype = tensor.type().dtype();
            var at = offset + (long) i * dtype.bytes();
            switch (dtype) {
                case F32 -> arena.set(ValueLayout.JAVA_FLOAT, at, (float) tensor.get(i));
                case I32 -> arena.set(ValueLayout.JAVA_INT, at, tensor.getInt(i));
                case BOOL -> arena.set(ValueLayout.JAVA_BYTE, at, (byte) tensor.getInt(i));
                // What a graph holds in bf16 has no more bits.
                case BF16 ->
                    arena.set(ValueLayout.JAVA_SHORT, at, (short)
                            (Float.floatToRawIntBits((float) tensor.get(i)) >>> 16));
                case F16 -> throw new IllegalArgumentException("no test needs inputs of " + dtype);
            }
        }
    }

    private Tensor64 read(long offset, TensorType type) {
        var tensor = Tensor64.zeros(type);
        for (var i = 0; i < tensor.size(); i++) {
            var at = offset + (long) i * type.dtype().bytes();
            tensor.data()[i] = switch (type.dtype()) {
                case F32 -> arena.get(ValueLayout.JAVA_FLOAT, at);
                case I32 -> arena.get(ValueLayout.JAVA_INT, at);
                case BOOL -> arena.get(ValueLayout.JAVA_BYTE, at);
                case BF16 -> Float.intBitsToFloat(arena.get(ValueLayout.JAVA_SHORT, at) << 16);
                case F16 -> Float.float16ToFloat(arena.get(ValueLayout.JAVA_SHORT, at));
            };
        }
        return tensor;
    }

    @Override
    public void close() {
        scope.close();
    }
}
