package org.clipc.runtime.cli;

import java.io.IOException;
import org.clipc.ir.Mesh;
import org.clipc.program.Manifest;
import picocli.CommandLine.Option;

/** The ranks that serve a program: those that hold its parts together, or these and their copies. */
final class ServingRanks {

    @Option(
            names = "--ranks",
            paramLabel = "N",
            description =
                    "Ranks to run on, as threads of this process: those that hold the model's parts, which is the default,"
                            + " or all that the program is compiled for, which share the data out. Under mpirun each"
                            + " process is one.")
    private int ranks;

    /** Runs all ranks, or this process's, to their end. */
    void run(Manifest manifest, RankLauncher.Body body) throws IOException {
        var all = manifest.mesh();
        if (ranks != 0 && ranks != all.tensor() && ranks != all.size()) {
            throw new CliException(
                    "--ranks is %d, but the program runs on %d, which hold its parts, or on %d, of which copies share the data out"
                            .formatted(ranks, all.tensor(), all.size()));
        }
        RankLauncher.run(ranks == all.size() ? all : new Mesh(1, all.tensor()), ranks, body);
    }
}
