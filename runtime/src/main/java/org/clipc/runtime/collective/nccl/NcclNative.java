package org.clipc.runtime.collective.nccl;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.IntSupplier;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.cudart.cudaPointerAttributes;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.cuda.global.nccl;
import org.bytedeco.cuda.nccl.ncclComm;
import org.bytedeco.cuda.nccl.ncclUniqueId;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.clipc.ir.DType;
import org.clipc.runtime.collective.CollectiveException;
import org.clipc.runtime.collective.Reduction;
import org.jspecify.annotations.Nullable;

/** NCCL and CUDA's runtime, by JavaCPP. The only class that names them. */
final class NcclNative implements Nccl {

    private static final int ID_BYTES = 128;

    /** The first that can order what different communicators start, as nccl.h writes it: 2.26. */
    private static final int LEAST_VERSION = 22_600;

    private static final long LONGEST_LAUNCH_MILLIS = 1000;

    /** NCCL ends the process's work if two threads start something on one device at the same time. */
    private static final ReentrantLock LAUNCHING = new ReentrantLock();

    private final int device;

    private NcclNative(int device) {
        this.device = device;
    }

    /** @throws LinkageError if the binding, CUDA or NCCL is missing */
    static Nccl open(int device) {
        var count = new int[1];
        checkCuda("cudaGetDeviceCount", cudart.cudaGetDeviceCount(count));
        if (device >= count[0]) {
            throw new CollectiveException(
                    "this rank is to use GPU %d of its machine, which has only %d: start fewer ranks on it"
                            .formatted(device, count[0]),
                    List.of());
        }
        orderLaunches();
        var opened = new NcclNative(device);
        if (version() < LEAST_VERSION) {
            throw new CollectiveException(
                    opened.description()
                            + " is older than 2.26, the first that several groups can use at once: install it",
                    List.of());
        }
        return opened;
    }

    /**
     * Lets communicators be used at the same time. A kernel of NCCL holds a part of the device until the other ranks' have
     * come, and two ranks where those of two communicators start in different orders may wait for each other for ever. With
     * this setting, which NCCL reads when it first starts something, kernels start in the order in which the host asked for
     * them, beside each other, also where that was recorded in a graph (NCCL's manual, "Using multiple NCCL communicators
     * concurrently"). A program's calls are in the same order on all ranks, and one thread of each starts them in that
     * order, whatever the streams: that is what the manual asks for.
     */
    @SuppressWarnings("restricted") // a function of the C library
    private static void orderLaunches() {
        var name = "NCCL_LAUNCH_ORDER_IMPLICIT";
        var linker = Linker.nativeLinker();
        var type = FunctionDescriptor.of(
                ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.JAVA_INT);
        try (var memory = Arena.ofConfined()) {
            var set = linker.downcallHandle(linker.defaultLookup().findOrThrow("setenv"), type);
            var code = (int) set.invokeExact(memory.allocateFrom(name), memory.allocateFrom("1"), 1);
            if (code != 0) {
                throw new CollectiveException("the environment variable " + name + " cannot be set", List.of());
            }
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError("setenv throws nothing", e);
        }
    }

    private static int version() {
        var version = new int[1];
        checkNccl("ncclGetVersion", nccl.ncclGetVersion(version));
        return version[0];
    }

    @Override
    public String description() {
        // As in nccl.h: major * 10000 + minor * 100 + patch.
        var version = version();
        return "NCCL %d.%d.%d on GPU %d".formatted(version / 10_000, version / 100 % 100, version % 100, device);
    }

    @Override
    public int device() {
        return device;
    }

    @Override
    public void attach() {
        checkCuda("cudaSetDevice", cudart.cudaSetDevice(device));
    }

    @Override
    public byte[] newId() {
        try (var id = new ncclUniqueId()) {
            checkNccl("ncclGetUniqueId", nccl.ncclGetUniqueId(id));
            var bytes = new byte[ID_BYTES];
            new BytePointer(id).get(bytes);
            return bytes;
        }
    }

    @Override
    public Channel join(byte[] id, int size, int rank) {
        try (var unique = new ncclUniqueId()) {
            new BytePointer(unique).put(id, 0, ID_BYTES);
            var communicator = new ncclComm();
            checkNccl("ncclCommInitRank", nccl.ncclCommInitRank(communicator, size, unique, rank));
            var stream = new CUstream_st();
            checkCuda(
                    "cudaStreamCreateWithFlags",
                    cudart.cudaStreamCreateWithFlags(stream, cudart.cudaStreamNonBlocking));
            return new NativeChannel(communicator, stream);
        }
    }

    @Override
    public boolean isReachable(long address) {
        try (var attributes = new cudaPointerAttributes()) {
            checkCuda("cudaPointerGetAttributes", cudart.cudaPointerGetAttributes(attributes, new Address(address)));
            return attributes.type() != cudart.cudaMemoryTypeUnregistered;
        }
    }

    @Override
    public long allocate(long bytes) {
        var pointer = new Pointer();
        checkCuda("cudaMalloc", cudart.cudaMalloc(pointer, bytes));
        return pointer.address();
    }

    @Override
    public void free(long address) {
        checkCuda("cudaFree", cudart.cudaFree(new Address(address)));
    }

    private static void checkCuda(String function, int code) {
        if (code != cudart.cudaSuccess) {
            throw new CollectiveException(
                    function + " failed: " + cudart.cudaGetErrorString(code).getString(), List.of());
        }
    }

    private static void checkNccl(String function, int code) {
        if (code != nccl.ncclSuccess) {
            var last = nccl.ncclGetLastError(null);
            var detail = last == null ? "" : "; " + last.getString();
            throw new CollectiveException(
                    function + " failed: " + nccl.ncclGetErrorString(code).getString() + detail, List.of());
        }
    }

    private static int typeOf(DType dtype) {
        return switch (dtype) {
            case F32 -> nccl.ncclFloat32;
            case BF16 -> nccl.ncclBfloat16;
            case F16 -> nccl.ncclFloat16;
            case I32 -> nccl.ncclInt32;
            case BOOL -> nccl.ncclUint8;
        };
    }

    private static int operatorOf(Reduction reduction) {
        return switch (reduction) {
            case SUM -> nccl.ncclSum;
            case MAX -> nccl.ncclMax;
            case MIN -> nccl.ncclMin;
        };
    }

    /** An address that is a pointer for JavaCPP, which owns nothing of it. */
    private static final class Address extends Pointer {

        Address(long address) {
            super((Pointer) null);
            this.address = address;
        }
    }

    private static final class NativeChannel implements Channel {

        private final ncclComm communicator;
        private final CUstream_st stream;
        private final AtomicBoolean aborted = new AtomicBoolean();

        NativeChannel(ncclComm communicator, CUstream_st stream) {
            this.communicator = communicator;
            this.stream = stream;
        }

        @Override
        public long stream() {
            return stream.address();
        }

        private static CUstream_st of(long stream) {
            return new CUstream_st(new Address(stream));
        }

        /** An aborted communicator is memory that NCCL has given back. */
        private void start(String function, IntSupplier operation) {
            LAUNCHING.lock();
            try {
                if (aborted.get()) {
                    throw new CollectiveException("the communicator was aborted", List.of());
                }
                checkNccl(function, operation.getAsInt());
            } finally {
                LAUNCHING.unlock();
            }
        }

        @Override
        public void together(Runnable starts) {
            LAUNCHING.lock();
            try {
                checkNccl("ncclGroupStart", nccl.ncclGroupStart());
                try {
                    starts.run();
                } finally {
                    checkNccl("ncclGroupEnd", nccl.ncclGroupEnd());
                }
            } finally {
                LAUNCHING.unlock();
            }
        }

        @Override
        public void allReduce(long on, long send, long receive, long count, DType dtype, Reduction reduction) {
            start(
                    "ncclAllReduce",
                    () -> nccl.ncclAllReduce(
                            new Address(send),
                            new Address(receive),
                            count,
                            typeOf(dtype),
                            operatorOf(reduction),
                            communicator,
                            of(on)));
        }

        @Override
        public void allGather(long on, long send, long receive, long count, DType dtype) {
            start(
                    "ncclAllGather",
                    () -> nccl.ncclAllGather(
                            new Address(send), new Address(receive), count, typeOf(dtype), communicator, of(on)));
        }

        @Override
        public void reduceScatter(long on, long send, long receive, long count, DType dtype, Reduction reduction) {
            start(
                    "ncclReduceScatter",
                    () -> nccl.ncclReduceScatter(
                            new Address(send),
                            new Address(receive),
                            count,
                            typeOf(dtype),
                            operatorOf(reduction),
                            communicator,
                            of(on)));
        }

        @Override
        public void broadcast(long on, long data, long count, DType dtype, int root) {
            var pointer = new Address(data);
            start(
                    "ncclBroadcast",
                    () -> nccl.ncclBroadcast(pointer, pointer, count, typeOf(dtype), root, communicator, of(on)));
        }

        @Override
        public void exchange(
                long on, long send, long sendCount, int to, long receive, long receiveCount, int from, DType dtype) {
            together(() -> {
                start(
                        "ncclSend",
                        () -> nccl.ncclSend(new Address(send), sendCount, typeOf(dtype), to, communicator, of(on)));
                start(
                        "ncclRecv",
                        () -> nccl.ncclRecv(
                                new Address(receive), receiveCount, typeOf(dtype), from, communicator, of(on)));
            });
        }

        @Override
        public void copy(long from, long to, long bytes) {
            checkCuda(
                    "cudaMemcpyAsync",
                    cudart.cudaMemcpyAsync(
                            new Address(to), new Address(from), bytes, cudart.cudaMemcpyDefault, stream));
        }

        @Override
        public boolean isDone() {
            var code = cudart.cudaStreamQuery(stream);
            if (code == cudart.cudaErrorNotReady) {
                return false;
            }
            checkCuda("cudaStreamQuery", code);
            return true;
        }

        @Override
        public @Nullable String error() {
            if (aborted.get()) {
                return null;
            }
            var code = new int[1];
            checkNccl("ncclCommGetAsyncError", nccl.ncclCommGetAsyncError(communicator, code));
            return code[0] == nccl.ncclSuccess || code[0] == nccl.ncclInProgress
                    ? null
                    : nccl.ncclGetErrorString(code[0]).getString();
        }

        @Override
        public void abort() {
            if (!aborted.getAndSet(true)) {
                Thread.ofPlatform().daemon().name("nccl-abort").start(this::abortNow);
            }
        }

        /**
         * Ends what is under way first, and then waits for the graphs that use the communicator to be destroyed, which the
         * thread does that this sets free.
         */
        private void abortNow() {
            awaitLaunch();
            nccl.ncclCommAbort(communicator);
        }

        /** A launch that goes on is soon over; one that waits for a rank within NCCL is what the abort is to end. */
        private static void awaitLaunch() {
            try {
                if (LAUNCHING.tryLock(LONGEST_LAUNCH_MILLIS, TimeUnit.MILLISECONDS)) {
                    LAUNCHING.unlock();
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }

        @Override
        public void close() {
            if (!aborted.getAndSet(true)) {
                checkNccl("ncclCommDestroy", nccl.ncclCommDestroy(communicator));
                checkCuda("cudaStreamDestroy", cudart.cudaStreamDestroy(stream));
            }
        }
    }
}
