/**
 * Ranks as processes that {@code mpirun} starts, over an installed Open MPI or MPICH (or one with MPICH's binary interface,
 * such as Intel MPI and MVAPICH), by the Foreign Function and Memory API.
 *
 * <p>Of MPI only messages that do not block are used. The collectives are made of them here, because MPI's own wait for
 * ever for a rank that does not come, may add in another order for another size or library, and know no bf16. A reduction
 * sends as much as the best of theirs: each member gets its slice of every other's tensor, combines them, and sends the
 * result to all (Rabenseifner's reduce-scatter and all-gather, with direct exchanges).
 *
 * <p>The library is looked for by its usual names; the environment variable {@code CLIPC_MPI_LIBRARY} names another file.
 * Beside MPI, the ranks hold a TCP connection to rank 0, on a port that rank 0 chooses, by which they hear at once of one
 * that has died.
 */
@NullMarked
package org.clipc.runtime.collective.mpi;

import org.jspecify.annotations.NullMarked;
