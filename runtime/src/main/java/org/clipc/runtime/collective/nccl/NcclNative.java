package org.clipc.runtime.collective.nccl;

import java.util.List;
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
        return new NcclNative(device);
    }

    @Override
    public String description() {
        var version = new int[1];
        checkNccl("ncclGetVersion", nccl.ncclGetVersion(version));
        // As in nccl.h: major * 10000 + minor * 100 + patch.
        return "NCCL %d.%d.%d on GPU %d"
                .formatted(version[0] / 10_000, version[0] / 100 % 100, version[0] % 100, device);
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
        private boolean aborted;

        NativeChannel(ncclComm communicator, CUstream_st stream) {
            this.communicator = communicator;
            this.stream = stream;
        }

        @Override
        public void allReduce(long data, long count, DType dtype, Reduction reduction) {
            var pointer = new Address(data);
            checkNccl(
                    "ncclAllReduce",
                    nccl.ncclAllReduce(
                            pointer, pointer, count, typeOf(dtype), operatorOf(reduction), communicator, stream));
        }

        @Override
        public void allGather(long send, long receive, long count, DType dtype) {
            checkNccl(
                    "ncclAllGather",
                    nccl.ncclAllGather(
                            new Address(send), new Address(receive), count, typeOf(dtype), communicator, stream));
        }

        @Override
        public void reduceScatter(long send, long receive, long count, DType dtype, Reduction reduction) {
            checkNccl(
                    "ncclReduceScatter",
                    nccl.ncclReduceScatter(
                            new Address(send),
                            new Address(receive),
                            count,
                            typeOf(dtype),
                            operatorOf(reduction),
                            communicator,
                            stream));
        }

        @Override
        public void broadcast(long data, long count, DType dtype, int root) {
            var pointer = new Address(data);
            checkNccl(
                    "ncclBroadcast",
                    nccl.ncclBroadcast(pointer, pointer, count, typeOf(dtype), root, communicator, stream));
        }

        @Override
        public void exchange(
                long send, long sendCount, int to, long receive, long receiveCount, int from, DType dtype) {
            checkNccl("ncclGroupStart", nccl.ncclGroupStart());
            checkNccl("ncclSend", nccl.ncclSend(new Address(send), sendCount, typeOf(dtype), to, communicator, stream));
            checkNccl(
                    "ncclRecv",
                    nccl.ncclRecv(new Address(receive), receiveCount, typeOf(dtype), from, communicator, stream));
            checkNccl("ncclGroupEnd", nccl.ncclGroupEnd());
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
            var code = new int[1];
            checkNccl("ncclCommGetAsyncError", nccl.ncclCommGetAsyncError(communicator, code));
            return code[0] == nccl.ncclSuccess || code[0] == nccl.ncclInProgress
                    ? null
                    : nccl.ncclGetErrorString(code[0]).getString();
        }

        @Override
        public void abort() {
            if (!aborted) {
                aborted = true;
                checkNccl("ncclCommAbort", nccl.ncclCommAbort(communicator));
            }
        }

        @Override
        public void close() {
            checkNccl("ncclCommDestroy", nccl.ncclCommDestroy(communicator));
            checkCuda("cudaStreamDestroy", cudart.cudaStreamDestroy(stream));
        }
    }
}
