package org.clipc.compiler.cli;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.OptionalLong;
import org.clipc.compiler.config.Recipe;
import org.clipc.compiler.jvm.JvmTarget;
import org.clipc.compiler.kernel.Target;
import org.clipc.compiler.pack.CompileOptions;
import org.clipc.compiler.precision.Precision;
import org.clipc.compiler.shard.Parallelism;
import org.clipc.compiler.tornado.TornadoSdk;
import org.clipc.compiler.tornado.TornadoTarget;
import org.clipc.compiler.tornado.TornadoTarget.Kind;
import org.clipc.compiler.train.Optimizer;
import org.clipc.ir.Mesh;

/** What a recipe means to the compiler. */
final class CompileSettings {

    /** Plans hardly depend on the width of vectors. */
    private static final int PLANNED_BITS = 256;

    private static final String HEADS = "num_attention_heads";
    private static final long MOST_SAMPLES = 1 << 20;

    /** More than all gradients of any model are. */
    private static final long MOST_MEBIBYTES = 1 << 30;

    private CompileSettings() {}

    /** To count what a program takes, and for pictures. */
    static CompileOptions planned(LoadedModel loaded) {
        return of(loaded, List.of(new JvmTarget(PLANNED_BITS))).build();
    }

    /** What the recipe says; the rest is up to the command. */
    static CompileOptions.Builder of(LoadedModel loaded, List<Target> targets) {
        var recipe = loaded.recipe();
        var budget = recipe.values().get("model.memory_budget");
        var parallelism = parallelism(recipe);
        return CompileOptions.builder(targets)
                .config(loaded.config())
                .microBatch(batch(recipe, "model.micro_batch_size"))
                .microBatches(microBatches(recipe, parallelism.mesh().data()))
                .inferenceBatch(batch(recipe, "model.inference_batch_size"))
                .training(optimizer(recipe))
                .parallelism(parallelism)
                .precision(precision(recipe))
                .memoryBudget(budget instanceof Long bytes ? OptionalLong.of(bytes) : OptionalLong.empty());
    }

    /** {@code trainer.devices} and {@code num_nodes} count ranks; those that do not share a model's layers share the batch. */
    private static Parallelism parallelism(Recipe recipe) {
        var ranks = Math.multiplyExact(recipe.integer("trainer.devices"), recipe.integer("trainer.num_nodes"));
        var tensor = recipe.integer("model.tensor_model_parallel_size");
        if (ranks % tensor != 0 || ranks > Mesh.MOST_RANKS) {
            throw new Failure("model.tensor_model_parallel_size is " + tensor
                    + ", but trainer.devices * trainer.num_nodes, the number of ranks, is " + ranks
                    + ": it must be a multiple, and " + Mesh.MOST_RANKS + " at most");
        }
        var mesh = new Mesh((int) (ranks / tensor), (int) tensor);
        var sequence = recipe.flag("model.sequence_parallel");
        return new Parallelism(
                mesh,
                sequence && tensor > 1,
                recipe.text("model.optim.name").equals("distributed_fused_adam"),
                Math.min(recipe.integer("model.optim.bucket_cap_mb"), MOST_MEBIBYTES) << 20,
                recipe.flag("model.optim.overlap_grad_sync"));
    }

    private static Precision precision(Recipe recipe) {
        var isBf16 = recipe.text("trainer.precision").startsWith("bf16");
        if (!recipe.flag("model.megatron_amp_O2")) {
            return isBf16 ? Precision.BF16 : Precision.F32;
        }
        if (!isBf16) {
            throw new Failure("model.megatron_amp_O2 keeps parameters in bf16, but trainer.precision is "
                    + recipe.text("trainer.precision") + ": set trainer.precision=bf16, too");
        }
        return Precision.BF16_O2;
    }

    /** Micro-batches that each rank takes of the global batch; one where the recipe does not say how large that is. */
    private static int microBatches(Recipe recipe, int dataRanks) {
        var samples = (long) batch(recipe, "model.micro_batch_size") * dataRanks;
        var most = Math.max(samples, (long) batch(recipe, "model.inference_batch_size") * dataRanks);
        if (most > Integer.MAX_VALUE) {
            throw new Failure("%d data-parallel ranks have a batch of %d samples together, but it can have %d at most"
                    .formatted(dataRanks, most, Integer.MAX_VALUE));
        }
        if (!(recipe.values().get("model.global_batch_size") instanceof Long global)) {
            return 1;
        }
        if (batch(recipe, "model.global_batch_size") % samples != 0) {
            throw new Failure(
                    "model.global_batch_size is %d, but must be a multiple of %d: model.micro_batch_size, %d, times the number of data-parallel ranks, %d"
                            .formatted(global, samples, samples / dataRanks, dataRanks));
        }
        return Math.toIntExact(global / samples);
    }

    /** What a recipe asks for and gets, but at a price that may not be meant. */
    static List<String> remarks(LoadedModel loaded) {
        var ranks = loaded.recipe().integer("model.tensor_model_parallel_size");
        return loaded.model().configSchema().stream()
                .filter(key -> key.path().endsWith(HEADS) && key.value() instanceof Long heads && heads % ranks != 0)
                .map(key ->
                        "model.%s is %s, which %d tensor-parallel ranks cannot share: each of them attends with all heads"
                                .formatted(key.path(), key.value(), ranks))
                .toList();
    }

    private static int batch(Recipe recipe, String key) {
        var samples = recipe.integer(key);
        if (samples > MOST_SAMPLES) {
            throw new Failure(key + " is " + samples + ", but can be " + MOST_SAMPLES + " at most");
        }
        return (int) samples;
    }

    private static Optimizer optimizer(Recipe recipe) {
        var betas = recipe.numbers("model.optim.betas");
        if (betas.size() != 2 || betas.stream().anyMatch(beta -> !(beta < 1))) {
            throw new Failure(
                    "model.optim.betas is " + betas + ", but must be two numbers below 1, such as [0.9, 0.98]");
        }
        var clip = recipe.number("trainer.gradient_clip_val");
        return new Optimizer(
                betas.get(0),
                betas.get(1),
                recipe.number("model.optim.eps"),
                recipe.number("model.optim.weight_decay"),
                clip == 0 ? null : (Double) clip);
    }

    /**
     * @param names separated by commas: {@code jvm} for every vector width, {@code jvm128}, {@code jvm256}, {@code jvm512};
     *     {@code tornado} for GPUs and CPUs, {@code tornadogpu}, {@code tornadocpu}, {@code
     *     tornadocuda} for NVIDIA's GPUs
     * @throws IOException if a target lacks what it needs on this machine
     */
    static List<Target> targets(String names) throws IOException {
        var targets = new LinkedHashMap<String, Target>();
        for (var name : names.split(",", -1)) {
            for (var target : target(name.strip())) {
                targets.put(target.name(), target);
            }
        }
        return List.copyOf(targets.values());
    }

    private static Target tornado(Kind kind) throws IOException {
        return new TornadoTarget(TornadoSdk.apiJar(System.getenv(TornadoSdk.HOME)), kind);
    }

    private static List<Target> target(String name) throws IOException {
        return switch (name) {
            case "jvm" -> List.of(new JvmTarget(128), new JvmTarget(256), new JvmTarget(512));
            case "jvm128" -> List.of(new JvmTarget(128));
            case "jvm256" -> List.of(new JvmTarget(256));
            case "jvm512" -> List.of(new JvmTarget(512));
            case "tornado" -> List.of(tornado(Kind.GPU), tornado(Kind.CPU));
            case "tornadogpu" -> List.of(tornado(Kind.GPU));
            case "tornadocpu" -> List.of(tornado(Kind.CPU));
            case "tornadocuda" -> List.of(TornadoTarget.cuda());
            default ->
                throw new Failure(
                        "there is no target '" + name
                                + "'; this clipc compiles for jvm (all vector widths), jvm128, jvm256, jvm512, tornado (GPUs and CPUs), tornadogpu, tornadocpu and tornadocuda");
        };
    }
}
