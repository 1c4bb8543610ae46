package org.clipc.runtime.metrics;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Takes the numbers of a run. One thread at a time. */
public interface MetricsWriter extends AutoCloseable {
    /**
     * Writes what was measured at a step. A reader sees it at once, and a crash of this process does not lose it.
     *
     * @param scalars by name; a slash groups, as in {@code train/loss}
     */
    void write(long step, Map<String, Double> scalars) throws IOException;

    @Override
    void close() throws IOException;

    /** Writes to all of these. */
    static MetricsWriter all(List<MetricsWriter> writers) {
        List<MetricsWriter> copy = List.copyOf(writers);
        return new MetricsWriter() {
            @Override
            public void write(long step, Map<String, Double> scalars) throws IOException {
                for (MetricsWriter writer : copy) {
                    writer.write(step, scalars);
                }
            }

            @Override
            public void close() throws IOException {
                var failures = new ArrayList<IOException>();
                for (MetricsWriter writer : copy) {
                    try {
                        writer.close();
                    } catch (IOException e) {
                        failures.add(e);
                    }
                }
                if (!failures.isEmpty()) {
                    throw failures.getFirst();
                }
            }
        };
    }
}
