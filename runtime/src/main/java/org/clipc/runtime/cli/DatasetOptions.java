package org.clipc.runtime.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import org.clipc.runtime.data.source.DataSources;
import org.clipc.runtime.data.source.TableSource;
import org.clipc.runtime.device.DeviceException;
import org.clipc.runtime.device.MeshRank;
import org.clipc.runtime.model.DatasetEmbedder;
import org.clipc.runtime.model.DatasetEmbedder.Embedded;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Option;

/** A data set to embed, and how much of it. */
final class DatasetOptions {

    private static final Logger LOG = LoggerFactory.getLogger(DatasetOptions.class);
    private static final long NANOS_BETWEEN_LINES = 10_000_000_000L;

    @Option(names = "--limit", paramLabel = "N", description = "Take the first N samples only.")
    private long limit = Integer.MAX_VALUE;

    @Option(
            names = "--workers",
            paramLabel = "N",
            description = "Threads that read and decode (default ${DEFAULT-VALUE}).")
    private int workers = 2;

    @Option(
            names = "--image-column",
            paramLabel = "NAME",
            description = "What a table has the paths of images under; by default filepath, image, path, file_name or"
                    + " filename.")
    private @Nullable String imageColumn;

    @Option(
            names = "--caption-column",
            paramLabel = "NAME",
            description = "What a table has captions under; by default title, caption or text.")
    private @Nullable String captionColumn;

    @Option(
            names = "--image-root",
            paramLabel = "FOLDER",
            description = "What a table's paths start from, instead of the table's own folder.")
    private @Nullable Path imageRoot;

    int workers() {
        return workers;
    }

    /** Embeds a data set's images; the first rank says now and then how far they are. */
    Embedded images(DatasetEmbedder embedder, String data, MeshRank rank) throws IOException {
        if (limit < 1) {
            throw new CliException("--limit must be at least 1, not " + limit);
        }
        var start = System.nanoTime();
        var told = new long[] {start};
        try {
            var table = new TableSource.Options(
                    Optional.ofNullable(imageColumn),
                    Optional.ofNullable(captionColumn),
                    Optional.ofNullable(imageRoot));
            var embedded = embedder.images(DataSources.open(data, table), limit, done -> {
                var now = System.nanoTime();
                if (rank.isFirst() && now - told[0] > NANOS_BETWEEN_LINES) {
                    told[0] = now;
                    LOG.info("{} images, {}", done, rate(done, now - start));
                }
            });
            if (embedded.keys().isEmpty()) {
                throw new CliException(data + ": holds no image that can be read");
            }
            if (rank.isFirst()) {
                LOG.info(
                        "{} images in all, {}",
                        embedded.keys().size(),
                        rate(embedded.keys().size(), System.nanoTime() - start));
            }
            return embedded;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new DeviceException("interrupted", e);
        }
    }

    private static String rate(long images, long nanos) {
        return String.format(Locale.ROOT, "%.1f images/s", images / (nanos * 1e-9));
    }
}
