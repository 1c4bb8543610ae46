package org.clipc.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.clipc.compiler.autodiff.Autodiff;
import org.clipc.compiler.config.Setting;
import org.clipc.compiler.elaborate.Elaborator;
import org.clipc.compiler.shard.Partition;
import org.clipc.compiler.shard.Shardings;
import org.clipc.ir.Graph;
import org.clipc.ir.Mesh;
import org.clipc.ir.TensorType;
import org.clipc.ir.interp.MeshInterpreter;
import org.clipc.ir.interp.Tensor64;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The losses of two ranks are open_clip's. Its gradients are those on each rank before the data-parallel average, which
 * takes half of each rank's: ours are those behind it.
 */
class GoldenRanksTest {

    private static final double TOLERANCE = 1e-9;
    private static final int RANKS = 2;
    private static final int BATCH = 6;

    private static final String SOURCE = """
            import std.loss

            model Loss {
              config local_loss: bool = false
              config gather_with_grad: bool = true
              param logit_scale: [] = zeros
              param logit_bias: [] = zeros

              entry contrastive(images: [B, 32], texts: [B, 32]) -> (loss: []) =
                contrastive_loss(images, texts, exp(logit_scale), local_loss, gather_with_grad)

              config loss_dist_impl: "bidir" | "shift" | "reduce" | "gather" = "gather"

              entry sigmoid(images: [B, 32], texts: [B, 32]) -> (loss: []) =
                sigmoid_loss(images, texts, exp(logit_scale), logit_bias, loss_dist_impl)
            }
            """;

    @TempDir
    @SuppressWarnings("NullAway.Init")
    Path folder;

    @Test
    void contrastiveLossInAllFourWays() throws IOException {
        for (var local : List.of(false, true)) {
            for (var withGrad : List.of(false, true)) {
                var key = "local%d_gwg%d".formatted(local ? 1 : 0, withGrad ? 1 : 0);
                check(key, graph("contrastive", local, withGrad), Golden.read("gelu_tok.f64"), Math.log(1 / 0.07), 0);
            }
        }
    }

    @Test
    void sigmoidLoss() throws IOException {
        for (var way : List.of("bidir", "gather", "shift", "reduce")) {
            // The other two ways lead to the same numbers.
            var key = way.equals("gather") ? "siglip_gather" : "siglip_bidir";
            var graph = graph("sigmoid", Map.of("loss_dist_impl", new Setting(way, Setting.Origin.COMMAND_LINE)));
            check(key, graph, Golden.read("siglip.f64"), Math.log(10), -10);
        }
    }

    private Graph graph(String entry, boolean localLoss, boolean withGrad) throws IOException {
        return graph(
                entry,
                Map.of(
                        "local_loss", new Setting(localLoss, Setting.Origin.COMMAND_LINE),
                        "gather_with_grad", new Setting(withGrad, Setting.Origin.COMMAND_LINE)));
    }

    private Graph graph(String entry, Map<String, Setting> settings) throws IOException {
        var file = Files.writeString(folder.resolve("loss.clip"), SOURCE);
        var loss = Elaborator.load(file, Golden.graphs(), settings).orThrow().entry(entry, BATCH, true, RANKS);
        var gradients = Autodiff.gradients(loss, "loss", _ -> true);
        return Partition.data(RANKS, Shardings.data(List.of())).apply(gradients);
    }

    private static void check(String key, Graph graph, Map<String, Tensor64> features, double scale, double bias) {
        var inputs = new ArrayList<Map<String, Tensor64>>();
        for (var rank = 0; rank < RANKS; rank++) {
            var ofRank = new LinkedHashMap<String, Tensor64>();
            ofRank.put("images", rows(Objects.requireNonNull(features.get("image_features")), rank));
            ofRank.put("texts", rows(Objects.requireNonNull(features.get("text_features")), rank));
            ofRank.put("logit_scale", Tensor64.scalar(TensorType.f32(), (float) scale));
            ofRank.put("logit_bias", Tensor64.scalar(TensorType.f32(), bias));
            inputs.add(ofRank);
        }
        var golden = List.of(Golden.read("dist2_rank0.f64"), Golden.read("dist2_rank1.f64"));
        for (var outputs : MeshInterpreter.run(new Mesh(RANKS, 1), graph, inputs)) {
            mean(outputs, "loss", golden, key + ".loss");
            mean(outputs, "grad.logit_scale", golden, key + ".dlogit_scale");
            if (key.startsWith("siglip")) {
                mean(outputs, "grad.logit_bias", golden, key + ".dlogit_bias");
            }
            for (var rank = 0; rank < RANKS; rank++) {
                half(outputs, "grad.images", rank, golden.get(rank), key + ".dimage_features");
                half(outputs, "grad.texts", rank, golden.get(rank), key + ".dtext_features");
            }
        }
    }

    private static Tensor64 rows(Tensor64 x, int rank) {
        var share = x.size() / RANKS;
        var type = x.type().withShape(x.shape().with(0, BATCH / RANKS));
        return Tensor64.of(type, Arrays.copyOfRange(x.data(), rank * share, (rank + 1) * share));
    }

    private static void mean(
            Map<String, Tensor64> outputs, String name, List<Map<String, Tensor64>> golden, String key) {
        var sum = 0.0;
        for (var ofRank : golden) {
            sum += Objects.requireNonNull(ofRank.get(key), key).get(0);
        }
        assertThat(Objects.requireNonNull(outputs.get(name)).get(0)).as(key).isCloseTo(sum / RANKS, within(TOLERANCE));
    }

    private static void half(
            Map<String, Tensor64> outputs, String name, int rank, Map<String, Tensor64> golden, String key) {
        var ours = rows(Objects.requireNonNull(outputs.get(name)), rank);
        var theirs = Arrays.stream(Objects.requireNonNull(golden.get(key), key).data())
                .map(x -> x / RANKS)
                .toArray();
        assertThat(ours.data()).as(key + " of rank " + rank).containsExactly(theirs, within(TOLERANCE));
    }
}
