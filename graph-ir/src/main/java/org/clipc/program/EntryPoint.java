package org.clipc.program;

import java.util.List;
import java.util.Optional;

/**
 * Something a program can run. Inputs are written to their slots before the calls, outputs read from theirs after them.
 *
 * @param batch the micro-batch size it is compiled for
 */
public record EntryPoint(String name, int batch, List<TensorSlot> inputs, List<TensorSlot> outputs) {

    public static final String ENCODE_IMAGE = "encode_image";
    public static final String ENCODE_TEXT = "encode_text";
    public static final String LOSS = "loss";
    public static final String LOSS_GRAD = "loss_grad";
    public static final String TRAIN_STEP = "train_step";

    /** The four that make a training step of several micro-batches; see {@link TrainingStep}. */
    public static final String TRAIN_FEATURES = "train_features";

    public static final String TRAIN_LOSS = "train_loss";
    public static final String TRAIN_BACKWARD = "train_backward";
    public static final String TRAIN_UPDATE = "train_update";

    /** The input of every entry point that sees texts: i32 [batch, context]. */
    public static final String TOKENS = "tokens";

    public EntryPoint {
        inputs = List.copyOf(inputs);
        outputs = List.copyOf(outputs);
    }

    /**
     * Name of the entry point that does what {@code entry} does for texts whose end, the first of their largest tokens, is
     * among their first {@code length} tokens; it takes only these.
     */
    public static String forTexts(String entry, int length) {
        return entry + "_" + length;
    }

    public Optional<TensorSlot> input(String slot) {
        return inputs.stream().filter(s -> s.name().equals(slot)).findFirst();
    }

    public Optional<TensorSlot> output(String slot) {
        return outputs.stream().filter(s -> s.name().equals(slot)).findFirst();
    }
}
