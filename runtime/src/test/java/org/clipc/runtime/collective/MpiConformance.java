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
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
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

    /**
     * @param launchers names of its {@code mpirun}, of which the first that is installed is taken
     * @param options of it
     */
    MpiConformance(List<String> launchers, List<String> options) {
        this.launchers = launchers;
        this.options = options;
    }

    @Override
    protected List<String> outcomes(Scenario scenario, Duration timeout) throws IOException, InterruptedException {
        var launcher = launchers.stream().flatMap(name -> onPath(name).stream()).findFirst();
        assumeTrue(launcher.isPresent(), "none of " + launchers + " is installed");
        var run = Files.createTempDirectory(folder, "run");
        var log = run.resolve("log");
        var process = start(launcher.orElseThrow(), scenario, timeout, run, log);
        var ended = process.waitFor(MOST_SECONDS, TimeUnit.SECONDS);
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
        assertThat(ended).as("%s hangs: %s", scenario, Files.readString(log)).isTrue();
        var outcomes = new ArrayList<String>();
        for (var rank = 0; rank < Scenario.RANKS; rank++) {
            var file = run.resolve("rank-" + rank);
            outcomes.add(Files.exists(file) ? Files.readString(file) : "");
        }
        return outcomes;
    }

    private Process start(Path launcher, Scenario scenario, Duration timeout, Path run, Path log) throws IOException {
        var command = new ArrayList<>(List.of(launcher.toString()));
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
        return builder.start();
    }

    private static Optional<Path> onPath(String name) {
        return Arrays.stream(System.getenv("PATH").split(File.pathSeparator))
                .map(folder -> Path.of(folder, name))
                .filter(Files::isExecutable)
                .findFirst();
    }
}
