package org.clipc.runtime.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.clipc.ir.MeshAxis;
import org.clipc.program.EntryPoint;
import org.clipc.program.Manifest;
import org.clipc.program.ProgramFile;
import org.clipc.program.TrainingStep;
import org.clipc.runtime.data.LoaderOptions;
import org.clipc.runtime.data.StreamOptions;
import org.clipc.runtime.data.source.DataSources;
import org.clipc.runtime.data.source.SampleSource;
import org.clipc.runtime.data.source.TableSource;
import org.clipc.runtime.device.MeshRank;
import org.clipc.runtime.model.ClipModel;
import org.clipc.runtime.model.Preprocessing;
import org.clipc.runtime.model.Recipe;
import org.clipc.runtime.train.LoaderBatches;
import org.clipc.runtime.train.Schedule;
import org.clipc.runtime.train.TrainListener;
import org.clipc.runtime.train.TrainMetrics;
import org.clipc.runtime.train.Trainer;
import org.clipc.runtime.train.Utilization;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Trains a model on images with captions. */
@Command(
        name = "train",
        mixinStandardHelpOptions = true,
        description = {
            "Trains a model on images with captions.",
            "Ctrl-C and SIGTERM end it after the step at hand, with a checkpoint to go on from by --resume."
        })
final class TrainCommand implements Callable<Integer> {

    private static final Logger LOG = LoggerFactory.getLogger(TrainCommand.class);
    private static final int PREFETCH = 3;

    /** Of pictures in batches made ahead: steps on large pictures take so long that one batch ahead is plenty. */
    private static final long PREFETCHED_BYTES = 32L << 20;

    @Mixin
    private ProgramOptions options = new ProgramOptions();

    @Option(
            names = "--data",
            paramLabel = "DATA",
            description = "Shards such as 'shards/{000..099}.tar', a folder of shards or pictures, or a .csv, .tsv or"
                    + " .jsonl table; the recipe's model.data.train.dataset_path by default.")
    private @Nullable String data;

    @Option(names = "--out", paramLabel = "FOLDER", description = "Where checkpoints and metrics go.")
    private @Nullable Path out;

    @Option(
            names = "--resume",
            description = "Go on from the newest checkpoint in --out, if there is one; also by the recipe's"
                    + " exp_manager.resume_if_exists.")
    private boolean resume;

    @Option(
            names = "--ranks",
            paramLabel = "N",
            description =
                    "Ranks to train on, as threads of this process: those that the program is compiled for, which is"
                            + " the default. Under mpirun, torchrun and srun each process is one.")
    private int ranks;

    @Parameters(paramLabel = "KEY=VALUE", arity = "0..*", description = "Changes to the recipe.")
    private List<String> changes = List.of();

    @Override
    public Integer call() throws IOException {
        try (var file = options.open()) {
            var manifest = file.manifest();
            requireTraining(file);
            var recipe = Recipe.of(manifest).with(changes);
            try (var stop = new StopSignal()) {
                RankLauncher.run(manifest.mesh(), ranks, (rank, neighbours) -> train(recipe, rank, neighbours, stop));
                stop.succeeded();
            }
        }
        return 0;
    }

    static TrainingStep requireTraining(ProgramFile file) {
        return TrainingStep.of(file.manifest())
                .orElseThrow(() -> new CliException(
                        file.path() + ": has no entry point 'train_step': it was compiled for inference only"));
    }

    private void train(Recipe recipe, MeshRank rank, int neighbours, StopSignal stop) throws IOException {
        var source = DataSources.open(dataset(recipe), tables(recipe));
        var validation = TrainValidation.of(recipe);
        try (var file = options.open();
                var device = options.device(rank, neighbours);
                var model = ClipModel.load(file, device, entries(file, validation.isPresent()), rank)) {
            var utilization =
                    rank.isFirst() ? Utilization.measure(file, model.program()).orElse(null) : null;
            train(model, recipe, source, validation, utilization, rank, stop);
        }
    }

    static List<String> entries(ProgramFile file, boolean validates) {
        var entries = new ArrayList<>(requireTraining(file).entries());
        if (validates) {
            entries.addAll(List.of(EntryPoint.ENCODE_IMAGE, EntryPoint.ENCODE_TEXT));
        }
        return entries;
    }

    private String dataset(Recipe recipe) {
        if (data != null) {
            return data;
        }
        var paths = recipe.texts("model.data.train.dataset_path");
        if (paths.isEmpty()) {
            throw new CliException("there is nothing to train on: give --data or model.data.train.dataset_path");
        }
        return pattern(paths);
    }

    static TableSource.Options tables(Recipe recipe) {
        return new TableSource.Options(
                recipe.text("model.data.image_column"),
                recipe.text("model.data.caption_column"),
                recipe.text("model.data.image_root").map(Path::of));
    }

    /** Of shards that several paths name, or of what one does. */
    static String pattern(List<String> paths) {
        return paths.size() == 1 ? paths.getFirst() : "{" + String.join(",", paths) + "}";
    }

    private void train(
            ClipModel model,
            Recipe recipe,
            SampleSource source,
            Optional<TrainValidation> validation,
            @Nullable Utilization utilization,
            MeshRank rank,
            StopSignal stop)
            throws IOException {
        var step = TrainingStep.of(model.manifest()).orElseThrow();
        var entry = model.manifest().entry(step.first());
        var seed = options.seed(recipe);
        var batch = Math.multiplyExact(step.batch(), rank.mesh().data());
        var maxSteps = maxSteps(recipe, source, batch);
        var settings = settings(recipe, model.manifest(), maxSteps, seed, utilization);
        var preprocessing = new Preprocessing(recipe, model);
        var loader = loaderOptions(recipe, model.manifest(), seed, rank);
        var batches = LoaderBatches.of(source, preprocessing.training(), loader, entry);
        options.fill(model.program(), recipe);
        var measure = validation.isEmpty() ? null : validation.get().start(model, preprocessing, loader.workers());
        var measureEvery = TrainValidation.every(recipe);
        var goesOn = resume || recipe.flag("exp_manager.resume_if_exists").orElse(false);
        if (!rank.isFirst()) {
            var listeners = measure == null ? List.<TrainListener>of() : List.of(takingPart(measure, measureEvery));
            new Trainer(model.program(), settings, listeners, rank).run(batches, goesOn, stop::isRequested);
            return;
        }
        LOG.info(
                "training {} for {} steps of {} samples, into {}",
                model.manifest().model(),
                maxSteps,
                batch,
                settings.folder());
        var every = recipe.integer("trainer.log_every_n_steps").orElse(10L);
        try (var progress = new TrainProgress(every, maxSteps);
                var metrics = new TrainMetrics(
                        settings.folder(),
                        every,
                        recipe.flag("exp_manager.create_tensorboard_logger").orElse(true),
                        measureEvery,
                        measure)) {
            var trainer = new Trainer(model.program(), settings, List.of(progress, metrics), rank);
            var end = trainer.run(batches, goesOn, stop::isRequested);
            LOG.info(end == Trainer.End.STOPPED ? "stopped; go on with --resume" : "done");
        }
    }

    /** Ranks that hold parts of the model measure it together, and the first one records it. */
    private static TrainListener takingPart(TrainMetrics.Validation validation, long every) {
        return step -> {
            if (step.step() % Math.max(1, every) == 0 || step.step() == step.maxSteps()) {
                validation.measure();
            }
        };
    }

    private Trainer.Settings settings(
            Recipe recipe, Manifest manifest, long maxSteps, long seed, @Nullable Utilization utilization) {
        var saves = recipe.flag("exp_manager.create_checkpoint_callback").orElse(true);
        var every = recipe.integer("exp_manager.checkpoint_callback_params.every_n_train_steps")
                .orElse(1000L);
        var keep = recipe.integer("exp_manager.checkpoint_callback_params.save_top_k")
                .orElse(2L);
        var ema = recipe.flag("exp_manager.ema.enable").orElse(false);
        return new Trainer.Settings(
                folder(recipe, manifest),
                Schedule.of(recipe, maxSteps),
                saves ? every : 0,
                Math.toIntExact(Math.clamp(keep, 1, Integer.MAX_VALUE)),
                Math.toIntExact(recipe.integer("trainer.max_skipped_steps").orElse(20L)),
                ema ? recipe.number("exp_manager.ema.decay").orElse(0.999) : null,
                seed,
                recipe.fingerprint(),
                utilization);
    }

    private Path folder(Recipe recipe, Manifest manifest) {
        if (out != null) {
            return out;
        }
        var explicit = recipe.text("exp_manager.explicit_log_dir");
        if (explicit.isPresent()) {
            return Path.of(explicit.get());
        }
        var name = recipe.text("exp_manager.name").or(() -> recipe.text("name")).orElse(manifest.model());
        return Path.of(recipe.text("exp_manager.exp_dir").orElse("runs")).resolve(name);
    }

    private static long maxSteps(Recipe recipe, SampleSource source, int batch) {
        var steps = recipe.integer("trainer.max_steps").orElse(-1L);
        var epochs = recipe.integer("trainer.max_epochs").orElse(-1L);
        if (steps <= 0 && epochs <= 0) {
            throw new CliException("training has no end: set trainer.max_steps or trainer.max_epochs");
        }
        if (epochs <= 0) {
            return steps;
        }
        // Whichever comes first, as in Lightning. Of large data only as much is counted as tells which it is.
        var all = steps <= 0 || steps > Long.MAX_VALUE / batch;
        var enough = all ? Long.MAX_VALUE : Math.ceilDiv(steps * batch, epochs);
        var samples = source.countSamples(enough);
        if (samples >= enough) {
            return steps;
        }
        if (steps <= 0 && samples < batch) {
            throw new CliException("the data has " + samples + " samples, less than one batch of " + batch);
        }
        return Math.max(1, Math.multiplyExact(epochs, samples) / batch);
    }

    static LoaderOptions loaderOptions(Recipe recipe, Manifest manifest, long seed, MeshRank rank) {
        var step = TrainingStep.of(manifest).orElseThrow();
        var entry = manifest.entry(step.first());
        var resampled = recipe.flag("model.data.resampled").orElse(false);
        var buffer = Math.toIntExact(
                Math.clamp(recipe.integer("model.data.shuffle_buffer").orElse(1000L), 1, 1 << 20));
        var workers = Math.toIntExact(
                Math.clamp(recipe.integer("model.data.num_workers").orElse(2L), 1, 256));
        var mode = resampled ? StreamOptions.Mode.RESAMPLED : StreamOptions.Mode.EPOCHS;
        var stream = new StreamOptions(
                mode,
                seed,
                buffer,
                StreamOptions.Split.SAMPLES,
                rank.coordinate(MeshAxis.DATA),
                rank.mesh().data(),
                step.batch());
        var batchBytes = entry.input(ClipModel.IMAGES)
                .map(images -> images.type().bytes())
                .orElse(1L);
        var prefetch = Math.clamp(PREFETCHED_BYTES / batchBytes, 1, PREFETCH);
        return new LoaderOptions(stream, step.microBatch(), workers, prefetch);
    }
}
