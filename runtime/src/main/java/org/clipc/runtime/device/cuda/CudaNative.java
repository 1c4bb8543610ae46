package org.clipc.runtime.device.cuda;

import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.bytedeco.cuda.cudart.CUctx_st;
import org.bytedeco.cuda.cudart.CUevent_st;
import org.bytedeco.cuda.cudart.CUfunc_st;
import org.bytedeco.cuda.cudart.CUmod_st;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.cuda.global.nvrtc;
import org.bytedeco.cuda.nvrtc._nvrtcProgram;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.javacpp.SizeTPointer;
import org.clipc.runtime.device.DeviceException;
import org.jspecify.annotations.Nullable;

/**
 * CUDA by JavaCPP, for work on a stream that others made. No class of devices but this and {@link CublasProducts} names it.
 *
 * <p>A program of one rank works on that stream, in its context. NCCL's kernels run in the device's primary context only,
 * which TornadoVM's is not, and a kernel cannot be started on a stream of another context, nor reach its memory. So a program
 * that exchanges has memory, kernels and streams in the primary context, and is tied to TornadoVM's stream by events, which
 * work across contexts, in graphs too.
 */
public final class CudaNative implements Cuda {

    private final CUctx_st lentContext;
    private final CUstream_st lentStream;
    private final CUctx_st context;
    private final CUstream_st stream;
    private final int device;
    private final @Nullable Exchanging exchanging;
    private final String architecture;
    private final long workspace;
    private final CublasProducts products;
    private final List<Loaded> kernels = new ArrayList<>();
    private final List<CUevent_st> points = new ArrayList<>();

    private record Loaded(CUmod_st module, CUfunc_st function) {}

    /**
     * What it takes to exchange.
     *
     * @param beside the second stream
     * @param entered reached on the stream that was lent, where this program's work begins
     * @param left reached where it ends
     * @param told words of the host's memory that the device writes, one for each lane
     */
    private record Exchanging(CUstream_st beside, CUevent_st entered, CUevent_st left, IntPointer told) {}

    /**
     * @param context address of the stream's context
     * @param stream address of the stream
     * @param tf32 whether products of f32 may be computed from numbers of 10 bits
     * @param exchanges whether ranks exchange what the program computes
     * @throws LinkageError if the binding, or what it binds, is missing
     */
    public CudaNative(long context, long stream, boolean tf32, boolean exchanges) {
        this.lentContext = new CUctx_st(new CudaAddress(context));
        this.lentStream = new CUstream_st(new CudaAddress(stream));
        setCurrent(lentContext);
        var number = new int[1];
        check("cuCtxGetDevice", cudart.cuCtxGetDevice(number));
        device = number[0];
        if (exchanges) {
            var entered = newEvent();
            this.context = new CUctx_st();
            check("cuDevicePrimaryCtxRetain", cudart.cuDevicePrimaryCtxRetain(this.context, device));
            attach();
            this.stream = newStream();
            exchanging = new Exchanging(newStream(), entered, newEvent(), newWords());
        } else {
            this.context = lentContext;
            this.stream = lentStream;
            exchanging = null;
        }
        attach();
        architecture = "--gpu-architecture=sm_"
                + attribute(cudart.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device)
                + attribute(cudart.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, device);
        workspace = allocate(CublasProducts.WORKSPACE);
        products = new CublasProducts(workspace, tf32);
    }

    private static CUstream_st newStream() {
        var made = new CUstream_st();
        check("cuStreamCreate", cudart.cuStreamCreate(made, cudart.CU_STREAM_NON_BLOCKING));
        return made;
    }

    private static CUevent_st newEvent() {
        var made = new CUevent_st();
        check("cuEventCreate", cudart.cuEventCreate(made, cudart.CU_EVENT_DISABLE_TIMING));
        return made;
    }

    /** Memory of the host that the device has under the same address. */
    private static IntPointer newWords() {
        var words = new Pointer();
        var bytes = (long) Lane.values().length * Integer.BYTES;
        check("cuMemHostAlloc", cudart.cuMemHostAlloc(words, bytes, cudart.CU_MEMHOSTALLOC_DEVICEMAP));
        return new IntPointer(words).capacity(Lane.values().length);
    }

    private static int attribute(int attribute, int device) {
        var value = new int[1];
        check("cuDeviceGetAttribute", cudart.cuDeviceGetAttribute(value, attribute, device));
        return value[0];
    }

    @Override
    public int device() {
        return device;
    }

    @Override
    public void attach() {
        setCurrent(context);
    }

    private static void setCurrent(CUctx_st context) {
        check("cuCtxSetCurrent", cudart.cuCtxSetCurrent(context));
    }

    @Override
    public void enter() {
        if (exchanging != null) {
            setCurrent(lentContext);
            check("cuEventRecord", cudart.cuEventRecord(exchanging.entered(), lentStream));
            attach();
            check("cuStreamWaitEvent", cudart.cuStreamWaitEvent(stream, exchanging.entered(), 0));
        } else {
            attach();
        }
    }

    @Override
    public void leave() {
        if (exchanging != null) {
            check("cuEventRecord", cudart.cuEventRecord(exchanging.left(), stream));
            setCurrent(lentContext);
            check("cuStreamWaitEvent", cudart.cuStreamWaitEvent(lentStream, exchanging.left(), 0));
        }
    }

    @Override
    public void detach() {
        setCurrent(lentContext);
    }

    private Exchanging exchanging() {
        return Objects.requireNonNull(exchanging, "opened for a program that exchanges nothing");
    }

    private CUstream_st of(Lane lane) {
        return switch (lane) {
            case MAIN -> stream;
            case BESIDE -> exchanging().beside();
        };
    }

    @Override
    public long stream(Lane lane) {
        return of(lane).address();
    }

    @Override
    public Point newPoint() {
        points.add(newEvent());
        return new Point(points.size() - 1);
    }

    @Override
    public void reach(Lane lane, Point point) {
        check("cuEventRecord", cudart.cuEventRecord(points.get(point.number()), of(lane)));
    }

    @Override
    public void await(Lane lane, Point point) {
        check("cuStreamWaitEvent", cudart.cuStreamWaitEvent(of(lane), points.get(point.number()), 0));
    }

    private static long word(Lane lane) {
        return switch (lane) {
            case MAIN -> 0;
            case BESIDE -> 1;
        };
    }

    @Override
    public void tell(Lane lane, int number) {
        var word = exchanging().told().address() + word(lane) * Integer.BYTES;
        check("cuMemsetD32Async", cudart.cuMemsetD32Async(word, number, 1, of(lane)));
    }

    @Override
    public int told(Lane lane) {
        return exchanging().told().get(word(lane));
    }

    @Override
    public void resetTold() {
        for (var lane : Lane.values()) {
            exchanging().told().put(word(lane), 0);
        }
    }

    @Override
    public long allocate(long bytes) {
        var address = new long[1];
        check("cuMemAlloc of " + (bytes >> 20) + " MiB", cudart.cuMemAlloc(address, Math.max(1, bytes)));
        clear(address[0], bytes);
        return address[0];
    }

    @Override
    public void free(long address) {
        check("cuMemFree", cudart.cuMemFree(address));
    }

    @Override
    @SuppressWarnings("restricted") // memory that was allocated here
    public MemorySegment allocateHost(long bytes) {
        var memory = new Pointer();
        check(
                "cuMemHostAlloc of " + (bytes >> 20) + " MiB",
                cudart.cuMemHostAlloc(memory, Math.max(1, bytes), cudart.CU_MEMHOSTALLOC_PORTABLE));
        return MemorySegment.ofAddress(memory.address()).reinterpret(bytes);
    }

    @Override
    public void freeHost(MemorySegment memory) {
        check("cuMemFreeHost", cudart.cuMemFreeHost(pointer(memory)));
    }

    @Override
    public void upload(long to, MemorySegment from) {
        startUpload(to, from);
        synchronize();
    }

    @Override
    public void startUpload(long to, MemorySegment from) {
        check("cuMemcpyHtoDAsync", cudart.cuMemcpyHtoDAsync(to, pointer(from), from.byteSize(), stream));
    }

    @Override
    public void download(long from, MemorySegment to) {
        check("cuMemcpyDtoHAsync", cudart.cuMemcpyDtoHAsync(pointer(to), from, to.byteSize(), stream));
        synchronize();
    }

    @Override
    public void clear(long at, long bytes) {
        check("cuMemsetD8Async", cudart.cuMemsetD8Async(at, (byte) 0, bytes, stream));
        synchronize();
    }

    @Override
    public void copy(long from, long to, long bytes) {
        check("cuMemcpyDtoDAsync", cudart.cuMemcpyDtoDAsync(to, from, bytes, stream));
    }

    @Override
    public void synchronize() {
        check("cuStreamSynchronize", cudart.cuStreamSynchronize(stream));
    }

    private static Pointer pointer(MemorySegment memory) {
        if (!memory.isNative()) {
            throw new IllegalArgumentException("CUDA copies from and to memory outside of Java's heap only");
        }
        return new CudaAddress(memory.address());
    }

    @Override
    public Kernel compile(String name, String source) {
        attach();
        try (var program = new _nvrtcProgram();
                var text = new BytePointer(source, StandardCharsets.UTF_8);
                var file = new BytePointer(name + ".cu", StandardCharsets.UTF_8);
                var options = new PointerPointer<BytePointer>(architecture, "--std=c++17")) {
            checkCompiler(
                    "nvrtcCreateProgram",
                    nvrtc.nvrtcCreateProgram(
                            program, text, file, 0, (PointerPointer<?>) null, (PointerPointer<?>) null));
            try {
                if (nvrtc.nvrtcCompileProgram(program, 2, options) != nvrtc.NVRTC_SUCCESS) {
                    throw new DeviceException("kernel " + name + " does not compile: " + log(program));
                }
                return load(name, program);
            } finally {
                nvrtc.nvrtcDestroyProgram(program);
            }
        }
    }

    private static String log(_nvrtcProgram program) {
        try (var size = new SizeTPointer(1)) {
            checkCompiler("nvrtcGetProgramLogSize", nvrtc.nvrtcGetProgramLogSize(program, size));
            var log = new byte[Math.toIntExact(size.get())];
            checkCompiler("nvrtcGetProgramLog", nvrtc.nvrtcGetProgramLog(program, log));
            return new String(log, StandardCharsets.UTF_8).strip();
        }
    }

    private Kernel load(String name, _nvrtcProgram program) {
        try (var size = new SizeTPointer(1)) {
            checkCompiler("nvrtcGetCUBINSize", nvrtc.nvrtcGetCUBINSize(program, size));
            try (var code = new BytePointer(size.get())) {
                checkCompiler("nvrtcGetCUBIN", nvrtc.nvrtcGetCUBIN(program, code));
                var module = new CUmod_st();
                check("cuModuleLoadData", cudart.cuModuleLoadData(module, code));
                var function = new CUfunc_st();
                check("cuModuleGetFunction", cudart.cuModuleGetFunction(function, module, name));
                synchronized (kernels) {
                    kernels.add(new Loaded(module, function));
                    return new Kernel(kernels.size() - 1);
                }
            }
        }
    }

    @Override
    public void launch(Kernel kernel, int groups, int groupSize, long arena, long ints, long[] args) {
        var function = kernels.get(kernel.number()).function();
        try (var first = new LongPointer(new long[] {arena});
                var second = new LongPointer(new long[] {ints});
                var third = new LongPointer(args);
                var parameters = new PointerPointer<LongPointer>(first, second, third)) {
            check(
                    "cuLaunchKernel",
                    cudart.cuLaunchKernel(
                            function, groups, 1, 1, groupSize, 1, 1, 0, stream, parameters, (PointerPointer<?>) null));
        }
    }

    @Override
    public boolean prepare(CudaProduct product, long arena) {
        return products.prepare(product, arena);
    }

    @Override
    public void multiply(CudaProduct product, long arena) {
        products.multiply(product, arena, stream);
    }

    @Override
    public long nanos(Runnable work) {
        var before = new CUevent_st();
        var after = new CUevent_st();
        check("cuEventCreate", cudart.cuEventCreate(before, cudart.CU_EVENT_DEFAULT));
        check("cuEventCreate", cudart.cuEventCreate(after, cudart.CU_EVENT_DEFAULT));
        check("cuEventRecord", cudart.cuEventRecord(before, stream));
        work.run();
        check("cuEventRecord", cudart.cuEventRecord(after, stream));
        check("cuEventSynchronize", cudart.cuEventSynchronize(after));
        var milliseconds = new float[1];
        check("cuEventElapsedTime", cudart.cuEventElapsedTime(milliseconds, before, after));
        check("cuEventDestroy", cudart.cuEventDestroy(before));
        check("cuEventDestroy", cudart.cuEventDestroy(after));
        return (long) (milliseconds[0] * 1e6);
    }

    @Override
    public void close() {
        attach();
        kernels.forEach(kernel -> cudart.cuModuleUnload(kernel.module()));
        products.close();
        free(workspace);
        points.forEach(cudart::cuEventDestroy);
        if (exchanging != null) {
            cudart.cuEventDestroy(exchanging.left());
            cudart.cuStreamDestroy(exchanging.beside());
            cudart.cuStreamDestroy(stream);
            cudart.cuMemFreeHost(exchanging.told());
            setCurrent(lentContext);
            cudart.cuEventDestroy(exchanging.entered());
            cudart.cuDevicePrimaryCtxRelease(device);
        }
    }

    private static void check(String function, int code) {
        if (code != cudart.CUDA_SUCCESS) {
            try (var name = new PointerPointer<BytePointer>(1)) {
                cudart.cuGetErrorName(code, name);
                var text = name.get(BytePointer.class, 0);
                throw new DeviceException(function + " failed: " + (text == null ? code : text.getString()));
            }
        }
    }

    private static void checkCompiler(String function, int code) {
        if (code != nvrtc.NVRTC_SUCCESS) {
            throw new DeviceException(
                    function + " failed: " + nvrtc.nvrtcGetErrorString(code).getString());
        }
    }
}
