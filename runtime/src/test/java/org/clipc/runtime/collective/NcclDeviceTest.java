package org.clipc.runtime.collective;

import static org.junit.jupiter.api.Assumptions.abort;

import java.time.Duration;
import java.util.List;
import org.clipc.runtime.collective.nccl.NcclCollectives;
import org.junit.jupiter.api.Test;

/** NCCL itself, on one GPU: needs the profile {@code nccl}, CUDA and NCCL. */
class NcclDeviceTest {

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
}
