package org.clipc.runtime.data.image;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.clipc.runtime.tensor.HostTensor;
import org.clipc.runtime.tensor.SafetensorsFile;

/** Picture files written by Pillow 11, and what it decodes them to. */
final class GoldenImages {
    private GoldenImages() {}

    static Path file(String name) {
        try {
            var url = GoldenImages.class.getResource("/golden/" + name);
            if (url == null) {
                throw new AssertionError("no test resource " + name);
            }
            return Path.of(url.toURI());
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
    }

    static byte[] bytes(String name) {
        try {
            return Files.readAllBytes(file("images/" + name));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static List<String> decodedNames() {
        try (var golden = SafetensorsFile.open(file("decoded.safetensors"))) {
            return golden.names().stream()
                    .filter(n -> !n.startsWith("resize."))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A [height, width, 3] tensor of the golden file. */
    static RgbImage expected(String name) {
        try (var golden = SafetensorsFile.open(file("decoded.safetensors"))) {
            HostTensor tensor = golden.tensor(name);
            int height = Math.toIntExact(tensor.shape().get(0));
            int width = Math.toIntExact(tensor.shape().get(1));
            return new RgbImage(width, height, tensor.data().toArray(java.lang.foreign.ValueLayout.JAVA_BYTE));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Greatest and mean distance of two pictures' samples. */
    static double[] distance(RgbImage a, RgbImage b) {
        if (a.width() != b.width() || a.height() != b.height()) {
            throw new AssertionError(a.width() + "x" + a.height() + " against " + b.width() + "x" + b.height());
        }
        double greatest = 0;
        double sum = 0;
        for (int i = 0; i < a.rgb().length; i++) {
            double d = Math.abs((a.rgb()[i] & 0xff) - (b.rgb()[i] & 0xff));
            greatest = Math.max(greatest, d);
            sum += d;
        }
        return new double[] {greatest, sum / a.rgb().length};
    }
}
