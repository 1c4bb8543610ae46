package org.clipc.runtime.collective;

import java.util.List;

/** Over MPICH, where it is installed beside another, as Debian names it. */
class MpichConformanceTest extends MpiConformance {

    MpichConformanceTest() {
        // Else it kills the others as soon as one ends, maybe before they have said so; after a signal it does so
        // anyway.
        super(List.of("mpirun.mpich"), List.of("-disable-auto-cleanup"), false);
    }
}
