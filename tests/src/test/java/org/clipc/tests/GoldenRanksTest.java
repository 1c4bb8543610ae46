package org.clipc.tests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.clipc.ir.testing.Numbers.assertClose;

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
import org.clipc.compiler.elaborate.ElaboratedModel;
import org.clipc.compiler.elaborate.Elaborator;
import org.clipc.compiler.shard.Partition;
import org.clipc.compiler.shard.Shardings;
import org.clipc.ir.Graph;
import org.clipc.ir.Mesh;
import org.clipc.ir.TensorType;
import org.clipc.ir.interp.MeshInterpreter;
import org.clipc.ir.interp.Tensor64;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The losses of two ranks are open_clip's. Its gradients are those on each rank before the data-parallel average, which
 * takes half of each rank's: ours are those behind it. In float64, and on TornadoVM's device.
 */
class GoldenRanksTest {

    private static final double TOLERANCE = 1e-9;

    /** Of f32, in which sums of products are rounded. */
    private static final double F32_TOLERANCE = 1e-5;

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

    /** How ranks run a graph. */
    @FunctionalInterface
    private interface Runner {

        List<Map<String, Tensor64>> run(ElaboratedModel model, Graph graph, List<Map<String, Tensor64>> inputs)
                throws IOException, InterruptedException;
    }

    /** Entry points of the model, and what open_clip's of that name gave from which features, scale and bias. */
    private record Case(
            String entry, Map<String, Setting> settings, String key, String file, double scale, double bias) {

        static Case contrastive(boolean local, boolean withGrad) {
            return new Case(
                    "contrastive",
                    Map.of("local_loss", set(local), "gather_with_grad", set(withGrad)),
                    "local%d_gwg%d".formatted(local ? 1 : 0, withGrad ? 1 : 0),
                    "gelu_tok.f64",
                    Math.log(1 / 0.07),
                    0);
        }

        static Case sigmoid(String way) {
            // The other two ways lead to the same numbers.
            var key = way.equals("gather") ? "siglip_gather" : "siglip_bidir";
            return new Case("sigmoid", Map.of("loss_dist_impl", set(way)), key, "siglip.f64", Math.log(10), -10);
        }

        private static Setting set(Object value) {
            return new Setting(value, Setting.Origin.COMMAND_LINE);
        }
    }

    @Test
    void contrastiveLossInAllFourWays() throws IOException, InterruptedException {
        for (var local : List.of(false, true)) {
            for (var withGrad : List.of(false, true)) {
                check(Case.contrastive(local, withGrad), GoldenRanksTest::interpreted, TOLERANCE);
            }
        }
    }

    @Test
    void sigmoidLoss() throws IOException, InterruptedException {
        for (var way : List.of("bidir", "gather", "shift", "reduce")) {
            check(Case.sigmoid(way), GoldenRanksTest::interpreted, TOLERANCE);
        }
    }

    /** With every kind of exchange: sums, gathers, scattered sums and rings. */
    @Test
    @Tag("kernels")
    void lossesOnTornadosDevice() throws IOException, InterruptedException {
        Tornado.require();
        check(Case.contrastive(false, true), this::onTornado, F32_TOLERANCE);
        check(Case.contrastive(true, true), this::onTornado, F32_TOLERANCE);
        check(Case.sigmoid("bidir"), this::onTornado, F32_TOLERANCE);
        check(Case.sigmoid("reduce"), this::onTornado, F32_TOLERANCE);
    }

    private static List<Map<String, Tensor64>> interpreted(
            ElaboratedModel model, Graph graph, List<Map<String, Tensor64>> inputs) {
        return MeshInterpreter.run(new Mesh(RANKS, 1), graph, inputs);
    }

    private List<Map<String, Tensor64>> onTornado(
            ElaboratedModel model, Graph graph, List<Map<String, Tensor64>> inputs)
            throws IOException, InterruptedException {
        var program = RankGraphs.compile(folder, model, graph, RANKS, Tornado.target());
        return RankGraphs.run(program, inputs, 2, Tornado::device);
    }

    private void check(Case c, Runner runner, double tolerance) throws IOException, InterruptedException {
        var file = Files.writeString(folder.resolve("loss.clip"), SOURCE);
        var model = Elaborator.load(file, Golden.graphs(), c.settings()).orThrow();
        var gradients = Autodiff.gradients(model.entry(c.entry(), BATCH, true, RANKS), "loss", _ -> true);
        var graph = Partition.data(RANKS, Shardings.data(List.of())).apply(gradients);
        var features = Golden.read(c.file());
        var inputs = new ArrayList<Map<String, Tensor64>>();
        for (var rank = 0; rank < RANKS; rank++) {
            var ofRank = new LinkedHashMap<String, Tensor64>();
            ofRank.put("images", rows(Objects.requireNonNull(features.get("image_features")), rank));
            ofRank.put("texts", rows(Objects.requireNonNull(features.get("text_features")), rank));
            ofRank.put("logit_scale", Tensor64.scalar(TensorType.f32(), (float) c.scale()));
            ofRank.put("logit_bias", Tensor64.scalar(TensorType.f32(), c.bias()));
            inputs.add(ofRank);
        }
        var golden = List.of(Golden.read("dist2_rank0.f64"), Golden.read("dist2_rank1.f64"));
        for (var outputs : runner.run(model, graph, inputs)) {
            mean(outputs, "loss", golden, c.key() + ".loss", tolerance);
            mean(outputs, "grad.logit_scale", golden, c.key() + ".dlogit_scale", tolerance);
            if (c.entry().equals("sigmoid")) {
                mean(outputs, "grad.logit_bias", golden, c.key() + ".dlogit_bias", tolerance);
            }
            for (var rank = 0; rank < RANKS; rank++) {
                half(outputs, "grad.images", rank, golden.get(rank), c.key() + ".dimage_features", tolerance);
                half(outputs, "grad.texts", rank, golden.get(rank), c.key() + ".dtext_features", tolerance);
            }
        }
    }

    private static Tensor64 rows(Tensor64 x, int rank) {
        var share = x.size() / RANKS;
        var type = x.type().withShape(x.shape().with(0, BATCH / RANKS));
        return Tensor64.of(type, Arrays.copyOfRange(x.data(), rank * share, (rank + 1) * share));
    }

    private static void mean(
            Map<String, Tensor64> outputs,
            String name,
            List<Map<String, Tensor64>> golden,
            String key,
            double tolerance) {
        var sum = 0.0;
        for (var ofRank : golden) {
            sum += Objects.requireNonNull(ofRank.get(key), key).get(0);
        }
        assertThat(Objects.requireNonNull(outputs.get(name)).get(0)).as(key).isCloseTo(sum / RANKS, within(tolerance));
    }

    private static void half(
            Map<String, Tensor64> outputs,
            String name,
            int rank,
            Map<String, Tensor64> golden,
            String key,
            double tolerance) {
        var ours = rows(Objects.requireNonNull(outputs.get(name)), rank);
        var theirs = Arrays.stream(Objects.requireNonNull(golden.get(key), key).data())
                .map(x -> x / RANKS)
                .toArray();
        assertClose(key + " of rank " + rank, ours.data(), theirs, tolerance);
    }
}
