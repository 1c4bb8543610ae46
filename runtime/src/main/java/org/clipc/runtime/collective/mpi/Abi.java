package org.clipc.runtime.collective.mpi;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;

/**
 * The binary interface of an MPI library, which MPI's standard leaves open: what its handles are.
 *
 * @param name of the family
 * @param handle the layout of a handle, by which functions' parameters are told apart from numbers
 * @param world MPI_COMM_WORLD
 * @param bytes MPI_BYTE
 * @param errorsReturn MPI_ERRORS_RETURN
 * @param statusIgnore MPI_STATUS_IGNORE
 */
record Abi(String name, MemoryLayout handle, long world, long bytes, long errorsReturn, long statusIgnore) {

    /** Of MPICH's mpi.h; the same since version 3.1 in all libraries of the MPICH ABI Compatibility Initiative. */
    private static final Abi MPICH =
            new Abi("MPICH", ValueLayout.JAVA_INT.withName("handle"), 0x4400_0000L, 0x4c00_010dL, 0x5400_0001L, 1);

    private static final String OPEN_MPI_WORLD = "ompi_mpi_comm_world";

    static Abi of(SymbolLookup library) {
        if (library.find(OPEN_MPI_WORLD).isEmpty()) {
            return MPICH;
        }
        // Open MPI's handles are addresses of its objects.
        return new Abi(
                "Open MPI",
                ValueLayout.JAVA_LONG.withName("handle"),
                library.findOrThrow(OPEN_MPI_WORLD).address(),
                library.findOrThrow("ompi_mpi_byte").address(),
                library.findOrThrow("ompi_mpi_errors_return").address(),
                0);
    }
}
