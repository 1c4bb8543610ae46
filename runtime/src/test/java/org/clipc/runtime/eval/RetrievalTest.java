package org.clipc.runtime.eval;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RetrievalTest {

    @Test
    void recallCountsAnyRightAnswerAmongTheNearest() {
        var queries = Embeddings.of(new float[] {1, 0, 0, 1, -1, 0}, 2);
        var candidates = Embeddings.of(new float[] {1, 0, 0.9f, 0.1f, 0, 1}, 2);
        var recall = Retrieval.recall(queries, List.of(7, 8, 9), candidates, List.of(8, 7, 8), List.of(1, 2, 3));
        assertThat(recall).containsExactly(1 / 3.0, 2 / 3.0, 2 / 3.0);
    }

    @Test
    void agreesWithSortingAllCandidates() {
        var seed = System.nanoTime();
        var random = new Random(seed);
        for (var round = 0; round < 50; round++) {
            var width = 1 + random.nextInt(5);
            var queries = random(random, 1 + random.nextInt(8), width);
            var candidates = random(random, 1 + random.nextInt(20), width);
            var queryLabels = labels(random, queries.rows());
            var candidateLabels = labels(random, candidates.rows());
            var k = 1 + random.nextInt(5);
            var hits = IntStream.range(0, queries.rows())
                    .filter(i -> queries.nearest(i, candidates, k).stream()
                            .anyMatch(j -> candidateLabels.get(j).equals(queryLabels.get(i))))
                    .count();
            assertThat(Retrieval.recall(queries, queryLabels, candidates, candidateLabels, List.of(k)))
                    .as("seed %d", seed)
                    .containsExactly((double) hits / queries.rows());
        }
    }

    @Test
    void averagingNormalisesTheEnsemble() {
        var classes = Embeddings.of(new float[] {1, 0, 0, 1, 0, 0, 0, 0}, 2).averaged(2);
        assertThat(classes.rows()).isEqualTo(2);
        assertThat((double) classes.row(0)[0]).isCloseTo(Math.sqrt(0.5), within(1e-7));
        assertThat(classes.row(1)).containsOnly(0);
        assertThatThrownBy(() -> classes.averaged(3)).hasMessageContaining("no groups of 3");
    }

    @Test
    void templatesFillTheirBlank(@TempDir Path folder) throws IOException {
        var imagenet = PromptTemplates.imagenet();
        assertThat(imagenet.templates()).hasSize(80).doesNotHaveDuplicates().allMatch(t -> t.contains("{}"));
        assertThat(imagenet.fill("tench")).contains("a photo of a tench.");
        var file = Files.writeString(folder.resolve("t.txt"), "an icon of {}\n\nno blank\n");
        assertThatThrownBy(() -> PromptTemplates.read(file))
                .hasMessageContaining("t.txt")
                .hasMessageContaining("no {}");
        Files.writeString(file, "a {}\na caf\u00e9 {}\n", StandardCharsets.ISO_8859_1);
        assertThatThrownBy(() -> PromptTemplates.read(file)).hasMessageContaining("t.txt: line 2: is not UTF-8");
    }

    private static Embeddings random(Random random, int rows, int width) {
        var values = new float[rows * width];
        for (var i = 0; i < values.length; i++) {
            values[i] = random.nextInt(-3, 4);
        }
        return Embeddings.of(values, width);
    }

    private static List<Integer> labels(Random random, int count) {
        return IntStream.range(0, count).mapToObj(_ -> random.nextInt(4)).toList();
    }

    @Test
    void whatIsNoNumberFindsNothing() {
        var broken = Embeddings.of(new float[] {Float.NaN, 0, 1, 0}, 2);
        var sound = Embeddings.of(new float[] {1, 0, 0, 1}, 2);
        var labels = List.of(0, 1);
        assertThat(Retrieval.recall(broken, labels, sound, labels, List.of(1, 2)))
                .containsExactly(0.0, 0.5);
        assertThat(Retrieval.recall(sound, labels, broken, labels, List.of(1, 2)))
                .containsExactly(0.5, 0.5);
        assertThat(Retrieval.recall(sound, List.of(7, 7), broken, List.of(7, 7), List.of(1)))
                .containsExactly(1.0);
    }
}
