package org.clipc.runtime.collective;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The rendezvous of a launcher that starts processes, as torchrun and srun do. */
@Tag("process")
@Timeout(120)
class RendezvousProcessTest {

    private static Process start(Map<String, String> variables) throws IOException {
        var builder = new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty("java.class.path"),
                RendezvousProcess.class.getName());
        builder.environment().putAll(variables);
        builder.redirectErrorStream(true);
        return builder.start();
    }

    private static int freePort() throws IOException {
        try (var socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }

    private static void assertAllHear(Iterable<Process> processes, String what)
            throws IOException, InterruptedException {
        for (var process : processes) {
            var said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            assertThat(process.waitFor()).as(said).isZero();
            assertThat(said).isEqualTo(what);
        }
    }

    @Test
    void asTorchrunDoes() throws IOException, InterruptedException {
        var port = String.valueOf(freePort());
        var processes = new ArrayList<Process>();
        // Rank 0, that the others look for, comes last.
        for (var rank = 2; rank >= 0; rank--) {
            processes.add(start(Map.of(
                    "RANK",
                    String.valueOf(rank),
                    "WORLD_SIZE",
                    "3",
                    "LOCAL_RANK",
                    String.valueOf(rank % 2),
                    "MASTER_ADDR",
                    "127.0.0.1",
                    "MASTER_PORT",
                    port)));
        }
        assertAllHear(processes, "hello 0;hello 1;hello 0;");
    }

    @Test
    void asSlurmDoes() throws IOException, InterruptedException {
        var port = String.valueOf(freePort());
        var processes = new ArrayList<Process>();
        for (var rank = 0; rank < 2; rank++) {
            processes.add(start(Map.of(
                    "SLURM_PROCID",
                    String.valueOf(rank),
                    "SLURM_NTASKS",
                    "2",
                    "SLURM_LOCALID",
                    String.valueOf(rank),
                    "SLURM_LAUNCH_NODE_IPADDR",
                    "127.0.0.1",
                    "MASTER_PORT",
                    port)));
        }
        assertAllHear(processes, "hello 0;hello 1;");
    }
}
