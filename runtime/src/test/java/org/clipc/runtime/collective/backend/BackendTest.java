package org.clipc.runtime.collective.backend;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.clipc.runtime.collective.CollectiveOptions;
import org.junit.jupiter.api.Test;

class BackendTest {

    @Test
    void isToldByWhatTheLauncherSets() {
        assertThat(Backend.startedBy(Map.of())).isEqualTo(Backend.LOCAL);
        assertThat(Backend.startedBy(Map.of("OMPI_COMM_WORLD_SIZE", "4", "SLURM_NTASKS", "4")))
                .isEqualTo(Backend.MPI);
        assertThat(Backend.startedBy(Map.of("PMI_SIZE", "4"))).isEqualTo(Backend.MPI);
        assertThat(Backend.startedBy(Map.of("WORLD_SIZE", "4"))).isEqualTo(Backend.NCCL);
        assertThat(Backend.startedBy(Map.of("SLURM_NTASKS", "4"))).isEqualTo(Backend.NCCL);
        assertThat(Backend.LOCAL.text()).isEqualTo("local");
    }

    @Test
    void localRanksAreStartedHere() throws InterruptedException {
        var ranks = new AtomicInteger();
        Backend.LOCAL.run(3, CollectiveOptions.DEFAULT, ends -> {
            ends.world().barrier();
            ranks.addAndGet(10 + ends.rank());
        });
        assertThat(ranks).hasValue(33);
    }
}
