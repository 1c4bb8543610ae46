package org.clipc.runtime.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.clipc.ir.Mesh;
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

    @Test
    void aProgramForOneRankIsNotRunByEachOfSeveral() {
        assertThatThrownBy(() ->
                        RankLauncher.run(Mesh.SINGLE, 0, Map.of("RANK", "1", "WORLD_SIZE", "4"), (rank, neighbours) -> {
                            throw new AssertionError("it ran");
                        }))
                .isInstanceOf(CliException.class)
                .hasMessageContaining("is one of 4 ranks")
                .hasMessageContaining("trainer.devices=4");
    }
}
