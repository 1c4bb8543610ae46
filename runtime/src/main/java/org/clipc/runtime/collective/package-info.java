/**
 * What ranks do together: all-reduce, all-gather, reduce-scatter, broadcast, exchange and barrier, over groups of ranks.
 * The operations and their names are MPI's and NCCL's.
 *
 * <p>There is one interface, {@link org.clipc.runtime.collective.Collectives}, and three ways to it:
 *
 * <ul>
 *   <li>{@code local}: ranks are threads of this process, which read each other's memory.
 *       {@code LocalRanks.run(4, options, rank -> ...)}
 *   <li>{@code mpi}: ranks are processes started by {@code mpirun} of an installed Open MPI or MPICH.
 *       {@code MpiCollectives.open(options)}
 *   <li>{@code nccl}: ranks are processes with a GPU each, started by torchrun, srun or by hand, that find each other by
 *       RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT or by Slurm's variables. {@code NcclCollectives.open(options)}
 * </ul>
 *
 * <p>A program runs on any of them unchanged, and over {@code local} and {@code mpi} it computes the same bits:
 *
 * {@snippet :
 * try (var ranks = MpiCollectives.open(CollectiveOptions.DEFAULT)) {
 *     try {
 *         var row = ranks.rank() / 2 * 2;
 *         var pair = ranks.group(List.of(row, row + 1));
 *         pair.allReduce(gradients, DType.F32, Reduction.SUM);
 *     } catch (RuntimeException e) {
 *         ranks.abort(e.toString());
 *         throw e;
 *     }
 * }
 * }
 */
@NullMarked
package org.clipc.runtime.collective;

import org.jspecify.annotations.NullMarked;
