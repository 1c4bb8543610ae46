package org.clipc.runtime.train;

import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.clipc.runtime.tensor.HostTensor;
import org.clipc.runtime.testing.ToyProgram;

/** Learnable batches: the colour of a picture decides its caption. Batch i is the same whenever it is drawn. */
final class ToyBatches implements BatchSource {

    static final int VOCABULARY = 20;

    private final long count;
    private long position;

    ToyBatches(String position, long count) {
        this.position = position.isEmpty() ? 0 : Long.parseLong(position);
        this.count = count;
    }

    static Opener endless() {
        return position -> new ToyBatches(position, Long.MAX_VALUE);
    }

    @Override
    public Optional<Map<String, HostTensor>> next() {
        if (position >= count) {
            return Optional.empty();
        }
        var random = new Random(position++);
        var pixels = new float[ToyProgram.BATCH * ToyProgram.PIXELS];
        var tokens = new int[ToyProgram.BATCH * ToyProgram.CONTEXT];
        for (var b = 0; b < ToyProgram.BATCH; b++) {
            var kind = random.nextInt(8);
            for (var p = 0; p < ToyProgram.PIXELS; p++) {
                pixels[b * ToyProgram.PIXELS + p] = (float) Math.sin(kind * p + 0.3 * random.nextGaussian());
            }
            for (var t = 0; t < ToyProgram.CONTEXT; t++) {
                tokens[b * ToyProgram.CONTEXT + t] = t < 3 ? 1 + kind : 10 + random.nextInt(10);
            }
        }
        return Optional.of(Map.of(
                "images", HostTensor.of(pixels, ToyProgram.BATCH, 3, ToyProgram.SIZE, ToyProgram.SIZE),
                "tokens", HostTensor.of(tokens, ToyProgram.BATCH, ToyProgram.CONTEXT)));
    }

    @Override
    public String position() {
        return String.valueOf(position);
    }

    @Override
    public void close() {}
}
