package org.clipc.runtime.train;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.clipc.ir.DType;
import org.clipc.program.EntryPoint;
import org.clipc.program.TensorSlot;
import org.clipc.program.TrainingStep;
import org.clipc.runtime.device.DeviceException;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.tensor.HostTensor;

/**
 * Takes optimizer steps with a program: forward, backward, gradient clipping and update, by the entry points that {@link
 * TrainingStep} names. They take the batch, or its micro-batches one after the other, and some of the scalars {@code lr},
 * {@code step} (from 1, for Adam's bias correction), {@code seed} (of dropout and the like; i32, or i32[2] with the step as
 * its second number) and {@code micro_batch}, and give {@code loss}, {@code grad_norm} (before clipping) and, where the
 * model has it, {@code logit_scale}.
 */
public final class TrainStep {

    private static final String LR = "lr";
    private static final String STEP = "step";
    private static final String SEED = "seed";
    private static final String LOSS = "loss";
    private static final String GRAD_NORM = "grad_norm";
    private static final String LOGIT_SCALE = "logit_scale";
    private static final List<String> TOLD = List.of(LOSS, GRAD_NORM, LOGIT_SCALE);

    /**
     * What a step tells.
     *
     * @param loss before the update
     * @param gradNorm global norm of the gradient before clipping
     * @param logitScale the parameter (a logarithm) after the update; NaN if the program does not tell
     */
    public record Outcome(double loss, double gradNorm, double logitScale) {

        /** Whether the update took place: programs leave everything as it is when the gradient is not finite. */
        public boolean applied() {
            return Double.isFinite(loss) && Double.isFinite(gradNorm);
        }
    }

    private final DeviceProgram program;
    private final TrainingStep plan;
    private final long seed;
    private final RowCache features;
    private final RowCache gradients;

    /**
     * @param program with the entry points of its {@link TrainingStep} loaded
     * @throws DeviceException if the program has no training step
     */
    public TrainStep(DeviceProgram program, long seed) {
        this.program = program;
        this.plan = TrainingStep.of(program.manifest())
                .orElseThrow(() -> new DeviceException(
                        "the program has no entry point 'train_step': it was compiled for inference only"));
        this.seed = seed;
        if (plan.entries().size() == 1) {
            features = RowCache.NONE;
            gradients = RowCache.NONE;
        } else {
            var loss = entry(EntryPoint.TRAIN_LOSS);
            var parts = plan.microBatches();
            features =
                    RowCache.of(loss.inputs(), entry(EntryPoint.TRAIN_FEATURES).outputs(), parts);
            gradients =
                    RowCache.of(loss.outputs(), entry(EntryPoint.TRAIN_BACKWARD).inputs(), parts);
        }
    }

    private EntryPoint entry(String name) {
        return program.manifest().entry(name);
    }

    /** Samples in a batch. */
    public int batch() {
        return plan.batch();
    }

    /** How many micro-batches a batch comes in. */
    public int microBatches() {
        return plan.microBatches();
    }

    /**
     * Takes a step on a batch of one micro-batch.
     *
     * @param step counted from 1
     * @param batch the entry point's inputs other than scalars
     */
    public Outcome take(long step, double lr, Map<String, HostTensor> batch) {
        return take(step, lr, List.of(batch));
    }

    /**
     * @param step counted from 1
     * @param batch micro-batches in order, each with the inputs other than scalars
     * @throws DeviceException if there are more or fewer of them than a batch has
     */
    public Outcome take(long step, double lr, List<Map<String, HostTensor>> batch) {
        if (batch.size() != plan.microBatches()) {
            throw new DeviceException("a training step of this program takes %d micro-batches of %d samples, not %d"
                    .formatted(plan.microBatches(), plan.microBatch(), batch.size()));
        }
        var numbers = new Numbers(step, lr);
        return plan.entries().size() == 1
                ? outcome(plan.first(), numbers.with(plan.first(), 0, batch.getFirst()))
                : several(numbers, batch);
    }

    private Outcome several(Numbers numbers, List<Map<String, HostTensor>> batch) {
        for (var i = 0; i < batch.size(); i++) {
            var inputs = numbers.with(EntryPoint.TRAIN_FEATURES, i, batch.get(i));
            features.put(i, program.run(EntryPoint.TRAIN_FEATURES, inputs));
        }
        var whole = program.run(EntryPoint.TRAIN_LOSS, numbers.with(EntryPoint.TRAIN_LOSS, 0, features.whole()));
        var loss = scalar(EntryPoint.TRAIN_LOSS, whole, LOSS);
        gradients.putWhole(whole);
        for (var i = 0; i < batch.size(); i++) {
            var tensors = new LinkedHashMap<>(batch.get(i));
            tensors.putAll(gradients.get(i));
            program.run(EntryPoint.TRAIN_BACKWARD, numbers.with(EntryPoint.TRAIN_BACKWARD, i, tensors), List.of());
        }
        var given = Map.of(LOSS, HostTensor.of(new float[] {(float) loss}));
        return outcome(EntryPoint.TRAIN_UPDATE, numbers.with(EntryPoint.TRAIN_UPDATE, 0, given));
    }

    private Outcome outcome(String entry, Map<String, HostTensor> inputs) {
        var outputs = program.run(entry, inputs, TOLD);
        var scale = outputs.get(LOGIT_SCALE);
        return new Outcome(
                scalar(entry, outputs, LOSS),
                scalar(entry, outputs, GRAD_NORM),
                scale == null ? Double.NaN : scale.getDouble(0));
    }

    /** What entry points take besides tensors. */
    private final class Numbers {

        private final long step;
        private final double lr;

        Numbers(long step, double lr) {
            this.step = step;
            this.lr = lr;
        }

        Map<String, HostTensor> with(String entry, int microBatch, Map<String, HostTensor> tensors) {
            var inputs = new LinkedHashMap<>(tensors);
            for (var slot : entry(entry).inputs()) {
                switch (slot.name()) {
                    case LR -> inputs.put(LR, HostTensor.of(new float[] {(float) lr}));
                    case STEP -> inputs.put(STEP, step(slot, step));
                    case SEED -> inputs.put(SEED, seed(slot, step));
                    case TrainingStep.MICRO_BATCH ->
                        inputs.put(TrainingStep.MICRO_BATCH, HostTensor.of(new int[] {microBatch}));
                    default -> {}
                }
            }
            return inputs;
        }
    }

    private static HostTensor step(TensorSlot slot, long step) {
        return slot.type().dtype() == DType.I32 ? HostTensor.of(new long[] {step}) : HostTensor.of(new float[] {step});
    }

    private HostTensor seed(TensorSlot slot, long step) {
        var folded = Long.hashCode(seed);
        return slot.type().elements() == 1
                ? HostTensor.of(new int[] {folded})
                : HostTensor.of(new int[] {folded, (int) step}, 2);
    }

    private static double scalar(String entry, Map<String, HostTensor> outputs, String name) {
        var tensor = outputs.get(name);
        if (tensor == null) {
            throw new DeviceException("entry point '" + entry + "' of this program has no output '" + name + "'");
        }
        return tensor.getDouble(0);
    }
}
