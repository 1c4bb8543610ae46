package org.clipc.runtime.collective;

import java.util.List;

/** Over Open MPI, or whatever {@code mpirun} is on the path. */
class OpenMpiConformanceTest extends MpiConformance {

    OpenMpiConformanceTest() {
        super(List.of("mpirun.openmpi", "mpirun"), List.of(), true);
    }
}
