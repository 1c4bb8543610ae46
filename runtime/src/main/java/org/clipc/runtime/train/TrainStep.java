package org.clipc.runtime.train;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.clipc.ir.DType;
import org.clipc.program.EntryPoint;
import org.clipc.program.TensorSlot;
import org.clipc.runtime.device.DeviceException;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.tensor.HostTensor;

/**
 * Takes optimizer steps with a program's {@code train_step}: forward, backward, gradient clipping and update. The entry
 * point takes the batch and some of the scalars {@code lr}, {@code step} (from 1, for Adam's bias correction) and {@code
 * seed} (of dropout and the like; i32, or i32[2] with the step as its second number), and gives {@code loss},
 * {@code grad_norm} (before clipping) and, where the model has it, {@code logit_scale}.
 */
public final class TrainStep {

    private static final String LR = "lr";
    private static final String STEP = "step";
    private static final String SEED = "seed";
    private static final String LOSS = "loss";
    private static final String GRAD_NORM = "grad_norm";
    private static final String LOGIT_SCALE = "logit_scale";

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
    private final EntryPoint entry;
    private final long seed;

    /**
     * @param program with {@code train_step} loaded
     * @throws DeviceException if the program has no training step
     */
    public TrainStep(DeviceProgram program, long seed) {
        if (!program.manifest().hasEntry(EntryPoint.TRAIN_STEP)) {
            throw new DeviceException(
                    "the program has no entry point 'train_step': it was compiled for inference only");
        }
        this.program = program;
        this.entry = program.manifest().entry(EntryPoint.TRAIN_STEP);
        this.seed = seed;
    }

    /** Samples in a batch. */
    public int batch() {
        return entry.batch();
    }

    /**
     * @param step counted from 1
     * @param batch the entry point's inputs other than scalars
     */
    public Outcome take(long step, double lr, Map<String, HostTensor> batch) {
        var inputs = new LinkedHashMap<>(batch);
        for (var slot : entry.inputs()) {
            switch (slot.name()) {
                case LR -> inputs.put(LR, HostTensor.of(new float[] {(float) lr}));
                case STEP -> inputs.put(STEP, step(slot, step));
                case SEED -> inputs.put(SEED, seed(slot, step));
                default -> {}
            }
        }
        var outputs = program.run(EntryPoint.TRAIN_STEP, inputs, List.of(LOSS, GRAD_NORM, LOGIT_SCALE));
        var scale = outputs.get(LOGIT_SCALE);
        return new Outcome(
                scalar(outputs, LOSS), scalar(outputs, GRAD_NORM), scale == null ? Double.NaN : scale.getDouble(0));
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

    private static double scalar(Map<String, HostTensor> outputs, String name) {
        var tensor = outputs.get(name);
        if (tensor == null) {
            throw new DeviceException("entry point 'train_step' of this program has no output '" + name + "'");
        }
        return tensor.getDouble(0);
    }
}
