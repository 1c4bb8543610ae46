package org.clipc.runtime.cli;

import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.clipc.ir.DType;
import org.clipc.program.EntryPoint;
import org.clipc.program.Manifest;
import org.clipc.program.TensorSlot;
import org.clipc.program.TrainingStep;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.device.DeviceTensors;
import org.clipc.runtime.model.ClipModel;
import org.clipc.runtime.tensor.HostTensor;
import org.clipc.runtime.train.TrainStep;

/** Runs of entry points on synthetic data, to measure them. */
final class SyntheticRun {

    private SyntheticRun() {}

    /** What there is to measure in a program unless asked otherwise: its training, or else its encoders. */
    static List<String> defaultEntries(Manifest manifest) {
        return TrainingStep.of(manifest)
                .map(TrainingStep::entries)
                .orElse(List.of(EntryPoint.ENCODE_IMAGE, EntryPoint.ENCODE_TEXT));
    }

    static void requireEntries(Manifest manifest, List<String> names) {
        for (var name : names) {
            if (!manifest.hasEntry(name)) {
                throw new CliException("the program has no entry point '" + name + "', only "
                        + String.join(
                                ", ",
                                manifest.entries().stream()
                                        .map(EntryPoint::name)
                                        .toList()));
            }
        }
    }

    /** Each run of it runs the entry point once; a training step goes on from the last. */
    static Runnable of(DeviceProgram program, EntryPoint entry) {
        var batch = batch(entry, program.manifest());
        if (entry.name().equals(EntryPoint.TRAIN_STEP)) {
            return steps(program, batch);
        }
        for (var slot : entry.inputs()) {
            if (slot.type().rank() <= 1) {
                batch.put(slot.name(), number(slot));
            }
        }
        return () -> program.run(entry.name(), batch, List.of());
    }

    /** Small enough for a learning rate, and no number of a step that has not been. */
    private static HostTensor number(TensorSlot slot) {
        var numbers = new float[Math.toIntExact(slot.type().elements())];
        Arrays.fill(numbers, slot.name().equals("lr") ? 1e-5f : 1);
        var shape = slot.type().shape().dims().stream()
                .mapToLong(Integer::longValue)
                .toArray();
        return HostTensor.of(numbers, shape)
                .convert(DeviceTensors.hostType(slot.type().dtype()), Arena.ofAuto());
    }

    /** Each run of it takes a training step, by whatever entry points, on the same micro-batch again and again. */
    static Runnable ofStep(DeviceProgram program, TrainingStep step) {
        var manifest = program.manifest();
        return steps(program, batch(manifest.entry(step.first()), manifest));
    }

    private static Runnable steps(DeviceProgram program, Map<String, HostTensor> microBatch) {
        var step = new TrainStep(program, 0);
        var batch = Collections.nCopies(step.microBatches(), microBatch);
        var count = new long[1];
        return () -> step.take(++count[0], 1e-5, batch);
    }

    private static Map<String, HostTensor> batch(EntryPoint entry, Manifest manifest) {
        var batch = new LinkedHashMap<String, HostTensor>();
        for (var slot : entry.inputs()) {
            if (slot.type().rank() > 1) {
                batch.put(slot.name(), synthetic(slot, manifest));
            }
        }
        return batch;
    }

    /** Pixels as after normalisation; captions of some twenty tokens between start and end, then padding. */
    private static HostTensor synthetic(TensorSlot slot, Manifest manifest) {
        var random = new SplittableRandom(slot.name().hashCode());
        var shape = slot.type().shape().dims().stream()
                .mapToLong(Integer::longValue)
                .toArray();
        var count = Math.toIntExact(slot.type().elements());
        if (slot.type().dtype() != DType.I32) {
            var pixels = new float[count];
            for (var i = 0; i < count; i++) {
                pixels[i] = (float) (random.nextDouble() * 4 - 2);
            }
            return HostTensor.of(pixels, shape);
        }
        var vocabulary = ClipModel.vocabulary(manifest);
        var tokens = new int[count];
        var context = (int) shape[shape.length - 1];
        for (var row = 0; row < count; row += context) {
            var length = Math.min(context, 10 + random.nextInt(20));
            for (var i = 0; i < length; i++) {
                tokens[row + i] = random.nextInt(Math.max(1, vocabulary - 2));
            }
            tokens[row] = vocabulary - 2;
            tokens[row + length - 1] = vocabulary - 1;
        }
        return HostTensor.of(tokens, shape);
    }
}
