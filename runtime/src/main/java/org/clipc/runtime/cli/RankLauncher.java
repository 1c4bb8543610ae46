package org.clipc.runtime.cli;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.List;
import java.util.Map;
import org.clipc.ir.Mesh;
import org.clipc.runtime.collective.CollectiveOptions;
import org.clipc.runtime.collective.Collectives;
import org.clipc.runtime.collective.local.LocalRanks;
import org.clipc.runtime.collective.mpi.MpiCollectives;
import org.clipc.runtime.collective.nccl.NcclCollectives;
import org.clipc.runtime.collective.rendezvous.RankEnvironment;
import org.clipc.runtime.device.MeshRank;

/**
 * Starts the ranks that a program is for: threads of this process; or this process, as one of those of {@code mpirun}, or of
 * those with a GPU each that torchrun, srun or somebody by hand has started.
 */
final class RankLauncher {

    /** What {@code mpirun} of Open MPI and of MPICH tells processes. */
    private static final List<String> WORLD_SIZES = List.of("OMPI_COMM_WORLD_SIZE", "PMI_SIZE");

    /** What a rank does. */
    @FunctionalInterface
    interface Body {

        /** @param neighbours ranks that share this machine's cores with this one in this process, itself among them */
        void run(MeshRank rank, int neighbours) throws IOException;
    }

    private RankLauncher() {}

    /**
     * Runs all ranks, or this process's, to their end.
     *
     * @param wanted ranks that the user asks for; 0 for as many as the program needs
     */
    static void run(Mesh mesh, int wanted, Body body) throws IOException {
        run(mesh, wanted, System.getenv(), body);
    }

    static void run(Mesh mesh, int wanted, Map<String, String> environment, Body body) throws IOException {
        if (wanted != 0 && wanted != mesh.size()) {
            throw new CliException(("--ranks is %d, but the program is for %d (%d data-parallel x %d tensor-parallel): "
                            + "compile it with trainer.devices=%d")
                    .formatted(wanted, mesh.size(), mesh.data(), mesh.tensor(), wanted));
        }
        if (isStartedByMpi(environment)) {
            runProcess(mesh, MpiCollectives.open(CollectiveOptions.DEFAULT), body);
        } else if (mesh.size() == 1) {
            requireAlone(environment);
            body.run(MeshRank.alone(), 1);
        } else if (hasGpuEach(environment)) {
            runProcess(mesh, NcclCollectives.open(CollectiveOptions.DEFAULT), body);
        } else {
            runThreads(mesh, body);
        }
    }

    /** Else each of several processes would do all of the work, and write the same files. */
    private static void requireAlone(Map<String, String> environment) {
        if (hasGpuEach(environment)) {
            var size = worldSize(environment);
            throw new CliException(
                    ("this process is one of %s ranks (WORLD_SIZE or SLURM_NTASKS), but the program is to run"
                                    + " on one: compile it with trainer.devices=%s, or start one process")
                            .formatted(size, size));
        }
    }

    private static boolean isStartedByMpi(Map<String, String> environment) {
        return WORLD_SIZES.stream().map(environment::get).anyMatch(size -> size != null && !size.equals("1"));
    }

    /** By torchrun or by hand, or as a step of Slurm's, which a shell in an allocation is none. */
    static boolean hasGpuEach(Map<String, String> environment) {
        var size = worldSize(environment);
        return !size.isEmpty() && !size.equals("1");
    }

    private static String worldSize(Map<String, String> environment) {
        var slurm =
                environment.containsKey("SLURM_STEP_NODELIST") || environment.containsKey("SLURM_LAUNCH_NODE_IPADDR");
        return environment.getOrDefault("WORLD_SIZE", slurm ? environment.getOrDefault("SLURM_NTASKS", "") : "");
    }

    private static void runThreads(Mesh mesh, Body body) throws IOException {
        try {
            LocalRanks.<IOException>run(
                    mesh.size(), CollectiveOptions.DEFAULT, ranks -> body.run(MeshRank.of(mesh, ranks), mesh.size()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while ranks were running");
        }
    }

    private static void runProcess(Mesh mesh, Collectives ends, Body body) throws IOException {
        try (Collectives ranks = ends) {
            try {
                body.run(MeshRank.of(mesh, ranks, RankEnvironment.localRank(System.getenv())), 1);
            } catch (IOException | RuntimeException | Error e) {
                ranks.abort(String.valueOf(e.getMessage()));
                throw e;
            }
        }
    }
}
