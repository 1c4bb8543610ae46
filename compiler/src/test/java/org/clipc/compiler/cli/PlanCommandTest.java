package org.clipc.compiler.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.clipc.program.ProgramFile;
import org.clipc.program.TrainingStep;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PlanCommandTest {

    private static final String CLUSTER = """
            name: small
            gpus_per_node: 4
            memory: 16GiB
            reserved: 1KiB
            flops: {f32: 1e12, bf16: 4e12}
            memory_bandwidth: 1TB
            efficiency: {products: 0.5, memory: 0.8, links: 0.9}
            within_node: {bandwidth: 100GB, latency: 1e-6}
            between_nodes: {bandwidth: 10GB, latency: 1e-5}
            """;

    /** Deep and wide enough for recomputation to matter. */
    private static final Object[] DEEP = {
        "model.vision.hidden_size=128", "model.vision.patch_dim=4", "model.vision.num_layers=10"
    };

    /** Wide enough for no product to be cheap to compute again, which depends on the number of samples. */
    private static final Object[] WIDE = {
        "model.vision.hidden_size=256",
        "model.vision.ffn_hidden_size=512",
        "model.vision.patch_dim=4",
        "model.text.hidden_size=256",
        "model.text.ffn_hidden_size=512"
    };

    @TempDir
    Path folder = Path.of("");

    private Cli cli = new Cli(folder);
    private String cluster = "";

    @BeforeEach
    void setUp() {
        cli = new Cli(folder);
        cluster = cli.file("small.yaml", CLUSTER).toString();
    }

    private JsonNode json(List<Object> args) throws IOException {
        var ran = cli.run(args.toArray());
        assertThat(ran.err()).isEmpty();
        assertThat(ran.code()).isZero();
        return new ObjectMapper().readTree(ran.out());
    }

    private JsonNode plan(Object... more) throws IOException {
        var args = new ArrayList<Object>(List.of("plan", "--json", "--cluster", cluster));
        args.addAll(List.of(more));
        return json(args);
    }

    /** What {@code clipc explain} says of the program that the overrides of a way compile to. */
    private JsonNode explained(JsonNode way, Object... model) throws IOException {
        var args = new ArrayList<Object>(List.of("explain", Cli.model("tiny"), "--json"));
        args.addAll(List.of(model));
        way.get("overrides").forEach(override -> args.add(override.asText()));
        return json(args);
    }

    private static List<JsonNode> ways(JsonNode plan) {
        return StreamSupport.stream(plan.get("feasible").spliterator(), false).toList();
    }

    /** The entry points of a training step. */
    private static List<JsonNode> stepEntries(JsonNode program) {
        return StreamSupport.stream(program.get("entries").spliterator(), false)
                .filter(entry -> entry.get("name").asText().startsWith("train_"))
                .toList();
    }

    private static int samples(JsonNode way) {
        return way.get("micro_batch_size").intValue()
                * way.get("micro_batches").intValue()
                * way.get("data_parallel").intValue();
    }

    private void agrees(JsonNode way, JsonNode program) {
        var name = way.get("overrides").toString();
        var memory = way.get("memory");
        var entries = stepEntries(program);
        assertThat(entries).hasSize(way.get("micro_batches").intValue() == 1 ? 1 : 4);
        assertThat(entries.getFirst().get("batch")).as(name).isEqualTo(way.get("micro_batch_size"));
        assertThat(program.at("/memory/micro_batch_size")).as(name).isEqualTo(way.get("micro_batch_size"));
        assertThat(program.at("/memory/micro_batches")).as(name).isEqualTo(way.get("micro_batches"));
        assertThat(memory.get("workspace_bytes").longValue())
                .as(name)
                .isEqualTo(entries.stream()
                        .mapToLong(entry -> entry.get("workspace_bytes").longValue())
                        .max()
                        .orElseThrow());
        assertThat(memory.get("gradient_sums_bytes")).as(name).isEqualTo(program.at("/memory/gradients_bytes"));
        assertThat(memory.get("parameters_bytes")).as(name).isEqualTo(program.at("/memory/parameters_bytes"));
        assertThat(memory.get("optimizer_bytes")).as(name).isEqualTo(program.at("/memory/optimizer_bytes"));
        assertThat(memory.get("activations_bytes")).as(name).isEqualTo(program.at("/recompute/kept_bytes"));
        assertThat(memory.get("peak_bytes").longValue())
                .as(name)
                .isEqualTo(memory.get("parameters_bytes").longValue()
                        + memory.get("optimizer_bytes").longValue()
                        + memory.get("gradient_sums_bytes").longValue()
                        + memory.get("workspace_bytes").longValue());
        assertThat(way.get("flops")).as(name).isEqualTo(program.at("/flops/train_step"));
        for (var sent : List.of("sent_bytes", "data_sent_bytes", "tensor_sent_bytes")) {
            assertThat(way.at("/communication/" + sent).longValue())
                    .as(name + " " + sent)
                    .isEqualTo(program.at("/communication/" + sent).longValue());
        }
    }

    /** Of one data-parallel rank, a rank has all 8 samples, which are cut in 4 ways; of two 4 samples, and so on. */
    @ParameterizedTest
    @CsvSource({"1, 4", "2, 7", "8, 6"})
    void saysOfEachWayWhatTheCompilerMakesOfIt(int gpus, int cuts) throws IOException {
        var plan = plan(Cli.model("tiny"), "--gpus", gpus, "--global-batch", 8, "--all");
        var ways = ways(plan);
        // Without recomputation, selective and full.
        assertThat(ways).hasSize(3 * cuts);
        for (var way : ways) {
            assertThat(samples(way))
                    .isEqualTo(8)
                    .isEqualTo(way.get("global_batch_size").intValue());
            agrees(way, explained(way));
        }
        assertThat(ways)
                .extracting(way -> -way.get("samples_per_second").doubleValue())
                .isSorted();
    }

    @Test
    void whatItSaysToSetCompilesToSoManyMicroBatches() throws IOException {
        var plan = plan(Cli.model("tiny"), "--gpus", 2, "--global-batch", 12, "--all");
        var ways = ways(plan).stream()
                .filter(way -> way.get("recompute").asText().equals("none"))
                .filter(way -> Set.of(1, 3).contains(way.get("micro_batches").intValue()))
                .toList();
        assertThat(ways).hasSize(4);
        for (var way : ways) {
            var program = folder.resolve("p.bin");
            var args =
                    new ArrayList<Object>(List.of("compile", Cli.model("tiny"), "-o", program, "--target", "jvm128"));
            way.get("overrides").forEach(override -> args.add(override.asText()));
            assertThat(cli.run(args.toArray()).code()).isZero();
            try (var file = ProgramFile.open(program)) {
                var step = TrainingStep.of(file.manifest()).orElseThrow();
                assertThat(step.microBatches())
                        .isEqualTo(way.get("micro_batches").intValue());
                assertThat(step.microBatch())
                        .isEqualTo(way.get("micro_batch_size").intValue());
                assertThat(step.batch() * file.manifest().mesh().data()).isEqualTo(12);
            }
        }
    }

    /** Several micro-batches are for what does not fit at once; the largest that fit are the fastest. */
    @Test
    void whatIsLeftOutIsSlower() throws IOException {
        var args = new ArrayList<Object>(List.of(Cli.model("tiny"), "--gpus", 2, "--global-batch", 96));
        args.addAll(List.of(WIDE));
        var roomy = ways(plan(args.toArray()));
        assertThat(roomy).extracting(way -> way.get("micro_batches").intValue()).containsOnly(1);
        args.addAll(List.of("--gpu-memory", String.valueOf(peak(roomy) / 2)));
        var some = plan(args.toArray());
        args.add("--all");
        var all = plan(args.toArray());
        assertThat(ways(all))
                .containsAll(ways(some))
                .hasSizeGreaterThan(2 * ways(some).size());
        assertThat(ways(some).getFirst()).isEqualTo(ways(all).getFirst());
        assertThat(ways(some))
                .extracting(way -> way.get("micro_batches").intValue())
                .anyMatch(n -> n > 1);
        for (var way : ways(some)) {
            assertThat(samples(way)).isEqualTo(96);
            assertThat(way.at("/memory/peak_bytes").longValue())
                    .isLessThanOrEqualTo(some.get("usable_bytes").longValue());
            agrees(way, explained(way, WIDE));
        }
        cuts(ways(all)).forEach(cuts -> {
            assertThat(cuts)
                    .extracting(way -> way.at("/time/step").doubleValue())
                    .isSorted();
            assertThat(cuts)
                    .extracting(way -> -way.at("/memory/workspace_bytes").longValue())
                    .isSorted();
        });
    }

    /** Ways that differ in micro-batches only, the largest first, of those that have several. */
    private static Collection<List<JsonNode>> cuts(List<JsonNode> ways) {
        return ways.stream()
                .filter(way -> way.get("micro_batches").intValue() > 1)
                .filter(way -> !way.get("recompute").asText().startsWith("budget"))
                .sorted(Comparator.comparingInt(way -> way.get("micro_batches").intValue()))
                .collect(Collectors.groupingBy(way -> way.get("recompute").asText() + way.get("tensor_parallel")))
                .values();
    }

    /** Where the program does not fit, the compiler looks for the least recomputation that makes it fit. */
    @Test
    void aBudgetMakesFitWhatDoesNot() throws IOException {
        var args = new ArrayList<Object>(List.of(Cli.model("tiny"), "--gpus", 2, "--global-batch", 256));
        args.addAll(List.of(DEEP));
        var roomy = ways(plan(args.toArray()));
        assertThat(roomy).extracting(way -> way.get("recompute").asText()).containsOnly("none");
        args.addAll(List.of("--gpu-memory", String.valueOf(peak(roomy) * 93 / 100)));
        var tight = plan(args.toArray());
        assertThat(ways(tight))
                .filteredOn(way -> way.get("data_parallel").intValue() == 2)
                .filteredOn(way -> way.get("micro_batches").intValue() == 1)
                .extracting(way -> way.get("recompute").asText().replaceAll(" .*", ""))
                .contains("budget")
                .doesNotContain("none");
        for (var way : ways(tight)) {
            assertThat(way.at("/memory/peak_bytes").longValue())
                    .isLessThanOrEqualTo(tight.get("usable_bytes").longValue());
            if (way.get("recompute").asText().startsWith("budget")) {
                agrees(way, explained(way, DEEP));
            }
        }
        assertThat(tight.at("/infeasible/0/reason").asText()).startsWith("more than ");
    }

    private static long peak(List<JsonNode> ways) {
        return ways.stream()
                .filter(way -> way.get("data_parallel").intValue() == 2)
                .findFirst()
                .orElseThrow()
                .at("/memory/peak_bytes")
                .longValue();
    }

    @Test
    void withoutAGlobalBatchMicroBatchesGrowUntilNoneFits() throws IOException {
        var plan = plan(Cli.model("tiny"), "--gpus", 1, "--gpu-memory", "6MiB", "--all");
        var ways = ways(plan);
        for (var recompute : List.of("none", "selective", "full")) {
            var sizes = ways.stream()
                    .filter(way -> way.get("recompute").asText().equals(recompute))
                    .map(way -> way.get("micro_batch_size").intValue())
                    .sorted()
                    .toList();
            assertThat(sizes).hasSizeGreaterThan(2).startsWith(1, 2, 4);
        }
        assertThat(ways)
                .allMatch(way -> way.at("/memory/peak_bytes").longValue()
                        <= plan.get("usable_bytes").longValue());
        assertThat(plan.at("/infeasible/0/count").intValue()).isEqualTo(4);
        // What is tried by default is part of it, with the fastest.
        var some = ways(plan(Cli.model("tiny"), "--gpus", 1, "--gpu-memory", "6MiB"));
        assertThat(ways).containsAll(some).startsWith(some.getFirst());
        assertThat(some).hasSizeLessThan(ways.size());
    }

    @Test
    void countsWhatIsNotPossibleWithTheReason() {
        var ran = cli.run(
                "plan", Cli.model("tiny"), "--cluster", cluster, "--gpus", 24, "--global-batch", 32, "--top", 2);
        assertThat(ran.err()).isEmpty();
        assertThat(ran.out().replaceAll(" +", " "))
                .startsWith("ClipTiny with HOME/configs/tiny.yaml on 24 GPUs (small, 4 a node)")
                .contains("32 samples do not divide among data-parallel ranks", "on several nodes");
        var large = cli.run("plan", Cli.model("tiny"), "--cluster", cluster, "--gpus", 1, "--global-batch", 1 << 21);
        assertThat(large.out()).contains("No way to divide it fits", "micro_batch_size is 2097152, but can be 1048576");
    }

    @Test
    void saysWhatToSet() {
        var ran = cli.run("plan", Cli.recipe("tiny"), "--cluster", cluster, "--gpus", 3, "--global-batch", 12);
        assertThat(ran.out().replaceAll(" +", " "))
                .contains(
                        "What fits, the fastest first", "For the first, set\n trainer.devices=3 trainer.num_nodes=1 ");
    }

    @Test
    void takesARecipeForTheModelOfItsName() {
        var ran = cli.run("plan", Cli.recipe("tiny"), "--cluster", cluster, "--gpus", 1, "--global-batch", 8);
        assertThat(ran.out()).startsWith("ClipTiny with HOME/configs/tiny.yaml on 1 GPUs");
        assertThat(cli.run("plan", cli.file("odd.yaml", "name: x\n"), "--gpus", 1)
                        .err())
                .contains("DIR/odd.yaml: there is no model", "odd.clip for this recipe; name the model");
    }

    /** Models of other kinds have no modes of recomputation to set; a recipe that sets no batch leaves it open. */
    @Test
    void modelsWithoutModesArePlannedToo() throws IOException {
        var model = cli.file("m.clip", """
                model M {
                  param a: [64, 64] = normal(0.1)
                  entry loss(x: [B, 64]) -> [] = sum(tanh(x @ a) @ a)
                }
                """);
        var plan = plan(model, "--config", "none", "--gpus", 2, "--global-batch", 8);
        assertThat(ways(plan)).extracting(way -> way.get("recompute").asText()).containsOnly("none");
        var none = cli.file("n.clip", "model N {\n  entry f(x: [B]) -> [B] = x\n}\n");
        var refused = cli.run("plan", none, "--config", "none", "--gpus", 1, "--cluster", cluster);
        assertThat(refused.out()).contains("No way to divide it fits", "no entry point 'loss' to train with");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '~',
            value = {
                "--gpus 0 ~ --gpus is 0, but must be positive and fill nodes, of which each has 4",
                "--gpus 6 ~ --gpus is 6, but must be positive and fill nodes, of which each has 4",
                "--gpus 131072 ~ --gpus is 131072, but must be at most 65536",
                "--gpus 4 --gpu-memory lots ~ --gpu-memory must be a number of bytes such as 80GiB, not 'lots'",
                "--gpus 4 --gpu-memory 512B ~ there is nothing left",
                "--gpus 4 --global-batch 0 ~ --global-batch is 0, but must be at least 1",
                "--gpus 4 --top 0 ~ --top is 0, but must be at least 1",
                "--gpus many ~ Invalid value for option '--gpus'",
                "--gpus 4 model.optim.lrr=1 ~ did you mean 'model.optim.lr'?",
                "--gpus 4 model.text.activations_checkpoint_granularity=selective ~ adding model.text.activations_checkpoint_granularity=",
            })
    void refusesWhatMakesNoSense(String words, String message) {
        var args = new ArrayList<Object>(List.of("plan", Cli.model("tiny"), "--cluster", cluster));
        args.addAll(List.of(words.split(" ")));
        var ran = cli.run(args.toArray());
        assertThat(ran.err()).contains(message);
        assertThat(ran.code()).isEqualTo(2);
        assertThat(ran.out()).isEmpty();
    }

    @Test
    void refusesClustersThatAreNone() {
        var missing = cli.run("plan", Cli.model("tiny"), "--gpus", 1, "--cluster", "h1000");
        assertThat(missing.err()).isEqualTo("clipc: there is no cluster 'h1000'; did you mean 'h100'?\n");
        assertThat(missing.code()).isEqualTo(2);
        var wrong = cli.file("wrong.yaml", CLUSTER.replace("gpus_per_node", "gpus_pre_node"));
        var ran = cli.run("plan", Cli.model("tiny"), "--gpus", 1, "--cluster", wrong);
        assertThat(ran.err())
                .contains("DIR/wrong.yaml:2:1: there is no key 'gpus_pre_node'; did you mean 'gpus_per_node'?");
        assertThat(ran.code()).isEqualTo(2);
    }
}
