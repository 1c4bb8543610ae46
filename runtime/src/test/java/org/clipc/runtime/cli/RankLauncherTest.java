package org.clipc.runtime.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;

class RankLauncherTest {

    @Test
    void whoeverStartsProcessesWithAGpuEachIsUnderstood() {
        assertThat(RankLauncher.hasGpuEach(Map.of("RANK", "1", "WORLD_SIZE", "2")))
                .isTrue();
        assertThat(RankLauncher.hasGpuEach(Map.of("SLURM_NTASKS", "4", "SLURM_STEP_NODELIST", "gpu[01-04]")))
                .isTrue();
        assertThat(RankLauncher.hasGpuEach(Map.of("RANK", "0", "WORLD_SIZE", "1")))
                .isFalse();
        // A shell in an allocation.
        assertThat(RankLauncher.hasGpuEach(Map.of("SLURM_NTASKS", "4"))).isFalse();
        assertThat(RankLauncher.hasGpuEach(Map.of())).isFalse();
    }
}
