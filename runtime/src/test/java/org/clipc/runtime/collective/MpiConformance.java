package org.clipc.runtime.collective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Ranks that are processes, started by an installed {@code mpirun}. */
@Tag("process")
abstract class MpiConformance extends CollectivesConformance {

    /** More than any scenario takes on a busy machine; whoever is not done then hangs. */
    private static final int MOST_SECONDS = 150;

    /** More ranks than cores, and as root in containers. */
    private static final Map<String, String> ENVIRONMENT = Map.of(
            "OMPI_ALLOW_RUN_AS_ROOT", "1",
            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1",
            "OMPI_MCA_rmaps_base_oversubscribe", "1",
            "OMPI_MCA_hwloc_base_binding_policy", "none",
            "PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe",
            "PRTE_MCA_hwloc_default_binding_policy", "none",
            // Else mpirun kills the others as soon as one dies, maybe before they have said so.
            "OMPI_MCA_orte_enable_recovery", "1",
            "PRTE_MCA_prte_enable_recovery", "1");

    @TempDir
    Path folder;

    private final List<String> launchers;
    private final List<String> options;
    private final boolean sparesOthers;

    /**
     * @param launchers names of its {@code mpirun}, of which the first that is installed is taken
     * @param options of it
     * @param sparesOthers whether those who survive one that is killed have time to say so
     */
    MpiConformance(List<String> launchers, List<String> options, boolean sparesOthers) {
        this.launchers = launchers;
        this.options = options;
        this.sparesOthers = sparesOthers;
    }

    @Override
    protected List<String> outcomes(Scenario scenario, Duration timeout) throws IOException, InterruptedException {
        try (var run = new Run(scenario, timeout)) {
            return run.outcomes();
        }
    }

    @RepeatedTest(3)
    void aRankKilledAtAnyMomentStopsTheOthers() throws IOException, InterruptedException {
        var random = new Random();
        var victim = random.nextInt(Scenario.RANKS);
        try (var run = new Run(Scenario.WORKING, Duration.ofMinutes(2))) {
            run.awaitStart();
            TimeUnit.MILLISECONDS.sleep(random.nextInt(300));
            run.signal(victim, "KILL");
            assertThat(survivors(run.outcomes(), victim))
                    .filteredOn(said -> sparesOthers || !said.isEmpty())
                    .allMatch(said -> said.contains("rank " + victim + " is gone") && said.contains("all-reduce #"));
        }
    }

    /** As a machine does that hangs: the process is there, and its connections too. */
    @Test
    void aRankThatIsHaltedStopsTheOthersInTime() throws IOException, InterruptedException {
        try (var run = new Run(Scenario.WORKING, Duration.ofSeconds(10))) {
            run.awaitStart();
            run.signal(1, "STOP");
            run.awaitOutcomes(3);
            run.signal(1, "KILL");
            assertThat(survivors(run.outcomes(), 1))
                    .allMatch(said -> said.contains("rank 1 did not come to all-reduce #"));
        }
    }

    /** Four ranks under {@code mpirun}, and the files that they leave. */
    private final class Run implements AutoCloseable {

        private final Scenario scenario;
        private final Path run;
        private final Path log;
        private final Process process;

        Run(Scenario scenario, Duration timeout) throws IOException {
            var launcher =
                    launchers.stream().flatMap(name -> onPath(name).stream()).findFirst();
            assumeTrue(launcher.isPresent(), "none of " + launchers + " is installed");
            this.scenario = scenario;
            run = Files.createTempDirectory(folder, "run");
            log = run.resolve("log");
            var command = new ArrayList<>(List.of(launcher.orElseThrow().toString()));
            command.addAll(options);
            command.addAll(List.of(
                    "-n",
                    String.valueOf(Scenario.RANKS),
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "--add-modules=jdk.incubator.vector",
                    "--enable-native-access=ALL-UNNAMED",
                    "-XX:+UseSerialGC",
                    "-XX:TieredStopAtLevel=1",
                    "-Xmx256m",
                    "-cp",
                    System.getProperty("java.class.path"),
                    RankProcess.class.getName(),
                    scenario.name(),
                    String.valueOf(timeout.toMillis()),
                    run.toString()));
            var builder = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile());
            builder.environment().putAll(ENVIRONMENT);
            process = builder.start();
        }

        void awaitStart() throws IOException, InterruptedException {
            awaitFiles("pid-", Scenario.RANKS);
        }

        void awaitOutcomes(int count) throws IOException, InterruptedException {
            awaitFiles("rank-", count);
        }

        private void awaitFiles(String prefix, int count) throws IOException, InterruptedException {
            var deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(MOST_SECONDS);
            while (process.isAlive() && System.nanoTime() < deadline && filesNamed(prefix) < count) {
                TimeUnit.MILLISECONDS.sleep(20);
            }
            assertThat(filesNamed(prefix)).as(Files.readString(log)).isEqualTo(count);
        }

        private int filesNamed(String prefix) throws IOException {
            try (var files = Files.list(run)) {
                return (int) files.filter(f -> f.getFileName().toString().startsWith(prefix))
                        .filter(f -> f.toFile().length() > 0)
                        .count();
            }
        }

        void signal(int rank, String signal) throws IOException, InterruptedException {
            var pid = Files.readString(run.resolve("pid-" + rank));
            assertThat(new ProcessBuilder("kill", "-" + signal, pid).start().waitFor())
                    .isZero();
        }

        /** What each rank left, once all have ended. */
        List<String> outcomes() throws IOException, InterruptedException {
            assertThat(process.waitFor(MOST_SECONDS, TimeUnit.SECONDS))
                    .as("%s ends: %s", scenario, Files.readString(log))
                    .isTrue();
            var outcomes = new ArrayList<String>();
            for (var rank = 0; rank < Scenario.RANKS; rank++) {
                var file = run.resolve("rank-" + rank);
                outcomes.add(Files.exists(file) ? Files.readString(file) : "");
            }
            return outcomes;
        }

        @Override
        public void close() {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
    }

    private static Optional<Path> onPath(String name) {
        return Arrays.stream(System.getenv("PATH").split(File.pathSeparator))
                .map(folder -> Path.of(folder, name))
                .filter(Files::isExecutable)
                .findFirst();
    }
}
