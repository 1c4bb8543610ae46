package org.clipc.compiler.shard;

import java.io.IOException;
import java.nio.file.Files;
import java.util.Map;
import org.clipc.compiler.elaborate.Elaborator;
import org.clipc.compiler.pack.ModelSource;

/** Words with a contrastive loss and, as CoCa has it (Yu et al. 2022, arXiv:2205.01917), one of the next word's guess. */
final class Captioner {

    private static final String SOURCE = """
            import std.loss
            import std.norm

            model Captioner {
              param table: [12, 6] = normal(0.2)
              param picture: [5, 6] = normal(0.2)
              param word: [6, 12] = normal(0.2)
              param unused: [2] = zeros
              param scale: [] = constant(1)

              fn told(images: [B, 5], tokens: i32[B, 4], weights: [B]) {
                let words = gather(table, tokens)
                let image = images @ picture
                let pairs = contrastive_loss(l2_normalize(image), l2_normalize(mean(words, axis = 1)), exp(scale))
                let seen = words + reshape(image, [B, 1, 6])
                let guesses = reshape(transpose(seen, [1, 0, 2]) @ word, [4 * B, 12])
                let wrong = softmax_xent(guesses, reshape(transpose(tokens), [4 * B]))
                let counts = where(reshape(transpose(tokens), [4 * B]) != 0, 1.0, 0.0)
                let alike = mean(abs(reshape(weights, [B, 1]) - weights))
                return pairs + sum(wrong * counts) / sum(counts) + alike * sum(image * image)
              }

              fn relative(images: [B, 5]) = images - mean(images, axis = 0)

            """;

    private Captioner() {}

    static ModelSource model(String entry) throws IOException {
        var folder = Files.createTempDirectory("captioner");
        var file = Files.writeString(folder.resolve("captioner.clip"), SOURCE + "  entry " + entry + "\n}\n");
        var model = Elaborator.load(file, TinyClip.graphs(), Map.of()).orThrow();
        Files.delete(file);
        Files.delete(folder);
        return ModelSource.of(model);
    }
}
