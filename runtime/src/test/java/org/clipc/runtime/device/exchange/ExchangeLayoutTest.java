package org.clipc.runtime.device.exchange;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.clipc.ir.DType;
import org.clipc.ir.MeshAxis;
import org.clipc.ir.ReduceFn;
import org.clipc.program.AwaitCall;
import org.clipc.program.CollectiveCall;
import org.clipc.program.CollectiveCall.Exchanged;
import org.clipc.program.CollectiveCall.Kind;
import org.clipc.program.Manifest;
import org.clipc.program.Schedule;
import org.clipc.runtime.collective.CollectiveOptions;
import org.clipc.runtime.collective.local.LocalRanks;
import org.junit.jupiter.api.Test;

class ExchangeLayoutTest {

    private static final int RANKS = 4;

    private static CollectiveCall call(Kind kind, DType dtype, long... elements) {
        var tensors = IntStream.range(0, elements.length)
                .mapToObj(i -> new Exchanged(1024L * i, 1024L * i + 512, elements[i]))
                .toList();
        return new CollectiveCall(kind, MeshAxis.DATA, ReduceFn.SUM, dtype, 0, tensors, 0);
    }

    /** Two awaited exchanges, two that are over at once. */
    private static final Schedule SCHEDULE = new Schedule(
            "go",
            "jvm128",
            0,
            List.of(
                    call(Kind.ALL_REDUCE, DType.BF16, 3, 5),
                    call(Kind.ALL_GATHER, DType.F32, 7),
                    call(Kind.REDUCE_SCATTER, DType.F32, 100),
                    call(Kind.PERMUTE, DType.I32, 40),
                    new AwaitCall(2, 0),
                    new AwaitCall(0, 0)));

    private final ExchangeLayout layout = new ExchangeLayout(
            SCHEDULE,
            _ -> LocalRanks.open(RANKS, CollectiveOptions.DEFAULT).getFirst().world());

    private final MemorySegment memory = Arena.ofAuto().allocate(layout.bytes(), Manifest.ALIGNMENT);

    private List<MemorySegment> segments(int call) {
        return layout.ends(call, memory).stream()
                .flatMap(ends -> ends.from().address() == ends.to().address()
                        ? Stream.of(ends.from())
                        : Stream.of(ends.from(), ends.to()))
                .toList();
    }

    private static boolean overlap(MemorySegment a, MemorySegment b) {
        return a.asOverlappingSlice(b).isPresent();
    }

    @Test
    void tensorsHaveTheBytesThatRanksGiveAndGet() {
        assertThat(segments(0)).extracting(MemorySegment::byteSize).containsExactly(6L, 10L);
        assertThat(segments(1)).extracting(MemorySegment::byteSize).containsExactly(28L, 28L * RANKS);
        assertThat(segments(2)).extracting(MemorySegment::byteSize).containsExactly(400L, 400L / RANKS);
        assertThat(segments(3)).extracting(MemorySegment::byteSize).containsExactly(160L, 160L);
    }

    @Test
    void whatIsUnderWayBesideOthersIsApartFromAllOthers() {
        for (var awaited : List.of(0, 2)) {
            for (var other = 0; other < 4; other++) {
                for (var a : segments(awaited)) {
                    for (var b : segments(other)) {
                        assertThat(overlap(a, b))
                                .as("%d and %d", awaited, other)
                                .isEqualTo(awaited == other && a.address() == b.address());
                    }
                }
            }
        }
    }

    @Test
    void whatIsOverAtOnceSharesAPlace() {
        assertThat(segments(1).getFirst().address())
                .isEqualTo(segments(3).getFirst().address());
        assertThat(overlap(segments(1).getFirst(), segments(1).getLast())).isFalse();
    }
}
