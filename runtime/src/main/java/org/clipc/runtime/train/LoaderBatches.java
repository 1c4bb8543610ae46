package org.clipc.runtime.train;

import java.io.InterruptedIOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.clipc.program.EntryPoint;
import org.clipc.runtime.data.BatchLoader;
import org.clipc.runtime.data.LoaderOptions;
import org.clipc.runtime.data.LoaderPosition;
import org.clipc.runtime.data.SamplePreparation;
import org.clipc.runtime.data.source.SampleSource;
import org.clipc.runtime.model.ClipModel;
import org.clipc.runtime.tensor.HostTensor;

/** Batches of images and captions, as a program's training step takes them. */
public final class LoaderBatches implements BatchSource {

    private final BatchLoader loader;
    private final EntryPoint entry;

    private LoaderBatches(BatchLoader loader, EntryPoint entry) {
        this.loader = loader;
        this.entry = entry;
    }

    /** @param entry the training step, whose inputs {@code images} and {@code tokens} are to be filled */
    public static Opener of(
            SampleSource source, SamplePreparation preparation, LoaderOptions options, EntryPoint entry) {
        return position -> {
            var from = position.isEmpty() ? null : LoaderPosition.fromJson("the checkpoint", position);
            return new LoaderBatches(BatchLoader.start(source, preparation, options, from), entry);
        };
    }

    @Override
    public Optional<Map<String, HostTensor>> next() throws InterruptedIOException {
        try {
            return loader.next().map(batch -> {
                var inputs = new LinkedHashMap<String, HostTensor>();
                for (var slot : entry.inputs()) {
                    var shape = slot.type().shape().dims().stream()
                            .mapToLong(Integer::longValue)
                            .toArray();
                    switch (slot.name()) {
                        case ClipModel.IMAGES -> inputs.put(ClipModel.IMAGES, HostTensor.of(batch.images(), shape));
                        case ClipModel.TOKENS -> inputs.put(ClipModel.TOKENS, HostTensor.of(batch.tokens(), shape));
                        default -> {}
                    }
                }
                return inputs;
            });
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while waiting for data");
        }
    }

    @Override
    public String position() {
        return loader.position().toJson();
    }

    @Override
    public void close() {
        loader.close();
    }
}
