package org.clipc.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.clipc.runtime.cli.ClipRun;

/** Four ranks of {@code clip-run}, each a process that an installed {@code mpirun} starts, and what each of them prints. */
final class Mpirun implements AutoCloseable {

    static final int RANKS = 4;

    /** More ranks than cores, as root in containers, and without killing the others as soon as one dies. */
    private static final Map<String, String> ENVIRONMENT = Map.of(
            "OMPI_ALLOW_RUN_AS_ROOT", "1",
            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1",
            "OMPI_MCA_rmaps_base_oversubscribe", "1",
            "OMPI_MCA_hwloc_base_binding_policy", "none",
            "PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe",
            "PRTE_MCA_hwloc_default_binding_policy", "none",
            "OMPI_MCA_orte_enable_recovery", "1",
            "PRTE_MCA_prte_enable_recovery", "1");

    /** Leaves the number of the process, which becomes the rank's, and its prints in files of its rank. */
    private static final String RANK = """
            rank=${OMPI_COMM_WORLD_RANK:-$PMI_RANK}
            echo $$ > "$0/pid-$rank"
            exec "$@" > "$0/log-$rank" 2>&1
            """;

    private final Path folder;
    private final Process process;

    private Mpirun(Path folder, Process process) {
        this.folder = folder;
        this.process = process;
    }

    /** How long the JVMs of ranks live. */
    enum Life {
        /** Too short for what C2 compiles to be worth its time. */
        SHORT("-XX:TieredStopAtLevel=1"),
        /** Long enough for kernels, whose vectors are objects until C2 has compiled them, to take most of it. */
        LONG("-XX:-OptoRegScheduling");

        private final String flag;

        Life(String flag) {
            this.flag = flag;
        }
    }

    /** Starts ranks; skips the test where there is no {@code mpirun}. */
    static Mpirun start(Path parent, Life life, List<String> words) throws IOException {
        var launcher = onPath("mpirun");
        assumeTrue(launcher.isPresent(), "there is no mpirun: install Open MPI or MPICH");
        var folder = Files.createTempDirectory(parent, "run");
        var command = new ArrayList<>(List.of(
                launcher.orElseThrow().toString(),
                "-n",
                String.valueOf(RANKS),
                "/bin/sh",
                "-c",
                RANK,
                folder.toString(),
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+UseSerialGC",
                "-Xmx512m",
                life.flag,
                // Not the quiet one of the tests.
                "-Dlogback.configurationFile=logback.xml",
                "-cp",
                System.getProperty("java.class.path"),
                ClipRun.class.getName()));
        command.addAll(words);
        command.addAll(List.of("--threads", "1"));
        var builder = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("mpirun").toFile());
        builder.environment().putAll(ENVIRONMENT);
        return new Mpirun(folder, builder.start());
    }

    private static Optional<Path> onPath(String program) {
        return Stream.of(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator))
                .map(directory -> Path.of(directory, program))
                .filter(Files::isExecutable)
                .findFirst();
    }

    /** Whether ranks go on when one is killed, until they find out themselves: MPICH's do not live so long. */
    static boolean sparesOthers() throws IOException, InterruptedException {
        var version = new ProcessBuilder("mpirun", "--version")
                .redirectErrorStream(true)
                .start();
        var text = new String(version.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        version.waitFor();
        return text.contains("Open MPI");
    }

    String log(int rank) throws IOException {
        var file = folder.resolve("log-" + rank);
        return Files.exists(file) ? Files.readString(file) : "";
    }

    /** All that was printed, for messages. */
    String logs() {
        return Stream.concat(Stream.of("mpirun"), IntStream.range(0, RANKS).mapToObj(rank -> "log-" + rank))
                .map(name -> {
                    try {
                        return name + ":\n" + Files.readString(folder.resolve(name));
                    } catch (IOException e) {
                        return name + ": " + e;
                    }
                })
                .reduce("", (a, b) -> a + "\n" + b);
    }

    boolean isAlive() {
        return process.isAlive();
    }

    void kill(int rank) throws IOException {
        var pid = Long.parseLong(Files.readString(folder.resolve("pid-" + rank)).strip());
        ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
    }

    /** Waits for all ranks to end; returns the exit code of {@code mpirun}. */
    int await(long most, TimeUnit unit) throws InterruptedException {
        var ended = process.waitFor(most, unit);
        assertThat(ended).as(logs()).isTrue();
        return process.exitValue();
    }

    @Override
    public void close() {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
    }
}
