package org.clipc.runtime.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DemoDataTest {

    private static final Concept FACE = new Concept("1f600", "grinning face", "Smileys", List.of("grin"));
    private static final Concept CAT = new Concept("1f408", "cat", "Animals", List.of());
    private static final Concept CLOCK = new Concept("1f550", "one o’clock", "Travel", List.of());

    @TempDir
    Path folder;

    @Test
    void theCatalogueLeavesOutFlagsComponentsAndSkinTones() throws IOException {
        var jar = zip("jemoji/emojis.json", """
                [{"emoji":"😀","description":"grinning face","group":"Smileys","keywords":["grin"]},
                 {"emoji":"👍🏽","description":"thumbs up: medium skin tone","group":"People"},
                 {"emoji":"🇫🇷","description":"flag: France","group":"Flags"},
                 {"emoji":"❤️","description":"red heart","group":"Smileys"},
                 {"emoji":"❤","description":"red heart","group":"Smileys"}]""");
        assertThat(ConceptReader.read(jar)).containsOnlyKeys("1f600", "2764").containsValue(FACE);
        assertThatThrownBy(() -> ConceptReader.read(zip("other", ""))).hasMessageContaining("jemoji/emojis.json");
    }

    @Test
    void iconsJoinByCodePointsNamesAndFormerNames() throws IOException {
        var jar = zip("META-INF/resources/webjars/iconify__json/2.2.378/json/mine.json", """
                {"info":{"license":{"title":"MIT"}},"width":32,"height":32,
                 "icons":{"happy":{"body":"<a/>"},"cat":{"body":"<b/>","width":16},"clock-one":{"body":"<c/>"}},
                 "chars":{"1f600-fe0f":"happy"},
                 "aliases":{"one-oclock":{"parent":"clock-one"}}}""");
        var set = IconSet.read(jar, "mine", Map.of("1f600", FACE, "1f408", CAT, "1f550", CLOCK));
        assertThat(set.license()).isEqualTo("MIT");
        assertThat(set.drawings()).containsOnlyKeys("1f600", "1f408", "1f550");
        assertThat(set.drawings().get("1f600"))
                .contains("viewBox=\"0 0 32 32\"")
                .contains("<a/>");
        assertThat(set.drawings().get("1f408")).contains("viewBox=\"0 0 16 32\"");
        assertThat(set.drawings().get("1f550")).contains("<c/>");
        assertThatThrownBy(() -> IconSet.read(jar, "yours", Map.of())).hasMessageContaining("no icon set yours");
    }

    @Test
    void shardsKeepPicturesAndConcepts() throws IOException {
        var shard = folder.resolve("s.tar");
        DrawingShard.write(
                shard,
                List.of(new Drawing("noto", FACE, plain(Color.RED)), new Drawing("noto", CAT, plain(Color.BLUE))));
        var read = DrawingShard.read(shard, Map.of("1f600", FACE, "1f408", CAT));
        assertThat(read).extracting(Drawing::key).containsExactly("noto.1f600", "noto.1f408");
        assertThat(read.getFirst().image().getRGB(3, 3)).isEqualTo(Color.RED.getRGB());
        assertThatThrownBy(() -> DrawingShard.read(shard, Map.of("1f600", FACE)))
                .hasMessageContaining("s.tar")
                .hasMessageContaining("noto/1f408.png");
    }

    @Test
    void theBaselineFindsTheNearestPictureOfAnyArtist() {
        var baseline = new PixelBaseline(List.of(
                new Drawing("a", FACE, plain(new Color(250, 0, 0))),
                new Drawing("b", FACE, plain(new Color(0, 250, 0))),
                new Drawing("a", CAT, plain(new Color(0, 0, 250)))));
        var queries = List.of(
                new Drawing("t", FACE, plain(new Color(10, 220, 10))),
                new Drawing("t", CAT, plain(new Color(255, 10, 10))));
        assertThat(baseline.topK(queries, 1)).isEqualTo(0.5);
        assertThat(baseline.topK(queries, 2)).isEqualTo(1.0);
    }

    private static BufferedImage plain(Color color) {
        var image = new BufferedImage(64, 64, BufferedImage.TYPE_INT_RGB);
        var graphics = image.createGraphics();
        graphics.setColor(color);
        graphics.fillRect(0, 0, 64, 64);
        graphics.dispose();
        return image;
    }

    private Path zip(String member, String text) throws IOException {
        var file = Files.createTempFile(folder, "a", ".jar");
        try (var zip = new ZipOutputStream(Files.newOutputStream(file))) {
            zip.putNextEntry(new ZipEntry(member));
            zip.write(text.getBytes(StandardCharsets.UTF_8));
        }
        return file;
    }
}
