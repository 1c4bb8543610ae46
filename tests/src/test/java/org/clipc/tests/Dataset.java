package org.clipc.tests;

import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import javax.imageio.ImageIO;
import org.clipc.runtime.data.source.ShardWriter;
import org.clipc.runtime.io.AtomicFile;

/** Pictures of coloured squares and stripes with captions that say so, and the tiny model that can learn them. */
final class Dataset {

    /** What makes the tiny model read CLIP's tokens, with all that is random switched on. */
    static final List<String> KEYS = List.of(
            "model.text.vocab_size=49408",
            "model.text.hidden_size=16",
            "model.vision.hidden_dropout=0.1",
            "model.vision.drop_patch_rate=0.25",
            "model.text.attention_dropout=0.1");

    static final List<String> COLOURS = List.of("red", "green", "blue", "yellow");
    private static final List<Color> VALUES = List.of(Color.RED, Color.GREEN, Color.BLUE, Color.YELLOW);

    private Dataset() {}

    /** Two shards of WebDataset in {@code folder}, with {@code samples} in all; returns them as one pattern. */
    static Path shards(Path folder, int samples) throws IOException {
        return shards(folder, samples, Set.of());
    }

    /** The same, where some samples have a picture that is none. */
    static Path shards(Path folder, int samples, Set<Integer> damaged) throws IOException {
        Files.createDirectories(folder);
        for (var shard = 0; shard < 2; shard++) {
            var first = shard;
            AtomicFile.write(folder.resolve(shard + ".tar"), channel -> {
                var writer = new ShardWriter(channel);
                for (var i = first; i < samples; i += 2) {
                    var files = sample(i);
                    if (damaged.contains(i)) {
                        files.put("png", new byte[] {1, 2, 3});
                    }
                    writer.add("%04d".formatted(i), files);
                }
                writer.finish();
            });
        }
        return folder.resolve("{0,1}.tar");
    }

    /** Image, caption and class of a sample. */
    static Map<String, byte[]> sample(int number) throws IOException {
        var colour = number / 2 % COLOURS.size();
        var files = new LinkedHashMap<String, byte[]>();
        files.put("png", picture(number));
        files.put("txt", ("a picture in " + COLOURS.get(colour)).getBytes(StandardCharsets.UTF_8));
        files.put("cls", String.valueOf(colour).getBytes(StandardCharsets.UTF_8));
        return files;
    }

    private static byte[] picture(int number) throws IOException {
        var random = new Random(number);
        var image = new BufferedImage(40, 36, BufferedImage.TYPE_INT_RGB);
        var graphics = image.createGraphics();
        graphics.setColor(Objects.requireNonNull(VALUES.get(number / 2 % VALUES.size())));
        graphics.fillRect(0, 0, 40, 36);
        graphics.setColor(Color.GRAY);
        graphics.fillRect(random.nextInt(30), random.nextInt(30), 4, 4);
        graphics.dispose();
        var bytes = new ByteArrayOutputStream();
        ImageIO.write(image, "png", bytes);
        return bytes.toByteArray();
    }
}
