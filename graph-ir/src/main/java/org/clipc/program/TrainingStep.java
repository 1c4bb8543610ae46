package org.clipc.program;

import java.util.List;
import java.util.Optional;
import org.clipc.ir.TensorType;

/**
 * How a rank takes a training step with a program. By one entry point, {@link EntryPoint#TRAIN_STEP}; or by four where the
 * batch goes through the towers in micro-batches, one after the other, and all of it through the loss at once (Gao et al.,
 * "Scaling deep contrastive learning batch size under memory limited setup", RepL4NLP 2021; open_clip's {@code
 * accum_freq}):
 *
 * <ol>
 *   <li>{@link EntryPoint#TRAIN_FEATURES}, for each micro-batch: what the loss needs of its samples, a row each;
 *   <li>{@link EntryPoint#TRAIN_LOSS}, given the rows of all: the loss and its gradients by these rows. Starts the sums of
 *       the parameters' gradients with what the loss itself adds;
 *   <li>{@link EntryPoint#TRAIN_BACKWARD}, for each micro-batch, given the gradients by its rows: runs the towers again, and
 *       back, and adds to the sums;
 *   <li>{@link EntryPoint#TRAIN_UPDATE}: clipping and the optimizer.
 * </ol>
 *
 * Rows and their gradients are outputs of one entry point and, by the same name, inputs of the next.
 *
 * @param entries in order
 * @param microBatch samples that go through the towers at once
 * @param microBatches how many make the rank's batch
 */
public record TrainingStep(List<String> entries, int microBatch, int microBatches) {

    /** Name of the scalar input, i32, that numbers the micro-batch, from 0 on, for what is random. */
    public static final String MICRO_BATCH = "micro_batch";

    private static final List<String> SEVERAL = List.of(
            EntryPoint.TRAIN_FEATURES, EntryPoint.TRAIN_LOSS, EntryPoint.TRAIN_BACKWARD, EntryPoint.TRAIN_UPDATE);

    public TrainingStep {
        entries = List.copyOf(entries);
    }

    /** Empty if the program cannot train. */
    public static Optional<TrainingStep> of(Manifest manifest) {
        if (manifest.hasEntry(EntryPoint.TRAIN_STEP)) {
            var batch = manifest.entry(EntryPoint.TRAIN_STEP).batch();
            return Optional.of(new TrainingStep(List.of(EntryPoint.TRAIN_STEP), batch, 1));
        }
        if (!SEVERAL.stream().allMatch(manifest::hasEntry)) {
            return Optional.empty();
        }
        var micro = manifest.entry(EntryPoint.TRAIN_FEATURES).batch();
        var whole = manifest.entry(EntryPoint.TRAIN_LOSS).batch();
        return Optional.of(new TrainingStep(SEVERAL, micro, whole / micro));
    }

    /** Whether running an entry point takes the region of the arena behind the workspace. */
    public static boolean needsState(String entry) {
        return entry.equals(EntryPoint.TRAIN_STEP) || SEVERAL.contains(entry);
    }

    /** How often a step runs one of its entry points: once, or for each micro-batch. */
    public int times(String entry) {
        return entry.equals(EntryPoint.TRAIN_FEATURES) || entry.equals(EntryPoint.TRAIN_BACKWARD) ? microBatches : 1;
    }

    /** Samples in the rank's batch. */
    public int batch() {
        return microBatch * microBatches;
    }

    /** The entry point that takes the batch, or each micro-batch of it. */
    public String first() {
        return entries.getFirst();
    }

    /** @throws InvalidMemberException if entry points of a step do not fit each other */
    static void check(Manifest manifest) throws InvalidMemberException {
        var present = SEVERAL.stream().filter(manifest::hasEntry).toList();
        if (present.isEmpty()) {
            return;
        }
        if (present.size() < SEVERAL.size()) {
            throw new InvalidMemberException(
                    "has the entry point '" + present.getFirst() + "' of a training step, but not "
                            + SEVERAL.stream()
                                    .filter(e -> !present.contains(e))
                                    .findFirst()
                                    .orElseThrow());
        }
        var features = manifest.entry(EntryPoint.TRAIN_FEATURES);
        var loss = manifest.entry(EntryPoint.TRAIN_LOSS);
        var backward = manifest.entry(EntryPoint.TRAIN_BACKWARD);
        if (loss.batch() % features.batch() != 0 || backward.batch() != features.batch()) {
            throw new InvalidMemberException("has a training step of %d samples in micro-batches of %d and %d"
                    .formatted(loss.batch(), features.batch(), backward.batch()));
        }
        var times = loss.batch() / features.batch();
        for (var rows : features.outputs()) {
            handedOn(rows, loss.input(rows.name()), times, loss.name());
        }
        for (var rows : loss.outputs()) {
            var part = backward.input(rows.name());
            if (part.isPresent()) {
                handedOn(part.get(), Optional.of(rows), times, backward.name());
            }
        }
    }

    private static void handedOn(TensorSlot part, Optional<TensorSlot> whole, int times, String to)
            throws InvalidMemberException {
        if (whole.isEmpty() || !isPart(part.type(), whole.get().type(), times)) {
            throw new InvalidMemberException("hands '%s' (%s of %d micro-batches) to '%s', which has it as %s"
                    .formatted(
                            part.name(),
                            part.type(),
                            times,
                            to,
                            whole.map(slot -> slot.type().toString()).orElse("nothing")));
        }
    }

    private static boolean isPart(TensorType part, TensorType whole, int times) {
        return part.rank() > 0
                && part.dtype() == whole.dtype()
                && part.rank() == whole.rank()
                && (long) part.dim(0) * times == whole.dim(0)
                && part.shape()
                        .dims()
                        .subList(1, part.rank())
                        .equals(whole.shape().dims().subList(1, whole.rank()));
    }
}
