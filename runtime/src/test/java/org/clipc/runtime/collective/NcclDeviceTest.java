package org.clipc.runtime.collective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;
import org.clipc.ir.DType;
import org.clipc.runtime.collective.nccl.NcclCollectives;
import org.junit.jupiter.api.Test;

/** NCCL itself, on one GPU: needs the profile {@code nccl}, CUDA and NCCL. */
class NcclDeviceTest {

    private static final int COUNT = 10_007;

    private static final long BYTES = COUNT * (long) Float.BYTES;

    private static Collectives open() {
        try {
            return NcclCollectives.open(CollectiveOptions.DEFAULT.withTimeout(Duration.ofSeconds(60)));
        } catch (CollectiveException e) {
            return abort(e.getMessage());
        }
    }

    @Test
    void aWorldOfOneGpu() {
        try (var ends = open()) {
            for (var group : List.of(ends.world(), ends.group(List.of(0)))) {
                for (var elements : List.of(0, 1, 31, 64, 1009, 200_003)) {
                    new OperationChecks(group, 0).run(elements);
                }
            }
        }
    }

    /** Two groups on a stream of the caller's, one behind the other, from one fifth of its memory to the next. */
    @Test
    void operationsFollowEachOtherOnAStream() {
        try (var ends = open()) {
            var first = (StreamGroup) ends.world();
            var second = (StreamGroup) ends.group(List.of(0));
            var stream = new CUstream_st();
            check(cudart.cudaStreamCreateWithFlags(stream, cudart.cudaStreamNonBlocking));
            var memory = new Pointer();
            check(cudart.cudaMalloc(memory, 5 * BYTES));
            var from = memory.address();
            var values = new float[COUNT];
            IntStream.range(0, COUNT).forEach(i -> values[i] = i);
            var results = new float[COUNT];
            try (var host = new FloatPointer(values);
                    var got = new FloatPointer((long) COUNT)) {
                check(cudart.cudaMemcpyAsync(memory, host, BYTES, cudart.cudaMemcpyHostToDevice, stream));
                first.start(
                        stream.address(),
                        List.of(StreamCall.allReduce(from, from + BYTES, COUNT, DType.F32, Reduction.SUM)));
                second.start(
                        stream.address(),
                        List.of(StreamCall.allGather(from + BYTES, from + 2 * BYTES, COUNT, DType.F32)));
                first.start(
                        stream.address(),
                        List.of(StreamCall.reduceScatter(
                                from + 2 * BYTES, from + 3 * BYTES, COUNT, DType.F32, Reduction.MAX)));
                second.start(
                        stream.address(),
                        List.of(StreamCall.exchange(from + 3 * BYTES, 0, from + 4 * BYTES, 0, COUNT, DType.F32)));
                var last = new FloatPointer(memory).getPointer(4L * COUNT);
                check(cudart.cudaMemcpyAsync(got, last, BYTES, cudart.cudaMemcpyDeviceToHost, stream));
                check(cudart.cudaStreamSynchronize(stream));
                got.get(results);
            }
            assertThat(results).containsExactly(values);
            assertThat(first.failure(null)).isNull();
            check(cudart.cudaFree(memory));
            check(cudart.cudaStreamDestroy(stream));
        }
    }

    private static void check(int code) {
        assertThat(code).isEqualTo(cudart.cudaSuccess);
    }
}
