package org.clipc.runtime.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.random.RandomGenerator;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.clipc.runtime.data.StreamOptions.Mode;
import org.clipc.runtime.data.StreamOptions.Split;
import org.clipc.runtime.data.source.RawSample;
import org.clipc.runtime.io.DataFormatException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class BatchLoaderTest {
    private static final SamplePreparation NUMBERS = BatchLoaderTest::number;

    @Property(tries = 30)
    void batchesAreTheSameForAnyNumberOfWorkers(@ForAll Random random) throws InterruptedException {
        var source = new FakeSource(FakeSource.random(random).sizes(), 2 + random.nextInt(6));
        if (!source.hasGoodSamples()) {
            return;
        }
        var order = StreamOptions.epochs(random.nextLong(), 1 + random.nextInt(20));
        int batch = 1 + random.nextInt(7);
        List<String> alone = take(source, new LoaderOptions(order, batch, 1, 1), null, 12);
        SamplePreparation slow = (sample, chance) -> {
            Thread.onSpinWait();
            return number(sample, chance);
        };
        try (var loader = BatchLoader.start(source, slow, new LoaderOptions(order, batch, 5, 3))) {
            for (String expected : alone) {
                assertThat(describe(loader.next().orElseThrow())).isEqualTo(expected);
            }
        }
    }

    @Property(tries = 60)
    void anotherLoaderGoesOnFromAnyBatch(@ForAll Random random) throws InterruptedException {
        var damaged = random.nextBoolean();
        var source = new FakeSource(FakeSource.random(random).sizes(), damaged ? 3 : 0);
        if (!source.hasGoodSamples()) {
            return;
        }
        // Of several ranks one may have damaged samples only.
        int world = damaged ? 1 : 1 + random.nextInt(3);
        var mode = random.nextBoolean() ? Mode.EPOCHS : Mode.RESAMPLED;
        int batch = 1 + random.nextInt(5);
        int turn = random.nextBoolean() ? batch : 1;
        var order = new StreamOptions(
                mode, random.nextLong(), 1 + random.nextInt(30), Split.SAMPLES, random.nextInt(world), world, turn);
        var options = new LoaderOptions(order, batch, 2, 1 + random.nextInt(3));
        var positions = new ArrayList<LoaderPosition>();
        var whole = new ArrayList<String>();
        try (var loader = BatchLoader.start(source, NUMBERS, options)) {
            for (int i = 0; i < 12; i++) {
                positions.add(loader.position());
                whole.add(describe(loader.next().orElseThrow()));
            }
        }
        int from = random.nextInt(whole.size());
        var saved = LoaderPosition.fromJson("checkpoint", positions.get(from).toJson());
        assertThat(take(source, options, saved, whole.size() - from)).isEqualTo(whole.subList(from, whole.size()));
    }

    private static StreamOptions shared(Mode mode, long seed, int buffer, int rank, int world, int turn) {
        return new StreamOptions(mode, seed, buffer, Split.SAMPLES, rank, world, turn);
    }

    @Property(tries = 60)
    void ranksGoOnTogetherThoughSomeLeftOutMore(@ForAll Random random) throws InterruptedException {
        int damaged = random.nextInt(3) == 0 ? 0 : 4 + random.nextInt(3);
        // One part of odd size: each rank comes to every sample in some epoch.
        var source = new FakeSource(List.of(1 + 2 * (4 + random.nextInt(20))), damaged);
        int world = 2 + 2 * random.nextInt(2);
        var mode = random.nextBoolean() ? Mode.EPOCHS : Mode.RESAMPLED;
        long seed = random.nextLong();
        int buffer = 1 + random.nextInt(30);
        int batch = 1 + random.nextInt(5);
        int before = 1 + random.nextInt(6);
        var expected = new ArrayList<List<String>>();
        var positions = new ArrayList<LoaderPosition>();
        for (int rank = 0; rank < world; rank++) {
            var options = new LoaderOptions(shared(mode, seed, buffer, rank, world, batch), batch, 1, 2);
            try (var loader = BatchLoader.start(source, NUMBERS, options)) {
                for (int i = 0; i < before; i++) {
                    loader.next();
                }
                positions.add(loader.position());
                var rest = new ArrayList<String>();
                for (int i = 0; i < 5; i++) {
                    rest.add(describe(loader.next().orElseThrow()));
                }
                expected.add(rest);
            }
        }
        var behind = Collections.min(positions, Comparator.comparingLong(LoaderPosition::draws));
        var all = positions.stream().map(LoaderPosition::draws).toList();
        var together = behind.with(shared(mode, seed, buffer, 0, world, batch), all);
        if (damaged == 0) {
            assertThat(together.apart()).isNull();
            assertThat(together.draws()).isEqualTo((long) world * batch * before);
        }
        var saved = LoaderPosition.fromJson("checkpoint", together.toJson());
        for (int rank = 0; rank < world; rank++) {
            var options = new LoaderOptions(shared(mode, seed, buffer, rank, world, batch), batch, 1, 2);
            assertThat(take(source, options, saved, 5)).isEqualTo(expected.get(rank));
        }
        var alone = new LoaderOptions(shared(mode, seed, buffer, 0, 1, batch), batch, 1, 2);
        assertThat(take(source, alone, saved, 1))
                .isEqualTo(take(source, alone, new LoaderPosition(saved.stream(), saved.draws()), 1));
    }

    @Test
    void aPositionSavedBeforeRanksCouldStandApartIsStillRead() {
        var old = "{\"stream\":{\"fingerprint\":\"f\",\"epoch\":1,\"draws\":8,\"cursor\":2,\"nextSample\":3,"
                + "\"buffer\":[4]},\"draws\":9}";
        var position = LoaderPosition.fromJson("checkpoint", old);
        assertThat(position).isEqualTo(new LoaderPosition(new StreamPosition("f", 1, 8, 2, 3, List.of(4L)), 9));
        assertThat(position.toJson()).isEqualTo(old);
    }

    @Test
    void aSinglePassEndsWithWhatIsLeft() throws InterruptedException {
        var source = new FakeSource(List.of(3, 4), 0);
        try (var loader = BatchLoader.start(source, NUMBERS, new LoaderOptions(StreamOptions.once(), 3, 2, 2))) {
            assertThat(loader.next().orElseThrow().keys()).containsExactly("0/0", "0/1", "0/2");
            assertThat(loader.next().orElseThrow().keys()).containsExactly("1/0", "1/1", "1/2");
            Batch last = loader.next().orElseThrow();
            assertThat(last.size()).isEqualTo(1);
            assertThat(last.keys()).containsExactly("1/3");
            assertThat(last.captions()).containsExactly("caption of 1/3");
            assertThat(last.images()).hasSize(6).endsWith(0, 0, 0, 0);
            assertThat(last.tokens()).hasSize(12).endsWith(0, 0, 0, 0, 0, 0, 0, 0);
            assertThat(last.longestText()).isEqualTo(3);
            assertThat(last.labels()).containsExactly(Batch.NO_LABEL);
            assertThat(loader.next()).isEmpty();
            assertThat(loader.next()).isEmpty();
        }
    }

    @Test
    void damagedSamplesAreCountedAndLeftOut() throws InterruptedException {
        var source = new FakeSource(List.of(10), 2);
        try (var loader = BatchLoader.start(source, NUMBERS, new LoaderOptions(StreamOptions.once(), 10, 2, 2))) {
            assertThat(loader.next().orElseThrow().keys()).containsExactly("0/1", "0/3", "0/5", "0/7", "0/9");
            assertThat(loader.next()).isEmpty();
            assertThat(loader.skippedSamples()).isEqualTo(5);
        }
    }

    @Test
    void dataThatIsAllDamagedIsAnError() {
        var source = new FakeSource(Collections.nCopies(3, 5), 1);
        try (var loader = BatchLoader.start(source, NUMBERS, new LoaderOptions(StreamOptions.epochs(1, 4), 4, 2, 2))) {
            for (int again = 0; again < 2; again++) {
                assertThatThrownBy(loader::next)
                        .isInstanceOf(DataFormatException.class)
                        .hasMessageContaining("10000 samples in a row could not be used; the last: damaged on purpose");
            }
        }
    }

    @Test
    void aFaultInPreparationReachesTheReader() {
        var count = new AtomicInteger();
        SamplePreparation faulty = (sample, chance) -> {
            if (count.incrementAndGet() == 7) {
                throw new IllegalArgumentException("a bug");
            }
            return number(sample, chance);
        };
        var options = new LoaderOptions(StreamOptions.epochs(1, 4), 2, 2, 2);
        try (var loader = BatchLoader.start(new FakeSource(List.of(9), 0), faulty, options)) {
            assertThatThrownBy(() -> {
                        while (true) {
                            loader.next();
                        }
                    })
                    .isInstanceOf(IllegalStateException.class)
                    .hasRootCauseMessage("a bug");
        }
    }

    @Test
    void closingEndsTheThreadsAndTheWait() throws InterruptedException {
        SamplePreparation stuck = (sample, chance) -> {
            try {
                Thread.sleep(1_000_000);
            } catch (InterruptedException e) {
                throw new IOException(e);
            }
            throw new IOException("woke up");
        };
        var loader = BatchLoader.start(
                new FakeSource(List.of(9), 0), stuck, new LoaderOptions(StreamOptions.once(), 2, 2, 2));
        var closer = new Thread(loader::close);
        closer.start();
        assertThat(loader.next()).isEmpty();
        closer.join();
    }

    @Test
    void augmentationDependsOnTheSamplesPlaceNotOnTheRank() throws InterruptedException {
        var source = new FakeSource(List.of(8, 8), 0);
        var alone = new ArrayList<String>();
        for (String batch : take(source, new LoaderOptions(StreamOptions.epochs(3, 5), 1, 1, 1), null, 16)) {
            alone.add(batch);
        }
        for (int rank = 0; rank < 2; rank++) {
            var order = new StreamOptions(Mode.EPOCHS, 3, 5, Split.SAMPLES, rank, 2);
            List<String> own = take(source, new LoaderOptions(order, 1, 3, 2), null, 8);
            for (int i = 0; i < own.size(); i++) {
                assertThat(own.get(i)).isEqualTo(alone.get(2 * i + rank));
            }
        }
    }

    private static List<String> take(FakeSource source, LoaderOptions options, @Nullable LoaderPosition from, int count)
            throws InterruptedException {
        var batches = new ArrayList<String>();
        try (var loader = BatchLoader.start(source, NUMBERS, options, from)) {
            for (int i = 0; i < count; i++) {
                batches.add(describe(loader.next().orElseThrow()));
            }
        }
        return batches;
    }

    private static String describe(Batch batch) {
        return batch.keys() + " " + java.util.Arrays.toString(batch.images());
    }

    /** Two "pixels": one of the sample, one of its chance. */
    private static PreparedSample number(RawSample sample, RandomGenerator chance) {
        var pixels = new float[] {sample.key().hashCode(), chance.nextFloat()};
        String caption = sample.captions().getFirst();
        return new PreparedSample(
                sample.key(), pixels, new int[] {49406, 7, 49407, 0}, caption, sample.captions(), Batch.NO_LABEL);
    }
}
