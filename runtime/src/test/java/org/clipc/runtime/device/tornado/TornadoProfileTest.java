package org.clipc.runtime.device.tornado;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;

class TornadoProfileTest {

    /** As TornadoVM 5.2.0 writes it: two runs of a graph, and its values as strings. */
    private static final String LOG = """
            {
                "entry0part1": {
                    "TOTAL_KERNEL_TIME": "700",
                    "COPY_IN_TIME": "12",
                    "entry0part1.call100": {
                        "BACKEND": "OPENCL",
                        "METHOD": "Gemm_1f.run",
                        "DEVICE": "AMD EPYC {2 cores}",
                        "TASK_COMPILE_DRIVER_TIME": "99000",
                        "TASK_KERNEL_TIME": "400"
                    },
                    "entry0part1.call101": {
                        "BACKEND": "OPENCL",
                        "TASK_KERNEL_TIME": "300",
                        "POWER_USAGE_mW": "n/a"
                    }
                }
            }
            {
                "entry0part1": {
                    "TOTAL_KERNEL_TIME": "30",
                    "entry0part1.call100": {
                        "TASK_KERNEL_TIME": "10"
                    },
                    "entry0part1.call101": {
                        "TASK_KERNEL_TIME": "20"
                    }
                }
            }
            """;

    @Test
    void readsTheLastRunsTimes() {
        assertThat(TornadoProfile.kernelNanos(LOG))
                .isEqualTo(Map.of("entry0part1.call100", 10L, "entry0part1.call101", 20L));
        assertThat(TornadoProfile.kernelNanos("")).isEmpty();
    }
}
