package org.clipc.runtime.collective.backend;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.clipc.runtime.collective.CollectiveException;
import org.clipc.runtime.collective.CollectiveOptions;
import org.clipc.runtime.collective.Collectives;
import org.clipc.runtime.collective.RankBody;
import org.clipc.runtime.collective.local.LocalRanks;
import org.clipc.runtime.collective.mpi.MpiCollectives;
import org.clipc.runtime.collective.nccl.NcclCollectives;

/** How ranks are connected. */
public enum Backend {
    /** Threads of this process. */
    LOCAL,
    /** Processes that {@code mpirun} starts. */
    MPI,
    /** Processes with a GPU each, that find each other by environment variables. */
    NCCL;

    /**
     * The one that fits how this process was started.
     *
     * @param environment as of {@link System#getenv()}
     */
    public static Backend startedBy(Map<String, String> environment) {
        if (environment.containsKey("OMPI_COMM_WORLD_SIZE") || environment.containsKey("PMI_SIZE")) {
            return MPI;
        }
        return environment.containsKey("WORLD_SIZE") || environment.containsKey("SLURM_NTASKS") ? NCCL : LOCAL;
    }

    /** Its name for users, such as {@code mpi}. */
    public String text() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * Does {@code body} on all ranks: on threads that it starts, or on this process's rank alone, beside the others that
     * do the same. A rank that throws stops the others.
     *
     * @param ranks how many; where others started them, how many there must be, or 0 for as many as there are
     * @throws E what the body threw
     * @throws CollectiveException if the ranks do not come together; what the message says is for the user
     */
    public <E extends Exception> void run(int ranks, CollectiveOptions options, RankBody<E> body)
            throws E, InterruptedException {
        switch (this) {
            case LOCAL -> LocalRanks.run(Math.max(1, ranks), options, body);
            case MPI -> runOwn(MpiCollectives.open(options), ranks, body);
            case NCCL -> runOwn(NcclCollectives.open(options), ranks, body);
        }
    }

    private static <E extends Exception> void runOwn(Collectives ends, int ranks, RankBody<E> body)
            throws E, InterruptedException {
        try (ends) {
            try {
                if (ranks != 0 && ranks != ends.size()) {
                    throw new CollectiveException(
                            "%d ranks were asked for, but %d were started".formatted(ranks, ends.size()), List.of());
                }
                body.run(ends);
            } catch (Throwable e) {
                ends.abort("it failed with " + e);
                throw e;
            }
        }
    }
}
