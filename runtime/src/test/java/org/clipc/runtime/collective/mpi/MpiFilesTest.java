package org.clipc.runtime.collective.mpi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.clipc.runtime.collective.CollectiveException;
import org.junit.jupiter.api.Test;

class MpiFilesTest {

    @Test
    void whereThereIsNoLibraryItSaysWhatToInstall() {
        assertThatThrownBy(() -> MpiFiles.load(Map.of("CLIPC_MPI_LIBRARY", "/no/such/libmpi.so")))
                .isInstanceOf(CollectiveException.class)
                .hasMessageContaining("no MPI library found (looked for /no/such/libmpi.so)")
                .hasMessageContaining("apt-get install openmpi-bin")
                .hasMessageContaining("set CLIPC_MPI_LIBRARY");
    }

    @Test
    void theLibraryOfTheLauncherIsLookedForFirst() {
        assertThat(MpiFiles.names(Map.of())).first().isEqualTo("libmpi.so.40");
        assertThat(MpiFiles.names(Map.of("OMPI_COMM_WORLD_RANK", "0", "PMI_RANK", "0")))
                .first()
                .isEqualTo("libmpi.so.40");
        assertThat(MpiFiles.names(Map.of("PMI_RANK", "0"))).first().isEqualTo("libmpich.so.12");
        assertThat(MpiFiles.names(Map.of("CLIPC_MPI_LIBRARY", " /opt/mpi/libmpi.so ")))
                .containsExactly("/opt/mpi/libmpi.so");
    }

    @Test
    void aFileThatIsNoMpiIsRefused() {
        assertThatThrownBy(() -> MpiLibrary.start(Map.of("CLIPC_MPI_LIBRARY", "libm.so.6")))
                .isInstanceOf(CollectiveException.class)
                .hasMessageContaining("lacks a function of MPI")
                .hasMessageContaining("CLIPC_MPI_LIBRARY");
    }
}
