package org.clipc.runtime.train;

import java.io.InterruptedIOException;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.clipc.ir.MeshAxis;
import org.clipc.program.EntryPoint;
import org.clipc.runtime.data.BatchLoader;
import org.clipc.runtime.data.LoaderOptions;
import org.clipc.runtime.data.LoaderPosition;
import org.clipc.runtime.data.SamplePreparation;
import org.clipc.runtime.data.StreamOptions;
import org.clipc.runtime.data.source.SampleSource;
import org.clipc.runtime.device.MeshRank;
import org.clipc.runtime.model.ClipModel;
import org.clipc.runtime.tensor.HostTensor;

/** Batches of images and captions, as a program's training step takes them. */
public final class LoaderBatches implements BatchSource {

    private static final String CHECKPOINT = "the checkpoint";

    private final BatchLoader loader;
    private final StreamOptions order;
    private final EntryPoint entry;

    private LoaderBatches(BatchLoader loader, StreamOptions order, EntryPoint entry) {
        this.loader = loader;
        this.order = order;
        this.entry = entry;
    }

    /** @param entry the training step, whose inputs {@code images} and {@code tokens} are to be filled */
    public static Opener of(
            SampleSource source, SamplePreparation preparation, LoaderOptions options, EntryPoint entry) {
        return position -> {
            var from = position.isEmpty() ? null : LoaderPosition.fromJson(CHECKPOINT, position);
            return new LoaderBatches(BatchLoader.start(source, preparation, options, from), options.stream(), entry);
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

    /** Of the shuffle buffers, which may be large, one goes around and is saved: that of the rank furthest behind. */
    @Override
    public String together(String position, MeshRank rank) {
        var own = LoaderPosition.fromJson(CHECKPOINT, position).draws();
        var all = rank.gather(MeshAxis.DATA, own);
        var behind = all.indexOf(Collections.min(all));
        var furthest = rank.broadcast(MeshAxis.DATA, behind, position);
        return LoaderPosition.fromJson(CHECKPOINT, furthest).with(order, all).toJson();
    }

    @Override
    public void close() {
        loader.close();
    }
}
