package org.clipc.compiler.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import org.clipc.program.EntryPoint;
import org.clipc.program.ProgramFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ShorterTextsTest {

    @TempDir
    Path folder;

    private Cli.Ran compile(Path program, String... overrides) {
        var words = new Object[8 + overrides.length];
        System.arraycopy(
                new Object[] {
                    "compile", Cli.model("tiny"), "-o", program, "--target", "jvm128", "--no-training", "model.seed=1"
                },
                0,
                words,
                0,
                8);
        System.arraycopy(overrides, 0, words, 8, overrides.length);
        return new Cli(folder).run(words);
    }

    @Test
    void compilesTheTextTowerForEachLengthThatIsShorter() throws IOException {
        var program = folder.resolve("tiny.bin");
        assertThat(compile(program, "model.text_lengths=[9,6,16,40]").code()).isZero();
        try (var file = ProgramFile.open(program)) {
            var manifest = file.manifest();
            assertThat(manifest.entries())
                    .extracting(EntryPoint::name)
                    .containsExactlyInAnyOrder("encode_image", "encode_text", "loss", "encode_text_6", "encode_text_9");
            assertThat(manifest.forShorterTexts("encode_text"))
                    .extracting(EntryPoint::name)
                    .containsExactly("encode_text_6", "encode_text_9");
            assertThat(manifest.forShorterTexts("encode_image")).isEmpty();
        }
    }

    @Test
    void refusesTowersThatLookBehindTheEnd() {
        var ran = compile(folder.resolve("tiny.bin"), "model.text_lengths=[6]", "model.text.pooling=last");
        assertThat(ran.code()).isEqualTo(2);
        assertThat(ran.err()).contains("model.text_lengths needs a text tower with text.causal and text.pooling 'eot'");
    }

    @Test
    void refusesPartsOfTokens() {
        var ran = compile(folder.resolve("tiny.bin"), "model.text_lengths=[6.5]");
        assertThat(ran.code()).isEqualTo(2);
        assertThat(ran.err()).contains("model.text_lengths holds 6.5, but lengths are whole numbers");
    }
}
