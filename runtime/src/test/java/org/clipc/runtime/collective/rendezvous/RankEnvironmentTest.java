package org.clipc.runtime.collective.rendezvous;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashMap;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.clipc.runtime.collective.CollectiveException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RankEnvironmentTest {

    private static final Map<String, String> TORCHRUN =
            Map.of("RANK", "5", "WORLD_SIZE", "8", "LOCAL_RANK", "1", "MASTER_ADDR", "gpu-1", "MASTER_PORT", "29500");

    private static final Map<String, String> SLURM = Map.of(
            "SLURM_PROCID", "3",
            "SLURM_NTASKS", "4",
            "SLURM_LOCALID", "1",
            "SLURM_JOB_ID", "1234567",
            "SLURM_LAUNCH_NODE_IPADDR", "10.0.0.7");

    private static Map<String, String> with(Map<String, String> some, String name, String value) {
        var all = new HashMap<>(some);
        all.put(name, value);
        return all;
    }

    private static Map<String, String> without(Map<String, String> some, String name) {
        var others = new HashMap<>(some);
        others.remove(name);
        return others;
    }

    @Test
    void readsWhatTorchrunSets() {
        assertThat(RankEnvironment.of(TORCHRUN)).isEqualTo(new RankEnvironment(5, 8, 1, "gpu-1", 29500));
    }

    @Test
    void torchrunWinsOverSlurm() {
        var both = new HashMap<>(SLURM);
        both.putAll(TORCHRUN);
        assertThat(RankEnvironment.of(both)).isEqualTo(RankEnvironment.of(TORCHRUN));
    }

    @Test
    void readsWhatSlurmSets() {
        assertThat(RankEnvironment.of(SLURM)).isEqualTo(new RankEnvironment(3, 4, 1, "10.0.0.7", 19567));
        assertThat(RankEnvironment.of(with(with(SLURM, "MASTER_ADDR", "head"), "MASTER_PORT", "4000")))
                .isEqualTo(new RankEnvironment(3, 4, 1, "head", 4000));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "gpu7; gpu7",
                "gpu[01-04,07],login1; gpu01",
                "gpu[3]; gpu3",
                "rack2-gpu[12,14-16].cluster; rack2-gpu12.cluster",
                "rack[3-4]gpu[01-02,7]x,login1; rack3gpu01x",
                "[5-6]; 5",
                "a,b[1-2]; a",
                "node-01,node-02; node-01"
            })
    void rankZeroIsOnTheFirstOfSlurmsHosts(String nodes, String first) {
        assertThat(RankEnvironment.of(with(SLURM, "SLURM_STEP_NODELIST", nodes)).masterAddress())
                .isEqualTo(first);
    }

    @Test
    void withoutAnyTheWorldIsThisProcess() {
        var alone = RankEnvironment.of(Map.of("PATH", "/bin", "MASTER_PORT", "x"));
        assertThat(alone.rank()).isZero();
        assertThat(alone.worldSize()).isEqualTo(1);
    }

    @ParameterizedTest
    @CsvSource({
        "RANK,-1",
        "RANK,two",
        "RANK,99999999999",
        "WORLD_SIZE,0",
        "LOCAL_RANK,1.5",
        "MASTER_PORT,0",
        "MASTER_PORT,65536"
    })
    void aBadNumberIsNamed(String variable, String value) {
        assertThatThrownBy(() -> RankEnvironment.of(with(TORCHRUN, variable, value)))
                .isInstanceOf(CollectiveException.class)
                .hasMessageContaining("variable " + variable + " is '" + value + "'")
                .hasMessageContaining("no number from ");
    }

    @ParameterizedTest
    @CsvSource({"RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"})
    void aMissingVariableIsNamed(String variable) {
        assertThatThrownBy(() -> RankEnvironment.of(without(TORCHRUN, variable)))
                .isInstanceOf(CollectiveException.class)
                .hasMessageContaining("variable " + variable + " is not set");
    }

    @ParameterizedTest
    @CsvSource({"SLURM_NTASKS", "SLURM_LOCALID", "SLURM_JOB_ID", "SLURM_LAUNCH_NODE_IPADDR"})
    void aMissingVariableOfSlurmIsNamed(String variable) {
        assertThatThrownBy(() -> RankEnvironment.of(without(SLURM, variable)))
                .isInstanceOf(CollectiveException.class)
                .hasMessageContaining("variable " + variable + " is not set");
    }

    @Test
    void aRankMustBeSmallerThanTheWorld() {
        assertThatThrownBy(() -> RankEnvironment.of(with(TORCHRUN, "RANK", "8")))
                .isInstanceOf(CollectiveException.class)
                .hasMessageContaining("rank 8, but there are only 8 ranks");
    }

    @Property
    void anyListOfHostsIsReadOrRefused(@ForAll String nodes) {
        try {
            var environment = RankEnvironment.of(with(SLURM, "SLURM_STEP_NODELIST", nodes));
            assertThat(environment.masterAddress()).isNotEmpty();
        } catch (CollectiveException e) {
            assertThat(e).hasMessageContaining("SLURM_STEP_NODELIST");
        }
    }

    @Test
    void theRankOfItsMachineIsThatOfWhoeverStartedIt() {
        assertThat(RankEnvironment.localRank(Map.of())).isZero();
        assertThat(RankEnvironment.localRank(Map.of("OMPI_COMM_WORLD_LOCAL_RANK", "3", "OMPI_COMM_WORLD_RANK", "7")))
                .isEqualTo(3);
        assertThat(RankEnvironment.localRank(Map.of("MPI_LOCALRANKID", "1", "PMI_RANK", "5")))
                .isEqualTo(1);
        assertThat(RankEnvironment.localRank(Map.of("RANK", "6", "LOCAL_RANK", "2")))
                .isEqualTo(2);
        assertThat(RankEnvironment.localRank(Map.of("SLURM_PROCID", "6", "SLURM_LOCALID", "4")))
                .isEqualTo(4);
        assertThatThrownBy(() -> RankEnvironment.localRank(Map.of("MPI_LOCALRANKID", "first")))
                .isInstanceOf(CollectiveException.class)
                .hasMessageContaining("MPI_LOCALRANKID is 'first'");
    }
}
