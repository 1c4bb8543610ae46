package org.clipc.runtime.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.clipc.runtime.data.StreamOptions.Mode;
import org.clipc.runtime.data.StreamOptions.Split;
import org.clipc.runtime.io.DataFormatException;
import org.junit.jupiter.api.Test;

class SampleStreamTest {
    @Property(tries = 200)
    void everyEpochHoldsEverySampleOnce(@ForAll Random random) {
        var source = FakeSource.random(random);
        int total = Math.toIntExact(source.countSamples());
        var stream = new SampleStream(source, StreamOptions.epochs(random.nextLong(), 1 + random.nextInt(30)));
        for (int epoch = 0; epoch < 3; epoch++) {
            var seen = take(stream, total);
            int expected = epoch;
            assertThat(seen).allMatch(ref -> ref.epoch() == expected);
            assertThat(new HashSet<>(names(seen))).hasSize(total);
        }
    }

    @Test
    void epochsDifferAndSeedsDiffer() {
        var source = new FakeSource(List.of(20, 20, 20), 0);
        var stream = new SampleStream(source, StreamOptions.epochs(1, 10));
        List<String> first = names(take(stream, 60));
        List<String> second = names(take(stream, 60));
        assertThat(second).isNotEqualTo(first);
        assertThat(names(take(new SampleStream(source, StreamOptions.epochs(1, 10)), 60)))
                .isEqualTo(first);
        assertThat(names(take(new SampleStream(source, StreamOptions.epochs(2, 10)), 60)))
                .isNotEqualTo(first);
    }

    @Test
    void aLargeBufferMixesShards() {
        var stream = new SampleStream(new FakeSource(Collections.nCopies(20, 50), 0), StreamOptions.epochs(1, 1000));
        long shards =
                take(stream, 100).stream().mapToInt(SampleRef::part).distinct().count();
        assertThat(shards).isGreaterThan(15);
    }

    @Test
    void onceKeepsTheStoredOrderAndEnds() {
        var stream = new SampleStream(new FakeSource(List.of(2, 0, 3), 0), StreamOptions.once());
        assertThat(names(take(stream, 5))).containsExactly("0/0", "0/1", "2/0", "2/1", "2/2");
        assertThat(stream.next()).isEmpty();
        assertThat(stream.next()).isEmpty();
    }

    @Property(tries = 200)
    void ranksShareOneOrderWhateverTheirNumber(@ForAll Random random) {
        var source = FakeSource.random(random);
        long seed = random.nextLong();
        int world = 1 + random.nextInt(5);
        Mode mode = random.nextBoolean() ? Mode.EPOCHS : Mode.RESAMPLED;
        var alone = new SampleStream(source, new StreamOptions(mode, seed, 7, Split.SAMPLES, 0, 1));
        var ranks = IntStream.range(0, world)
                .mapToObj(r -> new SampleStream(source, new StreamOptions(mode, seed, 7, Split.SAMPLES, r, world)))
                .toList();
        for (int i = 0; i < 60; i++) {
            assertThat(ranks.get(i % world).next()).isEqualTo(alone.next());
        }
    }

    @Property(tries = 200)
    void shardsOfRanksAreTheirOwn(@ForAll Random random) {
        int world = 1 + random.nextInt(4);
        var source = new FakeSource(
                IntStream.range(0, world + random.nextInt(5))
                        .mapToObj(i -> 1 + random.nextInt(5))
                        .toList(),
                0);
        long seed = random.nextLong();
        var seen = new ArrayList<String>();
        for (int rank = 0; rank < world; rank++) {
            var stream = new SampleStream(source, new StreamOptions(Mode.EPOCHS, seed, 3, Split.SHARDS, rank, world));
            for (var ref = stream.next().orElseThrow();
                    ref.epoch() == 0;
                    ref = stream.next().orElseThrow()) {
                seen.add(ref.part() + "/" + ref.sample());
            }
        }
        assertThat(seen).hasSize(Math.toIntExact(source.countSamples())).doesNotHaveDuplicates();
    }

    @Property(tries = 300)
    void aSavedPositionGoesOnExactly(@ForAll Random random) {
        var source = FakeSource.random(random);
        int world = source.parts() > 1 && random.nextBoolean() ? 2 : 1;
        var options = new StreamOptions(
                random.nextBoolean() ? Mode.EPOCHS : Mode.RESAMPLED,
                random.nextLong(),
                1 + random.nextInt(40),
                random.nextBoolean() ? Split.SAMPLES : Split.SHARDS,
                random.nextInt(world),
                world);
        // A rank whose only shards are empty has nothing to give.
        if (options.split() == Split.SHARDS && source.sizes().contains(0)) {
            return;
        }
        var stream = new SampleStream(source, options);
        take(stream, random.nextInt(100));
        StreamPosition saved = LoaderPosition.fromJson("x", new LoaderPosition(stream.position(), 0).toJson()).stream();
        var resumed = new SampleStream(source, options);
        resumed.restore(saved);
        assertThat(take(resumed, 100)).isEqualTo(take(stream, 100));
        assertThat(resumed.position()).isEqualTo(stream.position());
    }

    @Test
    void aPositionOfOtherDataIsRefused() {
        var source = new FakeSource(List.of(5, 5), 0);
        var stream = new SampleStream(source, StreamOptions.epochs(1, 4));
        take(stream, 3);
        StreamPosition saved = stream.position();
        for (var other : List.of(
                new SampleStream(source, StreamOptions.epochs(2, 4)),
                new SampleStream(source, StreamOptions.epochs(1, 5)),
                new SampleStream(new FakeSource(List.of(5, 5, 5), 0), StreamOptions.epochs(1, 4)))) {
            assertThatThrownBy(() -> other.restore(saved))
                    .isInstanceOf(DataFormatException.class)
                    .hasMessageContaining("belongs to other data or another shuffling");
        }
        var damaged = new StreamPosition(saved.fingerprint(), 0, 3, 0, 4, List.of(SampleRef.pack(9, 0)));
        assertThatThrownBy(() -> stream.restore(damaged)).hasMessageContaining("is damaged");
    }

    @Test
    void dataWithoutSamplesIsAnErrorNotAnEndlessSearch() {
        for (Mode mode : List.of(Mode.EPOCHS, Mode.RESAMPLED)) {
            var options = new StreamOptions(mode, 1, 4, Split.SAMPLES, 0, 1);
            var stream = new SampleStream(new FakeSource(List.of(0, 0), 0), options);
            assertThatThrownBy(stream::next).hasMessageContaining("none of the 2 parts holds a sample");
        }
        assertThat(new SampleStream(new FakeSource(List.of(0), 0), StreamOptions.once()).next())
                .isEmpty();
    }

    @Test
    void fewerShardsThanRanksCannotBeSplitByShard() {
        var options = new StreamOptions(Mode.EPOCHS, 1, 4, Split.SHARDS, 0, 3);
        assertThatThrownBy(() -> new SampleStream(new FakeSource(List.of(5, 5), 0), options))
                .hasMessageContaining("2 shards cannot be shared out to 3 ranks");
    }

    @Test
    void resampledDrawsShardsEqually() {
        var options = new StreamOptions(Mode.RESAMPLED, 5, 1, Split.SAMPLES, 0, 1);
        var stream = new SampleStream(new FakeSource(List.of(1, 1, 1, 1), 0), options);
        var counts = new int[4];
        take(stream, 4000).forEach(ref -> counts[ref.part()]++);
        for (int count : counts) {
            assertThat(count).isBetween(850, 1150);
        }
    }

    private static List<SampleRef> take(SampleStream stream, int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> stream.next().orElseThrow())
                .toList();
    }

    private static List<String> names(List<SampleRef> refs) {
        return refs.stream().map(r -> r.part() + "/" + r.sample()).toList();
    }
}
