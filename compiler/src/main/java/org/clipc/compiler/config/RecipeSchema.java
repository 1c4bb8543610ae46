package org.clipc.compiler.config;

import static org.clipc.compiler.config.Key.choice;
import static org.clipc.compiler.config.Key.flag;
import static org.clipc.compiler.config.Key.integer;
import static org.clipc.compiler.config.Key.number;
import static org.clipc.compiler.config.Key.text;

import java.util.List;
import java.util.Map;
import org.clipc.compiler.config.Key.Kind;

/**
 * Every key of a recipe but those the model declares itself: the names are those of NeMo's CLIP configuration where it
 * has one. A key that takes one value only stands for something that NeMo's users write and that has no choice here.
 */
public final class RecipeSchema {

    private static final List<Key> KEYS = List.of(
            text("name", null),
            integer("trainer.devices", 1L).atLeast(1),
            integer("trainer.num_nodes", 1L).atLeast(1),
            choice("trainer.accelerator", "auto", "cpu", "gpu"),
            choice("trainer.precision", "32", "32-true", "bf16", "bf16-mixed"),
            integer("trainer.max_epochs", null).atLeast(Schema.UNLIMITED),
            integer("trainer.max_steps", null).atLeast(Schema.UNLIMITED),
            number("trainer.gradient_clip_val", 1.0).atLeast(0),
            integer("trainer.log_every_n_steps", 10L).atLeast(1),
            integer("trainer.val_check_interval", 0L).atLeast(0),
            integer("trainer.limit_val_batches", null).atLeast(0),
            integer("trainer.max_skipped_steps", 20L).atLeast(0),
            text("exp_manager.explicit_log_dir", null),
            text("exp_manager.exp_dir", null),
            text("exp_manager.name", null),
            flag("exp_manager.resume_if_exists", false),
            flag("exp_manager.create_tensorboard_logger", true),
            flag("exp_manager.create_checkpoint_callback", true),
            integer("exp_manager.checkpoint_callback_params.every_n_train_steps", 1000L)
                    .atLeast(1),
            integer("exp_manager.checkpoint_callback_params.save_top_k", 2L).atLeast(1),
            flag("exp_manager.ema.enable", false),
            number("exp_manager.ema.decay", 0.999).atLeast(0),
            integer("model.micro_batch_size", 32L).atLeast(1),
            integer("model.global_batch_size", null).atLeast(1),
            integer("model.inference_batch_size", 32L).atLeast(1),
            integer("model.seed", 1234L),
            integer("model.tensor_model_parallel_size", 1L).atLeast(1),
            flag("model.sequence_parallel", false),
            flag("model.megatron_amp_O2", false),
            choice("model.pipeline_model_parallel_size", 1L),
            Key.of("model.memory_budget", Kind.BYTES, null),
            Key.of("model.text_lengths", Kind.NUMBERS, List.of()).atLeast(1),
            choice("model.optim.name", "adamw", "fused_adam", "distributed_fused_adam"),
            integer("model.optim.bucket_cap_mb", 25L).atLeast(1),
            flag("model.optim.overlap_grad_sync", true),
            number("model.optim.lr", 1e-3).atLeast(0),
            number("model.optim.weight_decay", 0.2).atLeast(0),
            Key.of("model.optim.betas", Kind.NUMBERS, List.of(0.9, 0.98)).atLeast(0),
            number("model.optim.eps", 1e-6).atLeast(0),
            choice(
                    "model.optim.sched.name",
                    "CosineAnnealing",
                    "Constant",
                    "Linear",
                    "cosine",
                    "const",
                    "const-cooldown"),
            integer("model.optim.sched.warmup_steps", 0L).atLeast(0),
            integer("model.optim.sched.constant_steps", 0L).atLeast(0),
            number("model.optim.sched.min_lr", 0.0).atLeast(0),
            integer("model.data.num_workers", 2L).atLeast(1),
            integer("model.data.shuffle_buffer", 1000L).atLeast(1),
            Key.of("model.data.train.dataset_path", Kind.TEXTS, null),
            Key.of("model.data.validation.dataset_path", Kind.TEXTS, null),
            text("model.data.image_column", null),
            text("model.data.caption_column", null),
            text("model.data.image_root", null),
            Key.of("model.data.imagenet_val", Kind.TEXTS, null),
            Key.of("model.data.imagenet_classes", Kind.TEXTS, null),
            text("model.data.imagenet_templates", null),
            flag("model.data.resampled", false),
            choice("model.data.interpolation", "bicubic", "bilinear"),
            choice("model.data.resize_mode", "shortest", "longest", "squash"),
            Key.of("model.data.scale", Kind.NUMBERS, List.of(0.9, 1.0)).atLeast(0),
            Key.of("model.data.ratio", Kind.NUMBERS, List.of(0.75, 4.0 / 3.0)).atLeast(0),
            Key.of("model.data.mean", Kind.NUMBERS, List.of(0.48145466, 0.4578275, 0.40821073)),
            Key.of("model.data.std", Kind.NUMBERS, List.of(0.26862954, 0.26130258, 0.27577711)),
            number("model.data.augment.horizontal_flip", 0.0).atLeast(0),
            number("model.data.augment.color_jitter", 0.0).atLeast(0),
            number("model.data.augment.rotate_degrees", 0.0).atLeast(0),
            number("model.data.augment.translate", 0.0).atLeast(0),
            number("model.data.augment.grayscale", 0.0).atLeast(0));

    private static final Schema SCHEMA = new Schema(KEYS);

    private RecipeSchema() {}

    public static boolean knows(String key) {
        return SCHEMA.knows(key);
    }

    public static List<String> names() {
        return SCHEMA.names();
    }

    /** What is wrong with a setting of a key that is none of a recipe's. */
    static String unknown(String key, Setting setting) {
        return SCHEMA.unknown(key, setting.origin());
    }

    /**
     * The recipe's own settings completed by defaults, by dotted key.
     *
     * @param settings the keys that this schema knows
     * @throws ConfigException listing every value of a wrong kind or out of range
     */
    public static Map<String, Object> complete(Map<String, Setting> settings) {
        return SCHEMA.complete(settings);
    }
}
