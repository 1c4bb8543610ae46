package org.clipc.runtime.collective;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.clipc.runtime.collective.mpi.MpiCollectives;

/** A rank that is a process: goes through a scenario, and leaves files that say which process it is, and how it went. */
final class RankProcess {

    private RankProcess() {}

    /** @param args scenario, timeout in milliseconds, folder for the file */
    public static void main(String[] args) throws IOException, InterruptedException {
        var timeout = Duration.ofMillis(Long.parseLong(args[1]));
        // Small enough that the longer tensors are reduced in parts.
        var options = new CollectiveOptions(timeout, 4 << 10);
        var outcome = "";
        try (var ends = MpiCollectives.open(options)) {
            var scenario = Scenario.valueOf(args[0]);
            if (scenario == Scenario.WORKING) {
                // Who signals a rank finds all of them at work.
                ends.world().barrier();
            }
            Files.writeString(
                    Path.of(args[2], "pid-" + ends.rank()),
                    String.valueOf(ProcessHandle.current().pid()));
            outcome = outcome(scenario, ends);
            Files.writeString(Path.of(args[2], "rank-" + ends.rank()), outcome);
        }
        if (!outcome.equals(CollectivesConformance.DONE)) {
            System.exit(1);
        }
    }

    private static String outcome(Scenario scenario, Collectives ends) throws InterruptedException {
        try {
            scenario.run(new Scenario.Rank(ends, 0, () -> Runtime.getRuntime().halt(7)));
            return CollectivesConformance.DONE;
        } catch (CollectiveException e) {
            return String.valueOf(e.getMessage());
        } catch (RuntimeException | AssertionError e) {
            ends.abort("it failed with " + e);
            return e.toString();
        }
    }
}
