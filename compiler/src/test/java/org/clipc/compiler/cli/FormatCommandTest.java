package org.clipc.compiler.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FormatCommandTest {

    private static final String UGLY = "model   M {\n\n\n  config a:int=1 }\n";
    private static final String PRETTY = "model M {\n  config a: int = 1\n}\n";

    @TempDir
    Path folder = Path.of("");

    private Cli cli = new Cli(folder);

    @BeforeEach
    void setUp() {
        cli = new Cli(folder);
    }

    @Test
    void formatsInPlaceOnceAndForAll() throws IOException {
        var file = cli.file("m.clip", UGLY);
        assertThat(cli.run("fmt", file)).isEqualTo(new Cli.Ran(0, "formatted DIR/m.clip\n", ""));
        assertThat(file).hasContent(PRETTY);
        assertThat(cli.run("fmt", file)).isEqualTo(new Cli.Ran(0, "", ""));
        try (var left = Files.list(folder)) {
            assertThat(left).containsExactly(file);
        }
    }

    @Test
    void printsToTheStandardOutput() {
        var file = cli.file("m.clip", UGLY);
        assertThat(cli.run("fmt", "--stdout", file)).isEqualTo(new Cli.Ran(0, PRETTY, ""));
        assertThat(file).hasContent(UGLY);
    }

    @Test
    void checksWithoutChanging() {
        var ugly = cli.file("a/ugly.clip", UGLY);
        cli.file("a/pretty.clip", PRETTY);
        var ran = cli.run("fmt", "--check", folder);
        assertThat(ran.out()).isEqualTo("DIR/a/ugly.clip\n");
        assertThat(ran.err()).isEqualTo("clipc: 1 of 2 files are not laid out canonically; 'clipc fmt' does that\n");
        assertThat(ran.code()).isEqualTo(2);
        assertThat(ugly).hasContent(UGLY);
    }

    @Test
    void leavesFilesWithErrorsAlone() {
        var wrong = cli.file("wrong.clip", "model M {\n  config a int = 1\n}\n");
        var ugly = cli.file("ugly.clip", UGLY);
        var ran = cli.run("fmt", wrong, ugly);
        assertThat(ran.err()).startsWith("DIR/wrong.clip:2:12: error: ");
        assertThat(ran.out()).isEqualTo("formatted DIR/ugly.clip\n");
        assertThat(ran.code()).isEqualTo(2);
    }

    @Test
    void takesNoConfiguration() {
        assertThat(cli.run("fmt", cli.file("m.clip", UGLY), "a.b=1").err())
                .isEqualTo("clipc: fmt takes no configuration, but got 'a.b=1'\n");
    }

    @Test
    void theProjectsSourcesAreCanonical() {
        assertThat(cli.run("fmt", "--check", Cli.home().resolve("clip-graphs"))).isEqualTo(new Cli.Ran(0, "", ""));
    }
}
