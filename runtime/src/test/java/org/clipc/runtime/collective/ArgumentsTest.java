package org.clipc.runtime.collective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.clipc.ir.DType;
import org.clipc.runtime.collective.local.LocalRanks;
import org.junit.jupiter.api.Test;

/** What is wrong by itself is refused before another rank is needed. */
class ArgumentsTest {

    private final Collectives ends =
            LocalRanks.open(2, CollectiveOptions.DEFAULT).getFirst();
    private final Group world = ends.world();
    private final MemorySegment data = Arena.ofAuto().allocate(64, 64);

    private static void assertRefused(ThrowingCallable call, String why) {
        assertThatThrownBy(call).isInstanceOf(IllegalArgumentException.class).hasMessageContaining(why);
    }

    @Test
    void groups() {
        assertRefused(() -> ends.group(List.of()), "needs members");
        assertRefused(() -> ends.group(List.of(0, 2)), "names rank 2, but there are only 2 ranks");
        assertRefused(() -> ends.group(List.of(-1, 0)), "names rank -1");
        assertRefused(() -> ends.group(List.of(0, 1, 0)), "twice");
        assertRefused(() -> ends.group(List.of(1)), "rank 0 is not in the group [1]");
    }

    @Test
    void buffers() {
        assertRefused(
                () -> world.allReduce(MemorySegment.ofArray(new float[4]), DType.F32, Reduction.SUM), "Java heap");
        try (var confined = Arena.ofConfined()) {
            var mine = confined.allocate(64, 64);
            assertRefused(() -> world.allReduce(mine, DType.F32, Reduction.SUM), "confined to one thread");
        }
        MemorySegment gone;
        try (var closed = Arena.ofShared()) {
            gone = closed.allocate(64, 64);
        }
        assertRefused(() -> world.allReduce(gone, DType.F32, Reduction.SUM), "closed");
        assertRefused(() -> world.allReduce(data.asSlice(0, 6), DType.F32, Reduction.SUM), "no whole number of f32");
        assertRefused(() -> world.allReduce(data.asSlice(2, 8), DType.F32, Reduction.SUM), "not aligned");
        assertRefused(() -> world.allReduce(data.asReadOnly(), DType.F32, Reduction.SUM), "read-only");
        assertRefused(() -> world.broadcast(data.asReadOnly(), DType.F32, 1), "read-only");
    }

    @Test
    void types() {
        assertRefused(() -> world.allReduce(data, DType.BOOL, Reduction.MAX), "cannot reduce bool");
        assertRefused(
                () -> world.reduceScatter(data, data.asSlice(0, 32), DType.F16, Reduction.SUM), "cannot reduce f16");
    }

    @Test
    void sizes() {
        assertRefused(
                () -> world.allGather(data.asSlice(0, 16), data.asSlice(16, 16), DType.F32),
                "'receive' has 16 bytes, which is not 2 times the 16 of 'send'");
        assertRefused(
                () -> world.reduceScatter(data.asSlice(0, 16), data.asSlice(16, 16), DType.F32, Reduction.SUM),
                "'send' has 16 bytes, which is not 2 times the 16 of 'receive'");
        assertRefused(
                () -> world.exchange(data.asSlice(0, 16), 0, data.asSlice(16, 8), 0, DType.F32),
                "sends 16 bytes, but receives 8");
    }

    @Test
    void overlaps() {
        assertRefused(
                () -> world.allGather(data.asSlice(8, 16), data.asSlice(0, 32), DType.F32),
                "'send' overlaps 'receive'");
        assertRefused(
                () -> world.reduceScatter(data.asSlice(0, 32), data.asSlice(16, 16), DType.F32, Reduction.SUM),
                "'receive' overlaps 'send'");
        assertRefused(() -> world.exchange(data, 1, data, 1, DType.F32), "overlaps");
    }

    @Test
    void members() {
        assertRefused(() -> world.broadcast(data, DType.F32, 2), "the root of a broadcast is 2");
        assertRefused(
                () -> world.exchange(data.asSlice(0, 8), -1, data.asSlice(8, 8), 0, DType.F32),
                "the receiver of an exchange is -1");
        assertRefused(
                () -> world.exchange(data.asSlice(0, 8), 0, data.asSlice(8, 8), 1, DType.F32),
                "exchanges with itself on one side only");
    }

    @Test
    void options() {
        assertRefused(() -> new CollectiveOptions(Duration.ZERO, 4096), "at least 1 ms");
        assertRefused(() -> new CollectiveOptions(Duration.ofSeconds(1), 10), "1024 bytes");
        assertThat(CollectiveOptions.DEFAULT.timeoutText()).isEqualTo("300 s");
        assertThat(CollectiveOptions.DEFAULT
                        .withTimeout(Duration.ofMillis(1500))
                        .timeoutText())
                .isEqualTo("1500 ms");
    }
}
