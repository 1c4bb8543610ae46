package org.clipc.compiler.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GraphCommandTest {

    @TempDir
    Path folder = Path.of("");

    private Cli cli = new Cli(folder);

    @BeforeEach
    void setUp() {
        cli = new Cli(folder);
    }

    @Test
    void drawsInEveryForm() throws IOException {
        for (var form : new String[] {"svg", "dot", "html"}) {
            var picture = folder.resolve("made/tiny." + form);
            var ran = cli.run("graph", Cli.model("tiny"), "--entry", "loss", "-o", picture);
            assertThat(ran.err()).isEmpty();
            assertThat(ran.out()).startsWith("DIR/made/tiny." + form + ": loss, ");
            assertThat(ran.code()).isZero();
            assertThat(Files.readString(picture)).contains("from images", "from tokens", "resblocks.0…2  ×3", "conv1");
        }
    }

    /** A socket, as a device such as /dev/null would be. */
    @Test
    void whatIsNoFileIsNotReplacedByOne() throws IOException {
        var socket = folder.resolve("s.svg");
        try (var server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(UnixDomainSocketAddress.of(socket));
            var ran = cli.run("graph", Cli.model("tiny"), "-o", socket);
            assertThat(ran.err()).isEqualTo("clipc: DIR/s.svg: this is no file that could be replaced; name another\n");
            assertThat(Files.isRegularFile(socket)).isFalse();
        }
    }

    @Test
    void aModelWithoutEntryPointsHasNothingToDraw() {
        var model = cli.file("m.clip", "model M { param w: [2] = zeros }");
        assertThat(cli.run("graph", model, "-o", folder.resolve("m.svg")).err())
                .isEqualTo("clipc: M has no entry points\n");
        assertThat(cli.run("explain", model, "--memory", folder.resolve("m.svg"))
                        .err())
                .isEqualTo("clipc: M has no entry points\n");
        assertThat(cli.run("explain", Cli.model("tiny"), "--memory", folder.resolve("m.svg"), "--entry", "los")
                        .err())
                .startsWith("clipc: ClipTiny has no entry point 'los', only encode_image, encode_text, loss,");
    }

    @Test
    void opensAsManyLevelsAsAsked() throws IOException {
        var picture = folder.resolve("tiny.dot");
        cli.run("graph", Cli.model("tiny"), "-o", picture, "--depth", "0");
        assertThat(Files.readString(picture)).contains("label=\"visual\\n").doesNotContain("label=\"conv1");
    }

    @Test
    void showsHowValuesAreSpreadOverRanks() throws IOException {
        for (var form : new String[] {"svg", "dot", "html"}) {
            var picture = folder.resolve("step." + form);
            var ran = cli.run(
                    "graph",
                    Cli.model("tiny"),
                    "--entry",
                    "train_step",
                    "--depth",
                    "9",
                    "-o",
                    picture,
                    "trainer.devices=4",
                    "model.tensor_model_parallel_size=2",
                    "model.optim.name=distributed_fused_adam");
            assertThat(ran.err()).isEmpty();
            assertThat(Files.readString(picture))
                    .as(form)
                    .contains(
                            "split over data ranks",
                            "split over tensor ranks",
                            "split over both",
                            "partial sum",
                            "replicated",
                            "in_proj_weight: split(0, parts=3) over tensor",
                            "partial(sum) over tensor",
                            "split(0) over data, split(2) over tensor",
                            "all-reduce sum over tensor",
                            "reduce-scatter over data");
        }
    }

    @Test
    void oneRankHasNothingToSpread() throws IOException {
        var picture = folder.resolve("step.svg");
        cli.run("graph", Cli.model("tiny"), "--entry", "train_step", "-o", picture);
        assertThat(Files.readString(picture)).contains("backward").doesNotContain("replicated", "split(", "partial");
    }

    @Test
    void refusesEntriesThatAreNotThere() {
        var ran = cli.run("graph", Cli.model("tiny"), "--entry", "los", "-o", folder.resolve("x.svg"));
        assertThat(ran.err())
                .isEqualTo("clipc: ClipTiny has no entry point 'los', only encode_image, encode_text, loss,"
                        + " loss_grad, train_step; did you mean 'loss'?\n");
        assertThat(ran.code()).isEqualTo(2);
        assertThat(folder.resolve("x.svg")).doesNotExist();
    }

    @Test
    void refusesPlacesThatCannotBeWritten() {
        var file = cli.file("file", "");
        var ran = cli.run("graph", Cli.model("tiny"), "-o", file.resolve("x.svg"));
        assertThat(ran.err()).isEqualTo("clipc: DIR/file: is a file, so DIR/file/x.svg cannot be written\n");
        assertThat(ran.code()).isEqualTo(2);
    }
}
