package org.clipc.runtime.testing;

import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;

/** A data set of plain pictures, named by their colours. */
public final class Pictures {

    private static final String[] NAMES = {"red", "green", "blue", "white"};
    private static final Color[] COLOURS = {Color.RED, Color.GREEN, Color.BLUE, Color.WHITE};

    private Pictures() {}

    /** A table {@code pairs.csv} of {@code count} captioned pictures in {@code folder}. */
    public static Path table(Path folder, int count) throws IOException {
        Files.createDirectories(folder);
        var rows = new StringBuilder("image,caption\n");
        for (var i = 0; i < count; i++) {
            write(folder.resolve(i + ".png"), i);
            rows.append(i).append(".png,a ").append(NAMES[i % 4]).append(" picture\n");
        }
        return Files.writeString(folder.resolve("pairs.csv"), rows);
    }

    /** A folder for each colour, with {@code count} pictures in all. */
    public static Path classes(Path folder, int count) throws IOException {
        for (var i = 0; i < count; i++) {
            var inside = Files.createDirectories(folder.resolve(NAMES[i % 4]));
            write(inside.resolve(i + ".png"), i);
        }
        return folder;
    }

    private static void write(Path path, int number) throws IOException {
        var image = new BufferedImage(12, 10, BufferedImage.TYPE_INT_RGB);
        for (var y = 0; y < 10; y++) {
            for (var x = 0; x < 12; x++) {
                var colour = COLOURS[number % 4].getRGB();
                image.setRGB(x, y, (x * y + number) % 7 == 0 ? colour ^ 0x202020 : colour);
            }
        }
        ImageIO.write(image, "png", path.toFile());
    }
}
