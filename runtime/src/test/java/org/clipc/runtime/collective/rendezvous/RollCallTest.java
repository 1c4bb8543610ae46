package org.clipc.runtime.collective.rendezvous;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;
import org.clipc.runtime.collective.CollectiveOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class RollCallTest {

    private static final Duration PATIENT = Duration.ofSeconds(30);

    /** What ranks of a world do, which are threads here. */
    @FunctionalInterface
    private interface Body {
        void run(List<Rendezvous> all) throws Exception;
    }

    private static void inWorldOf(int size, Body body) throws Exception {
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            var server = RendezvousServer.open(0, size, PATIENT);
            var joining = IntStream.range(0, size)
                    .mapToObj(rank -> threads.submit(() -> Rendezvous.join(
                            rank, size, List.of("localhost"), server.port(), PATIENT, rank == 0 ? server : null)))
                    .toList();
            var all = new ArrayList<Rendezvous>();
            for (var one : joining) {
                all.add(one.get());
            }
            body.run(all);
            all.forEach(Rendezvous::leave);
            all.reversed().forEach(Rendezvous::close);
        }
    }

    private static void awaitNote(Rendezvous reader, RollCall asked, List<Integer> silent, List<Integer> late) {
        while (!asked.late(silent).equals(late)) {
            assertThat(reader.failure()).isNull();
            Thread.onSpinWait();
        }
    }

    @Test
    void whoWaitsIsNotLate() throws Exception {
        inWorldOf(4, all -> {
            var calls = IntStream.range(0, 4)
                    .mapToObj(rank -> new RollCall(all.get(rank), rank))
                    .toList();
            assertThat(calls.get(3).late(List.of(0, 1, 2))).containsExactly(0, 1, 2);
            calls.get(0).waitsIn(() -> "a barrier");
            calls.get(2).waitsIn(() -> "a barrier");
            awaitNote(all.get(3), calls.get(3), List.of(0, 1, 2), List.of(1));
            calls.get(2).goesOn();
            awaitNote(all.get(3), calls.get(3), List.of(0, 1, 2), List.of(1, 2));
        });
    }

    @Test
    void ranksThatWaitForEachOtherAreAllLate() throws Exception {
        inWorldOf(2, all -> {
            var calls = List.of(new RollCall(all.get(0), 0), new RollCall(all.get(1), 1));
            calls.get(0).waitsIn(() -> "this");
            calls.get(1).waitsIn(() -> "that");
            assertThat(all.get(0).get("what rank 1 waits in", PATIENT)).isEqualTo("that");
            assertThat(calls.get(0).late(List.of(1))).containsExactly(1);
        });
    }

    @Test
    void patienceHasTimeForOneBeforeItEnds() throws Exception {
        inWorldOf(1, all -> {
            var options = new CollectiveOptions(Duration.ofMillis(400), 1 << 10);
            var patience = new Patience(all.getFirst(), options, 0);
            assertThat(patience.isAlmostOver()).isFalse();
            while (!patience.isAlmostOver()) {
                Thread.onSpinWait();
            }
            assertThat(patience.failure(List::of, () -> "a barrier")).isNull();
        });
    }
}
