package org.clipc.runtime.collective.rendezvous;

import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.clipc.runtime.collective.CollectiveException;
import org.jspecify.annotations.Nullable;

/**
 * Which rank of how many this process is, as the one that started it says in environment variables.
 *
 * <p>RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT are PyTorch's (torchrun sets them). Without RANK and
 * WORLD_SIZE, Slurm's are read: SLURM_PROCID, SLURM_NTASKS and SLURM_LOCALID. Rank 0 is then at MASTER_ADDR if that is set,
 * else on the first host of SLURM_STEP_NODELIST, else at SLURM_LAUNCH_NODE_IPADDR; its port is MASTER_PORT if that is set,
 * else 15000 and the last four digits of SLURM_JOB_ID. With none of them, the world is this process alone.
 *
 * @param localRank which of its machine's ranks this one is: the GPU that it uses
 * @param masterAddress host name or address of rank 0
 * @param masterPort that rank 0 listens on; of no account where it is alone
 */
public record RankEnvironment(int rank, int worldSize, int localRank, String masterAddress, int masterPort) {

    /** What says which of its machine's ranks a process is: {@code mpirun} of Open MPI, of MPICH, torchrun, and Slurm. */
    private static final List<String> LOCAL_RANKS =
            List.of("OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "LOCAL_RANK", "SLURM_LOCALID");

    private static final int SLURM_PORTS_FROM = 15_000;
    private static final int SLURM_PORTS = 10_000;
    private static final int ANY_PORT = 0;
    private static final int LARGEST_PORT = 65_535;
    private static final int LARGEST_WORLD = 1 << 20;

    /** {@code [01-04,07]} of a host's name: the first number. */
    private static final String NUMBERS = "\\[([^\\[\\],-]+)[^\\[\\]]*\\]";

    /** Of {@code rack[1-2]gpu[01-04,07],login1} what stands before the comma outside brackets. */
    private static final Pattern FIRST_HOSTS = Pattern.compile("((?:[^\\[\\],]|" + NUMBERS + ")+)(?:,.*)?");

    public RankEnvironment {
        if (rank >= worldSize) {
            throw new CollectiveException(
                    "this process is rank %d, but there are only %d ranks, from 0".formatted(rank, worldSize),
                    List.of());
        }
    }

    /**
     * @param environment as of {@link System#getenv()}
     * @throws CollectiveException if a variable is missing, or is no number in its range
     */
    public static RankEnvironment of(Map<String, String> environment) {
        var variables = new Variables(environment);
        if (variables.has("RANK") || variables.has("WORLD_SIZE")) {
            return new RankEnvironment(
                    variables.number("RANK", 0, LARGEST_WORLD),
                    variables.number("WORLD_SIZE", 1, LARGEST_WORLD),
                    variables.number("LOCAL_RANK", 0, LARGEST_WORLD),
                    variables.text("MASTER_ADDR"),
                    variables.number("MASTER_PORT", 1, LARGEST_PORT));
        }
        if (variables.has("SLURM_PROCID")) {
            return new RankEnvironment(
                    variables.number("SLURM_PROCID", 0, LARGEST_WORLD),
                    variables.number("SLURM_NTASKS", 1, LARGEST_WORLD),
                    variables.number("SLURM_LOCALID", 0, LARGEST_WORLD),
                    slurmAddress(variables),
                    slurmPort(variables));
        }
        return new RankEnvironment(0, 1, 0, "localhost", ANY_PORT);
    }

    /**
     * Which of its machine's ranks this process is, whoever started it; the first where nobody says.
     *
     * @param environment as of {@link System#getenv()}
     * @throws CollectiveException if a variable is no number in its range
     */
    public static int localRank(Map<String, String> environment) {
        var variables = new Variables(environment);
        return LOCAL_RANKS.stream()
                .filter(variables::has)
                .findFirst()
                .map(name -> variables.number(name, 0, LARGEST_WORLD))
                .orElse(0);
    }

    /** Slurm starts task 0 on the first of the step's nodes, however it spreads the others. */
    private static String slurmAddress(Variables variables) {
        if (variables.has("MASTER_ADDR")) {
            return variables.text("MASTER_ADDR");
        }
        if (variables.has("SLURM_STEP_NODELIST")) {
            return firstHost(variables.text("SLURM_STEP_NODELIST"));
        }
        return variables.text("SLURM_LAUNCH_NODE_IPADDR");
    }

    private static String firstHost(String nodes) {
        var matcher = FIRST_HOSTS.matcher(nodes);
        if (!matcher.matches()) {
            throw Variables.wrong("SLURM_STEP_NODELIST", nodes, "no list of hosts: set MASTER_ADDR to the first");
        }
        return matcher.group(1).replaceAll(NUMBERS, "$1");
    }

    /** Jobs that share a machine get different ports. */
    private static int slurmPort(Variables variables) {
        if (variables.has("MASTER_PORT")) {
            return variables.number("MASTER_PORT", 1, LARGEST_PORT);
        }
        return SLURM_PORTS_FROM + variables.number("SLURM_JOB_ID", 0, Integer.MAX_VALUE) % SLURM_PORTS;
    }

    private record Variables(Map<String, String> values) {

        boolean has(String name) {
            return !value(name).isEmpty();
        }

        String text(String name) {
            var value = value(name);
            if (value.isEmpty()) {
                throw new CollectiveException(
                        "the environment variable " + name + " is not set; torchrun, srun or whoever starts the ranks"
                                + " must set it in each of them",
                        List.of());
            }
            return value;
        }

        int number(String name, int least, int most) {
            var text = text(name);
            try {
                var number = Integer.parseInt(text);
                if (number >= least && number <= most) {
                    return number;
                }
            } catch (NumberFormatException e) {
                // Said below.
            }
            throw wrong(name, text, "no number from " + least + " to " + most);
        }

        private String value(String name) {
            @Nullable String value = values.get(name);
            return value == null ? "" : value.strip();
        }

        static CollectiveException wrong(String name, String value, String what) {
            return new CollectiveException(
                    "the environment variable " + name + " is '" + value + "', which is " + what, List.of());
        }
    }
}
