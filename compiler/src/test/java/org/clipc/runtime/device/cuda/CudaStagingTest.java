package org.clipc.runtime.device.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.SplittableRandom;
import org.clipc.runtime.tensor.HostTensor;
import org.clipc.runtime.tensor.TensorDType;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CudaStagingTest {

    /** Less than a piece, a whole one, several and a bit; the second tensor is smaller than the first, then larger. */
    @ParameterizedTest
    @ValueSource(ints = {1, 1 << 20, (5 << 19) + 3})
    void tensorsArriveConverted(int count) {
        var random = new SplittableRandom(count);
        try (var cuda = new EmulatedCuda();
                var staging = new CudaStaging(cuda);
                var scope = Arena.ofShared()) {
            for (var elements : List.of(count, Math.ceilDiv(count, 2), count + 7)) {
                var values = random.doubles(elements).toArray();
                for (var dtype : List.of(TensorDType.F32, TensorDType.BF16)) {
                    var tensor = HostTensor.of(values, elements);
                    var device = cuda.allocate((long) elements * dtype.bytes());
                    staging.upload(device, dtype, tensor);
                    var arrived = HostTensor.allocate(scope, dtype, tensor.shape());
                    cuda.download(device, arrived.data());
                    assertThat(arrived.data().mismatch(bytes(tensor, dtype, scope)))
                            .isEqualTo(-1);
                    cuda.free(device);
                }
            }
        }
    }

    private static MemorySegment bytes(HostTensor tensor, TensorDType dtype, Arena scope) {
        return tensor.convert(dtype, scope).data();
    }
}
