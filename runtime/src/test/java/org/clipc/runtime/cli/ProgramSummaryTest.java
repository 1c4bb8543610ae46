package org.clipc.runtime.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.clipc.runtime.cli.CommandRunner.clipRun;

import java.io.IOException;
import java.nio.file.Path;
import org.clipc.ir.Mesh;
import org.clipc.program.Manifest;
import org.clipc.program.Parameter;
import org.clipc.program.Program;
import org.clipc.program.ProgramFile;
import org.clipc.runtime.testing.ToyProgram;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProgramSummaryTest {

    @TempDir
    Path folder;

    private String summary(Program program) throws IOException {
        var path = folder.resolve("toy.bin");
        ProgramFile.write(path, program);
        return clipRun("--graph", path).succeeds().out();
    }

    @Test
    void countsTheWholeModelsParameters() throws IOException {
        var toy = ToyProgram.program(1_000_000);
        assertThat(summary(toy)).contains("parameters  8.00 M (0.00 M vision)");
        assertThat(summary(inTwoParts(toy))).contains("parameters  16.00 M (0.00 M vision)");
    }

    /** Whose ranks hold half of the token table each. */
    private static Program inTwoParts(Program toy) {
        var of = toy.manifest();
        var parameters =
                of.parameters().stream().map(ProgramSummaryTest::halfATable).toList();
        var manifest = new Manifest(
                of.formatVersion(),
                of.model(),
                of.config(),
                new Mesh(1, 2),
                parameters,
                of.state(),
                of.carried(),
                of.entries(),
                of.parameterBytes(),
                of.workspaceBytes(),
                of.stateBytes(),
                of.targets(),
                of.checksums());
        return new Program(manifest, toy.graphs(), toy.schedules(), toy.kernels(), toy.prebuilt(), toy.sources());
    }

    private static Parameter halfATable(Parameter p) {
        return new Parameter(
                p.name(),
                p.type(),
                p.initializer(),
                p.decay(),
                p.trainable(),
                p.clamp(),
                p.name().equals("token_embedding.weight") ? 0 : -1,
                p.offset());
    }
}
