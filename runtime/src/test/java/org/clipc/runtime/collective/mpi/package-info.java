/** What can be known of the MPI backend without {@code mpirun}. */
@NullMarked
package org.clipc.runtime.collective.mpi;

import org.jspecify.annotations.NullMarked;
