package org.clipc.runtime.collective.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.clipc.ir.DType;
import org.clipc.runtime.collective.CollectiveException;
import org.clipc.runtime.collective.CollectiveOptions;
import org.clipc.runtime.collective.Reduction;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class LocalRanksTest {

    private static final CollectiveOptions OPTIONS = CollectiveOptions.DEFAULT;

    @Test
    void moreRanksThanCores() throws InterruptedException {
        var ranks = 3 * Runtime.getRuntime().availableProcessors() + 1;
        var right = new AtomicInteger();
        LocalRanks.run(ranks, OPTIONS, ends -> {
            try (var arena = Arena.ofShared()) {
                var data = arena.allocate(ValueLayout.JAVA_INT, 1000);
                for (var i = 0; i < 50; i++) {
                    data.setAtIndex(ValueLayout.JAVA_INT, 999, ends.rank());
                    ends.world().allReduce(data, DType.I32, Reduction.SUM);
                }
                if (data.getAtIndex(ValueLayout.JAVA_INT, 999) == ranks * (ranks - 1) / 2) {
                    right.incrementAndGet();
                }
            }
        });
        assertThat(right).hasValue(ranks);
    }

    @Test
    void whatARankThrowsComesOutAndTheOthersSayWhyTheyStopped() {
        assertThatThrownBy(() -> LocalRanks.<IOException>run(3, OPTIONS, ends -> {
                    ends.world().barrier();
                    if (ends.rank() == 1) {
                        throw new IOException("the disk is full");
                    }
                    ends.world().barrier();
                }))
                .isInstanceOf(IOException.class)
                .hasMessage("the disk is full")
                .satisfies(e -> assertThat(e.getSuppressed())
                        .hasSize(2)
                        .allSatisfy(s -> assertThat(s)
                                .isInstanceOf(CollectiveException.class)
                                .hasMessageContaining(
                                        "barrier #2 in the group of ranks [0, 1, 2] failed: rank 1 cannot go on")
                                .hasMessageContaining("the disk is full")
                                .extracting("ranks")
                                .isEqualTo(List.of(1))));
    }

    @Test
    void anInterruptStopsAllRanks() throws InterruptedException {
        var waiting = new CountDownLatch(2);
        var stopped = new AtomicInteger();
        var outcome = new AtomicReference<@Nullable Throwable>();
        var thread = Thread.ofPlatform().start(() -> {
            try {
                LocalRanks.run(3, OPTIONS, ends -> {
                    try {
                        if (ends.rank() == 2) {
                            TimeUnit.HOURS.sleep(1);
                        }
                        waiting.countDown();
                        ends.world().barrier();
                    } finally {
                        stopped.incrementAndGet();
                    }
                });
            } catch (InterruptedException e) {
                outcome.set(e);
            }
        });
        waiting.await();
        thread.interrupt();
        thread.join();
        assertThat(outcome.get()).isInstanceOf(InterruptedException.class);
        assertThat(stopped).hasValue(3);
    }

    @Test
    void aRankThatIsInterruptedSaysSo() {
        var interrupted = new CountDownLatch(1);
        assertThatThrownBy(() -> LocalRanks.run(2, OPTIONS, ends -> {
                    if (ends.rank() == 1) {
                        interrupted.await();
                        ends.world().barrier();
                        return;
                    }
                    // It has to wait for the other, which comes only when this has failed.
                    Thread.currentThread().interrupt();
                    try {
                        ends.world().barrier();
                    } finally {
                        interrupted.countDown();
                    }
                }))
                .isInstanceOf(CollectiveException.class)
                .hasMessageContaining("rank 0 was interrupted in barrier #");
    }

    @Test
    void afterAFailureNothingWorksEvenAlone() {
        var ends = LocalRanks.open(2, OPTIONS);
        var alone = ends.getFirst().group(List.of(0));
        alone.barrier();
        ends.getLast().abort("no memory");
        assertThatThrownBy(alone::barrier)
                .isInstanceOf(CollectiveException.class)
                .hasMessage("barrier #2 in the group of ranks [0] failed: rank 1 cannot go on: no memory");
    }

    @Test
    void aWorldNeedsARank() {
        assertThatThrownBy(() -> LocalRanks.open(0, OPTIONS)).isInstanceOf(IllegalArgumentException.class);
    }
}
