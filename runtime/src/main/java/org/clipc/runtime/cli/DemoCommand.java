package org.clipc.runtime.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.function.LongFunction;
import org.clipc.program.TrainingStep;
import org.clipc.runtime.data.source.DataSources;
import org.clipc.runtime.demo.DemoData;
import org.clipc.runtime.demo.DemoEvaluation;
import org.clipc.runtime.device.MeshRank;
import org.clipc.runtime.model.ClipModel;
import org.clipc.runtime.model.Preprocessing;
import org.clipc.runtime.model.Recipe;
import org.clipc.runtime.report.Curve;
import org.clipc.runtime.report.DemoReport;
import org.clipc.runtime.tensor.HostTensor;
import org.clipc.runtime.train.BatchSource;
import org.clipc.runtime.train.LearningRate;
import org.clipc.runtime.train.LoaderBatches;
import org.clipc.runtime.train.TimedSchedule;
import org.clipc.runtime.train.TrainListener;
import org.clipc.runtime.train.TrainStep;
import org.clipc.runtime.train.Trainer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** The demonstration: from emoji drawn by six artists to a report on two others. */
@Command(
        name = "demo",
        mixinStandardHelpOptions = true,
        description = {
            "Trains a small model on emoji and reports on artists and concepts that it never saw.",
            "Ctrl-C saves; the same command goes on from there."
        })
final class DemoCommand implements Callable<Integer> {

    private static final double WARM_UP_SECONDS = 20;
    private static final int LEAST_STEPS = 3;

    @Mixin
    private ProgramOptions options = new ProgramOptions();

    @Option(names = "--minutes", paramLabel = "N", description = "Minutes to train (default ${DEFAULT-VALUE}).")
    private double minutes = 12;

    @Option(names = "--folder", description = "Where data, checkpoints and the report go (default ${DEFAULT-VALUE}).")
    private Path folder = Path.of("build", "demo");

    @Spec
    private @Nullable CommandSpec spec;

    private final List<Curve.Point> losses = new ArrayList<>();

    @Override
    public Integer call() throws IOException {
        if (!(minutes > 0)) {
            throw new CliException("--minutes must be positive, not " + minutes);
        }
        var data = DemoData.prepare(folder, this::say);
        try (var file = options.open();
                var device = options.device();
                var model = ClipModel.load(file, device, TrainCommand.entries(file, true))) {
            if (train(model, Recipe.of(file.manifest()), data) != Trainer.End.STOPPED) {
                report(model, data);
            }
        }
        return 0;
    }

    private Trainer.End train(ClipModel model, Recipe recipe, DemoData data) throws IOException {
        var entry = model.manifest()
                .entry(TrainingStep.of(model.manifest()).orElseThrow().first());
        var seed = options.seed(recipe);
        var source =
                DataSources.open(data.folder().resolve("train-{00..07}.tar").toString());
        var preparation = new Preprocessing(recipe, model).training();
        var batches = LoaderBatches.of(
                source,
                preparation,
                TrainCommand.loaderOptions(recipe, model.manifest(), seed, MeshRank.alone()),
                entry);
        options.fill(model.program(), recipe);
        var schedule = schedule(model, batches, recipe);
        options.fill(model.program(), recipe);
        model.program().clearState();
        var every = recipe.integer("exp_manager.checkpoint_callback_params.every_n_train_steps")
                .orElse(100L);
        var settings = new Trainer.Settings(
                folder.resolve("run"), schedule, every, 1, 20, null, seed, recipe.fingerprint(), null);
        try (var stop = new StopSignal();
                var progress = new TrainProgress(20, schedule.maxSteps())) {
            TrainListener curve = step -> losses.add(new Curve.Point(step.step(), step.loss()));
            var end = new Trainer(model.program(), settings, List.<TrainListener>of(schedule, progress, curve))
                    .run(batches, true, stop::isRequested);
            if (end == Trainer.End.STOPPED) {
                say("stopped and saved; the same command goes on");
            }
            stop.succeeded();
            return end;
        }
    }

    /** As many steps as fit the time; a demo that goes on keeps to the time that it began with. */
    private TimedSchedule schedule(ClipModel model, BatchSource.Opener batches, Recipe recipe) throws IOException {
        var plan = folder.resolve("pace.json");
        LongFunction<LearningRate> curve = steps -> LearningRate.of(recipe, steps);
        var begun = TimedSchedule.resume(plan, curve, System::nanoTime);
        return begun.isPresent()
                ? begun.get()
                : TimedSchedule.begin(
                        plan, minutes * 60, secondsPerStep(model, batches, recipe), curve, System::nanoTime);
    }

    /** The median, once the JVM's compiler has had time for what runs in a step. */
    private double secondsPerStep(ClipModel model, BatchSource.Opener batches, Recipe recipe) throws IOException {
        say("measuring how fast this machine trains");
        var step = new TrainStep(model.program(), options.seed(recipe));
        var seconds = new ArrayList<Double>();
        try (var source = batches.open("")) {
            var start = System.nanoTime();
            while (seconds.size() < LEAST_STEPS || System.nanoTime() - start < WARM_UP_SECONDS * 1e9) {
                var begin = System.nanoTime();
                var batch = new ArrayList<Map<String, HostTensor>>();
                while (batch.size() < step.microBatches()) {
                    batch.add(source.next().orElseThrow());
                }
                step.take(seconds.size() + 1, 0, batch);
                seconds.add((System.nanoTime() - begin) * 1e-9);
            }
        }
        var late = seconds.subList(seconds.size() / 2, seconds.size()).stream()
                .mapToDouble(Double::doubleValue)
                .sorted()
                .toArray();
        return late[late.length / 2];
    }

    private void report(ClipModel model, DemoData data) throws IOException {
        say("judging on the artists held out");
        var recipe = Recipe.of(model.manifest());
        var evaluation = new DemoEvaluation(model, data, Preprocessing.normalization(recipe), data.train());
        for (var artist : DemoData.TEST_ARTISTS) {
            evaluation.judge(artist, data.test(artist));
        }
        var parameters = model.manifest().parameters().stream()
                .mapToLong(p -> p.type().elements())
                .sum();
        var summary = List.of(
                String.format(
                        Locale.ROOT,
                        "%s with %.2f M parameters, trained on %s.",
                        model.manifest().model(),
                        parameters * 1e-6,
                        String.join(", ", DemoData.TRAIN_ARTISTS)),
                "Judged on " + String.join(" and ", DemoData.TEST_ARTISTS) + ", whose drawings it never saw.");
        var report = new DemoReport(
                "A small CLIP on emoji",
                summary,
                evaluation.scores(),
                List.of(new Curve("contrastive loss by training step", losses)),
                evaluation.queries());
        var page = folder.resolve("report.html");
        report.writeTo(page);
        Arrays.stream(report.table().split(System.lineSeparator(), -1)).forEach(this::say);
        say("the report with pictures is " + page.toAbsolutePath());
    }

    private void say(String line) {
        var out = Objects.requireNonNull(spec).commandLine().getOut();
        out.println(line);
        out.flush();
    }
}
