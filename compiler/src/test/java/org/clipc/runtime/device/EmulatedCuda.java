package org.clipc.runtime.device;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.clipc.compiler.jvm.CudaEmulator;
import org.clipc.ir.DType;
import org.clipc.ir.interp.Scalars;
import org.clipc.program.ProgramFile;
import org.clipc.program.Schedule;
import org.clipc.runtime.device.CudaProduct.Matrix;

/** CUDA in the host's memory. Products are computed as cuBLASLt's manual defines them, on matrices stored by columns. */
public final class EmulatedCuda implements Cuda {

    private final Arena scope = Arena.ofShared();
    private final Map<Long, MemorySegment> memory = new HashMap<>();
    private final List<String> kernels = new ArrayList<>();
    private final Map<String, String> waiting = new HashMap<>();

    EmulatedCuda() {}

    /** A program with its kernels and products emulated, in a library task of TornadoVM's first device. */
    public static DeviceProgram load(Path program, List<String> entries) throws IOException {
        var vm = TornadoVm.get();
        try (var file = ProgramFile.open(program)) {
            var schedules = new ArrayList<Schedule>();
            for (var entry : entries) {
                schedules.add(file.schedule("tornadocuda", entry));
            }
            return CudaProgram.load(
                    file,
                    schedules,
                    vm,
                    vm.devices().getFirst(),
                    GemmKernels.AUTO,
                    CudaOptions.DEFAULT,
                    MeshRank.alone(),
                    _ -> new EmulatedCuda());
        }
    }

    @Override
    public void attach() {}

    @Override
    public long allocate(long bytes) {
        var segment = scope.allocate(Math.max(1, bytes), 256);
        memory.put(segment.address(), segment);
        return segment.address();
    }

    @Override
    public void free(long address) {
        memory.remove(address);
    }

    @SuppressWarnings("restricted") // addresses are of memory that was allocated here
    private static MemorySegment at(long address, long bytes) {
        return MemorySegment.ofAddress(address).reinterpret(bytes);
    }

    @Override
    public void upload(long to, MemorySegment from) {
        at(to, from.byteSize()).copyFrom(from);
    }

    @Override
    public void download(long from, MemorySegment to) {
        to.copyFrom(at(from, to.byteSize()));
    }

    @Override
    public void clear(long at, long bytes) {
        at(at, bytes).fill((byte) 0);
    }

    @Override
    public void copy(long from, long to, long bytes) {
        at(to, bytes).copyFrom(at(from, bytes));
    }

    /** Compiled together, before the first runs. */
    @Override
    public synchronized Kernel compile(String name, String source) {
        waiting.put(name, source);
        kernels.add(name);
        return new Kernel(kernels.size() - 1);
    }

    @Override
    public void launch(Kernel kernel, int groups, int groupSize, long arena, long ints, long[] args) {
        CudaEmulator.compile(waiting);
        waiting.clear();
        try (var arguments = Arena.ofConfined()) {
            CudaEmulator.run(
                    Objects.requireNonNull(kernels.get(kernel.number())),
                    MemorySegment.ofAddress(arena),
                    MemorySegment.ofAddress(ints),
                    arguments.allocateFrom(ValueLayout.JAVA_LONG, args),
                    groups,
                    groupSize);
        }
    }

    @Override
    public boolean prepare(CudaProduct product, long arena) {
        return true;
    }

    /** D = op(A) · op(B) + C + bias, a bias being a column. */
    @Override
    public void multiply(CudaProduct product, long arena) {
        for (var outer = 0; outer < product.outer(); outer++) {
            for (var batch = 0; batch < product.batch(); batch++) {
                for (var column = 0; column < product.result().columns(); column++) {
                    for (var row = 0; row < product.result().rows(); row++) {
                        element(product, arena, outer, batch, row, column);
                    }
                }
            }
        }
    }

    private static void element(CudaProduct product, long arena, int outer, int batch, int row, int column) {
        var sum = 0.0;
        for (var k = 0; k < product.depth(); k++) {
            var a = product.first().transposed() ? index(product.first(), k, row) : index(product.first(), row, k);
            var b = product.second().transposed()
                    ? index(product.second(), column, k)
                    : index(product.second(), k, column);
            sum += get(arena, a + batches(product.first(), outer, batch), product.bf16())
                    * get(arena, b + batches(product.second(), outer, batch), product.bf16());
        }
        if (product.addend().place() >= 0) {
            var at = index(product.addend(), row, column) + batches(product.addend(), outer, batch);
            sum += get(arena, at, product.bf16Result());
        }
        if (product.bias() >= 0) {
            sum += get(arena, product.bias() + row, product.bf16Result());
        }
        var at = index(product.result(), row, column) + batches(product.result(), outer, batch);
        if (product.bf16Result()) {
            var bits = Float.floatToRawIntBits((float) Scalars.round(DType.BF16, sum)) >>> 16;
            at(arena + at * Short.BYTES, Short.BYTES).set(ValueLayout.JAVA_SHORT, 0, (short) bits);
        } else {
            at(arena + at * Float.BYTES, Float.BYTES).set(ValueLayout.JAVA_FLOAT, 0, (float) sum);
        }
    }

    private static long index(Matrix matrix, long row, long column) {
        return matrix.place() + row + column * matrix.step();
    }

    private static long batches(Matrix matrix, int outer, int batch) {
        return outer * matrix.outerStep() + batch * matrix.batchStep();
    }

    private static double get(long arena, long index, boolean bf16) {
        return bf16
                ? Float.intBitsToFloat(
                        at(arena + index * Short.BYTES, Short.BYTES).get(ValueLayout.JAVA_SHORT, 0) << 16)
                : at(arena + index * Float.BYTES, Float.BYTES).get(ValueLayout.JAVA_FLOAT, 0);
    }

    @Override
    public long nanos(Runnable work) {
        var start = System.nanoTime();
        work.run();
        return Math.max(1, System.nanoTime() - start);
    }

    @Override
    public void close() {
        scope.close();
    }
}
