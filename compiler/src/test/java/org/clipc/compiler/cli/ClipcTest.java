package org.clipc.compiler.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.clipc.compiler.tornado.TornadoSdk;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ClipcTest {

    @TempDir
    Path folder = Path.of("");

    private final Cli cli = new Cli(Path.of("nowhere"));

    @ParameterizedTest
    @CsvSource(
            delimiter = '~',
            value = {
                "chekc ~ clipc: Unmatched argument at index 0: 'chekc'",
                "check ~ clipc: Missing required parameter: 'FILE|key=value'",
                "check --confg x ~ clipc: Unknown option: '--confg'",
                "graph b32.clip ~ clipc: Missing required option: '--output=FILE'",
                "graph b32.clip -o x.png ~ clipc: x.png: a picture's name ends in .svg, .dot or .html",
                "graph b32.clip -o x.svg --depth few ~ clipc: Invalid value for option '--depth': 'few' is not an int",
                "graph b32.clip -o x.svg --depth -1 ~ clipc: --depth counts levels of modules; it cannot be -1",
                "compile b32.clip -o x.bin --target jvm,gpu ~ clipc: there is no target 'gpu'; this clipc compiles for jvm",
                "explain ~ clipc: Missing required parameter: 'FILE'"
            })
    void misuseIsOneMessage(String words, String message) {
        var ran = cli.run((Object[]) words.split(" "));
        assertThat(ran.err()).startsWith(message).doesNotContain("\tat ", "Exception");
        assertThat(ran.err().lines().count()).isLessThanOrEqualTo(2);
        assertThat(ran.code()).isEqualTo(2);
    }

    @Test
    void theTargetTornadoSaysWhatItNeeds() throws IOException {
        assertThatThrownBy(() -> TornadoSdk.apiJar(null))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("needs an SDK of TornadoVM 5.2.0")
                .hasMessageContaining("set TORNADOVM_HOME");
        assertThatThrownBy(() -> TornadoSdk.apiJar(folder.toString()))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("TORNADOVM_HOME is " + folder + ", which is no SDK");
        var jar = folder.resolve("share/java/tornado/tornado-api-5.2.0-jdk25.jar");
        Files.createDirectories(Objects.requireNonNull(jar.getParent()));
        Files.createFile(jar);
        assertThat(TornadoSdk.apiJar(folder.toString())).isEqualTo(jar);
    }

    @Test
    void aTypoInACommandGetsASuggestion() {
        assertThat(cli.run("chekc").err()).contains("Did you mean: clipc check?");
    }

    @Test
    void helpNamesEveryCommand() {
        var ran = cli.run("--help");
        assertThat(ran.out()).contains("check", "fmt", "graph", "explain");
        assertThat(ran.code()).isZero();
        for (var command : new String[] {"check", "fmt", "graph", "explain"}) {
            assertThat(cli.run(command, "--help").out()).startsWith("Usage: clipc " + command);
        }
        assertThat(cli.run().code()).isEqualTo(2);
        assertThat(cli.run().err()).startsWith("Usage: clipc");
    }
}
