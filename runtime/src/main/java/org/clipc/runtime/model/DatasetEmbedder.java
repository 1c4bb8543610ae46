package org.clipc.runtime.model;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.clipc.ir.MeshAxis;
import org.clipc.program.EntryPoint;
import org.clipc.runtime.data.Batch;
import org.clipc.runtime.data.BatchLoader;
import org.clipc.runtime.data.LoaderOptions;
import org.clipc.runtime.data.StreamOptions;
import org.clipc.runtime.data.source.SampleSource;
import org.clipc.runtime.device.DeviceException;
import org.clipc.runtime.eval.Embeddings;
import org.clipc.runtime.tensor.HostTensor;

/**
 * Embeds whole data sets. Ranks do so together: those that hold parts of a model work on each batch together, and copies of
 * it take turns, of which all get the results. All of them read the data: that takes less than to send it around would.
 */
public final class DatasetEmbedder {

    private static final int PREFETCH = 4;

    /**
     * Samples in stored order.
     *
     * @param captions all that each sample has
     * @param labels class numbers, {@link Batch#NO_LABEL} for none
     * @param images one row for each
     */
    public record Embedded(List<String> keys, List<List<String>> captions, List<Integer> labels, Embeddings images) {

        public Embedded {
            keys = List.copyOf(keys);
            captions = List.copyOf(captions);
            labels = List.copyOf(labels);
        }
    }

    /** Told after each batch how many samples are done. */
    @FunctionalInterface
    public interface Progress {
        void done(long samples);
    }

    private final ClipModel model;
    private final Preprocessing preprocessing;
    private final int workers;

    public DatasetEmbedder(ClipModel model, Preprocessing preprocessing, int workers) {
        this.model = model;
        this.preprocessing = preprocessing;
        this.workers = Math.max(1, workers);
    }

    /**
     * The images of a data set.
     *
     * @param most samples to take
     */
    public Embedded images(SampleSource source, long most, Progress progress) throws InterruptedException {
        var batchSize = model.manifest().entry(EntryPoint.ENCODE_IMAGE).batch();
        var size = model.imageSize();
        var options = new LoaderOptions(StreamOptions.once(), batchSize, workers, PREFETCH);
        var rows = new Rows(EntryPoint.ENCODE_IMAGE);
        var keys = new ArrayList<String>();
        var captions = new ArrayList<List<String>>();
        var labels = new ArrayList<Integer>();
        try (var loader = BatchLoader.start(source, preprocessing.evaluation(), options)) {
            for (var batch = loader.next(); batch.isPresent() && keys.size() < most; batch = loader.next()) {
                var taken = (int) Math.min(batch.get().size(), most - keys.size());
                var images = HostTensor.of(batch.get().images(), batchSize, 3, size, size);
                if (isOwn(keys.size() / batchSize)) {
                    rows.add(model.encodeImages(images), taken);
                } else {
                    rows.leaveOut(taken);
                }
                keys.addAll(batch.get().keys().subList(0, taken));
                captions.addAll(batch.get().allCaptions().subList(0, taken));
                Arrays.stream(batch.get().labels(), 0, taken).forEach(labels::add);
                progress.done(keys.size());
            }
        }
        return new Embedded(keys, captions, labels, rows.embeddings());
    }

    /** One row for each text. */
    public Embeddings texts(List<String> texts) {
        var context = model.contextLength();
        var tokens = preprocessing.tokenizer().tokenize(texts, context);
        var batch = model.manifest().entry(EntryPoint.ENCODE_TEXT).batch();
        var rows = new Rows(EntryPoint.ENCODE_TEXT);
        for (var start = 0; start < texts.size(); start += batch) {
            var count = Math.min(batch, texts.size() - start);
            if (isOwn(start / batch)) {
                var own = Arrays.copyOfRange(tokens, start * context, (start + count) * context);
                rows.add(model.encodeTexts(HostTensor.of(own, count, context)), count);
            } else {
                rows.leaveOut(count);
            }
        }
        return rows.embeddings();
    }

    private boolean isOwn(int batch) {
        var rank = model.rank();
        return batch % rank.mesh().data() == rank.coordinate(MeshAxis.DATA);
    }

    /** Rows of floats, as many as come: of other ranks zeros at first. */
    private final class Rows {

        private final int width;
        private float[] values = new float[1024];
        private int used;

        Rows(String entry) {
            width = model.manifest().entry(entry).outputs().getFirst().type().dim(1);
        }

        void add(HostTensor features, int count) {
            makeRoom(count);
            var floats = count * width;
            MemorySegment.copy(features.data(), ValueLayout.JAVA_FLOAT_UNALIGNED, 0, values, used - floats, floats);
        }

        void leaveOut(int count) {
            makeRoom(count);
        }

        private void makeRoom(int count) {
            var floats = Math.multiplyExact(count, width);
            if (used > Integer.MAX_VALUE - 8 - floats) {
                throw new DeviceException(
                        "there are more features than fit a Java array; embed fewer samples at a time");
            }
            if (used + floats > values.length) {
                var larger = Math.min(Integer.MAX_VALUE - 8L, Math.max(used + (long) floats, 2L * values.length));
                values = Arrays.copyOf(values, (int) larger);
            }
            used += floats;
        }

        Embeddings embeddings() {
            var all = Arrays.copyOf(values, used);
            model.rank().sum(MeshAxis.DATA, all);
            return Embeddings.of(all, width);
        }
    }
}
