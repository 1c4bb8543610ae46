package org.clipc.runtime.data;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.stream.IntStream;
import org.clipc.runtime.data.source.RawSample;
import org.clipc.runtime.data.source.SampleSource;

/** Parts of given sizes whose samples are just their names; some of them damaged. */
record FakeSource(List<Integer> sizes, int everyNthIsDamaged) implements SampleSource {
    static FakeSource random(Random random) {
        int parts = 1 + random.nextInt(8);
        return new FakeSource(
                IntStream.range(0, parts)
                        .mapToObj(i -> i == 0 ? 1 + random.nextInt(20) : random.nextInt(20))
                        .toList(),
                0);
    }

    @Override
    public int parts() {
        return sizes.size();
    }

    @Override
    public String partName(int part) {
        return "/somewhere/part" + part;
    }

    @Override
    public String identity(int part) {
        return "part" + part;
    }

    @Override
    public int samples(int part) {
        return sizes.get(part);
    }

    @Override
    public RawSample load(int part, int sample) throws IOException {
        if (isDamaged(part, sample)) {
            throw new IOException("damaged on purpose");
        }
        String key = part + "/" + sample;
        return new RawSample(
                key, key.getBytes(StandardCharsets.UTF_8), List.of("caption of " + key), OptionalInt.empty());
    }

    private boolean isDamaged(int part, int sample) {
        return everyNthIsDamaged > 0 && (part * 31 + sample) % everyNthIsDamaged == 0;
    }

    boolean hasGoodSamples() {
        return IntStream.range(0, parts())
                .anyMatch(part -> IntStream.range(0, samples(part)).anyMatch(sample -> !isDamaged(part, sample)));
    }
}
