package org.clipc.runtime.train;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.device.MeshRank;
import org.clipc.runtime.io.DataFormatException;
import org.clipc.runtime.tensor.HostTensor;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The training loop: batch after batch, with checkpoints that training resumes from bit for bit. It ends after the last
 * step, when the data ends, or after the step at which it is asked to stop; in each case with a checkpoint of where it
 * stands.
 */
public final class Trainer {

    private static final Logger LOG = LoggerFactory.getLogger(Trainer.class);

    /** Why a rank ends: what ranks tell each other, the strongest reason being the largest number. */
    private static final int NO_DATA = 1;

    private static final int TOLD_TO = 2;

    /**
     * @param checkpointEvery steps between checkpoints; 0 for one at the end only
     * @param keepCheckpoints how many of them to keep
     * @param maxSkipped batches in a row whose gradient is not finite before training gives up
     * @param emaDecay of the moving average of the parameters; null for none
     * @param seed of dropout and the like; the parameters' initial values are the caller's
     * @param recipe hash of the settings, to tell when training goes on with others
     * @param utilization tells how well the device is used; null for nobody to tell
     */
    public record Settings(
            Path folder,
            Schedule schedule,
            long checkpointEvery,
            int keepCheckpoints,
            int maxSkipped,
            @Nullable Double emaDecay,
            long seed,
            String recipe,
            @Nullable Utilization utilization) {}

    /** How training ended. */
    public enum End {
        DONE,
        DATA_ENDED,
        STOPPED
    }

    private final DeviceProgram program;
    private final Settings settings;
    private final List<TrainListener> listeners;
    private final MeshRank rank;

    /** @param program with the training step loaded and the parameters initialised */
    public Trainer(DeviceProgram program, Settings settings, List<TrainListener> listeners) {
        this(program, settings, listeners, MeshRank.alone());
    }

    /**
     * One of the ranks that train together: each makes a trainer of its own and runs it on its share of the data.
     *
     * @param program with parameters and state in their whole shapes
     */
    public Trainer(DeviceProgram program, Settings settings, List<TrainListener> listeners, MeshRank rank) {
        this.rank = rank;
        this.program = program;
        this.settings = settings;
        this.listeners = List.copyOf(listeners);
    }

    /**
     * Trains.
     *
     * @param resume whether to go on from the newest checkpoint in the folder; else the folder must have none
     * @param stop asked after every step
     */
    public End run(BatchSource.Opener data, boolean resume, BooleanSupplier stop) throws IOException {
        try (var folder = openFolder();
                var ema = settings.emaDecay() == null ? null : new Ema(program, settings.emaDecay())) {
            var state = begin(folder, ema, resume);
            requireAgreement(state);
            try (var batches = data.open(state.position())) {
                return new Loop(folder, ema, batches, state).run(stop);
            }
        }
    }

    /** The first rank makes the folder ready for the others, which only read in it. */
    private CheckpointFolder openFolder() throws IOException {
        if (rank.isFirst()) {
            var folder = CheckpointFolder.open(settings.folder(), settings.keepCheckpoints());
            rank.barrier();
            return folder;
        }
        rank.barrier();
        return CheckpointFolder.ofOtherRank(settings.folder());
    }

    private TrainState begin(CheckpointFolder folder, @Nullable Ema ema, boolean resume) throws IOException {
        var latest = folder.latest();
        if (latest.isEmpty()) {
            program.clearState();
            return TrainState.start(settings.seed(), settings.recipe());
        }
        var checkpoint = latest.get();
        if (!resume) {
            throw new DataFormatException(
                    settings.folder(),
                    "has a training that reached step " + checkpoint.state().step()
                            + ": give --resume to go on with it, or another --out");
        }
        checkpoint.load(program, ema);
        LOG.info("resuming from {}", checkpoint.folder());
        if (!checkpoint.state().recipe().equals(settings.recipe())) {
            LOG.warn("the settings are not those that this training began with");
        }
        return checkpoint.state();
    }

    /** Ranks that go on from different checkpoints would average gradients of different weights. */
    private void requireAgreement(TrainState state) {
        var place = (state.step() + " " + state.position()).hashCode();
        var largest = rank.largest(place);
        var smallest = ~rank.largest(~place);
        if (largest != smallest) {
            throw new DataFormatException(
                    settings.folder(),
                    "rank %d would go on from step %d here, but not all ranks would: let all of them, on whatever machine, see the same checkpoints"
                            .formatted(rank.rank(), state.step()));
        }
    }

    /** One run of the loop, with what changes as it goes. */
    private final class Loop {

        private final CheckpointFolder folder;
        private final @Nullable Ema ema;
        private final BatchSource batches;
        private TrainState state;
        private final TrainStep step;
        private long saved;
        private int skippedInARow;

        Loop(CheckpointFolder folder, @Nullable Ema ema, BatchSource batches, TrainState state) {
            this.folder = folder;
            this.ema = ema;
            this.batches = batches;
            this.state = state;
            this.step = new TrainStep(program, state.seed());
            this.saved = state.step();
        }

        End run(BooleanSupplier stop) throws IOException {
            for (var listener : listeners) {
                listener.began(state.step());
            }
            var end = End.DONE;
            while (state.step() < settings.schedule().maxSteps()) {
                var start = System.nanoTime();
                var stops = stop.getAsBoolean();
                var batch = stops ? Optional.<List<Map<String, HostTensor>>>empty() : draw();
                // All ranks end with the same step, whichever is told to, or finds no more data.
                var reason = rank.largest(stops ? TOLD_TO : batch.isEmpty() ? NO_DATA : 0);
                if (reason > 0 || batch.isEmpty()) {
                    end = reason == TOLD_TO ? End.STOPPED : End.DATA_ENDED;
                    break;
                }
                train(batch.get(), start, System.nanoTime());
                if (settings.checkpointEvery() > 0 && state.step() % settings.checkpointEvery() == 0) {
                    save();
                }
            }
            save();
            return end;
        }

        /** The micro-batches of a step, or nothing if there are not enough. */
        private Optional<List<Map<String, HostTensor>>> draw() throws IOException {
            var drawn = new ArrayList<Map<String, HostTensor>>();
            while (drawn.size() < step.microBatches()) {
                var next = batches.next();
                if (next.isEmpty()) {
                    return Optional.empty();
                }
                drawn.add(next.get());
            }
            return Optional.of(drawn);
        }

        private void train(List<Map<String, HostTensor>> batch, long start, long drawn) throws IOException {
            var rate = settings.schedule().learningRate(state.step());
            var outcome = step.take(state.updates() + 1, rate, batch);
            state = state.advance(outcome.applied(), batches.position());
            if (outcome.applied()) {
                skippedInARow = 0;
                if (ema != null) {
                    ema.update();
                }
            }
            var nanos = System.nanoTime() - start;
            var seconds = nanos * 1e-9;
            var utilization = settings.utilization();
            var samples = step.batch() * rank.mesh().data();
            var report = new TrainListener.Step(
                    state.step(),
                    settings.schedule().maxSteps(),
                    samples,
                    outcome.loss(),
                    rate,
                    outcome.gradNorm(),
                    Math.exp(outcome.logitScale()),
                    samples / seconds,
                    utilization == null ? Double.NaN : utilization.of(batch, seconds),
                    (double) (drawn - start) / nanos,
                    !outcome.applied());
            for (var listener : listeners) {
                listener.stepped(report);
            }
            if (!outcome.applied() && ++skippedInARow >= settings.maxSkipped()) {
                throw new TrainingFailedException("stopped at step " + state.step() + ": the loss or the gradient of "
                        + skippedInARow + " batches in a row was not finite (loss " + outcome.loss()
                        + "); lower model.optim.lr or warm up longer");
            }
        }

        private void save() throws IOException {
            if (state.step() > saved) {
                var checkpoint = folder.save(program, ema, state.at(batches.together(state.position(), rank)));
                saved = state.step();
                for (var listener : listeners) {
                    listener.saved(checkpoint);
                }
            }
        }
    }
}
