package org.clipc.runtime.device.exchange;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.IntFunction;
import org.clipc.program.CollectiveCall;
import org.clipc.program.Manifest;
import org.clipc.program.Schedule;
import org.clipc.runtime.collective.Group;

/**
 * Where the tensors of a schedule's exchanges lie in the host's memory, for devices whose own memory no group can reach. An
 * exchange that goes on beside kernels has its place to itself; all others share one, since each is over before the next.
 */
public final class ExchangeLayout {

    /** @param to equal to {@code from} where an all-reduce leaves its result */
    private record Places(long from, long given, long to, long gotten) {}

    private final Map<Integer, List<Places>> byCall = new HashMap<>();
    private final long bytes;

    /** @param groups of the schedule's collectives, by their indices */
    public ExchangeLayout(Schedule schedule, IntFunction<Group> groups) {
        var awaited = schedule.awaited();
        var shared = 0L;
        for (var i = 0; i < schedule.calls().size(); i++) {
            if (schedule.calls().get(i) instanceof CollectiveCall call && !awaited.get(i)) {
                shared = Math.max(shared, place(i, call, groups.apply(i), 0));
            }
        }
        var end = shared;
        for (var i = 0; i < schedule.calls().size(); i++) {
            if (schedule.calls().get(i) instanceof CollectiveCall call && awaited.get(i)) {
                end = place(i, call, groups.apply(i), end);
            }
        }
        bytes = end;
    }

    /** Places a call's tensors one behind the other; returns where they end. */
    private long place(int index, CollectiveCall call, Group group, long start) {
        var places = new ArrayList<Places>();
        var end = start;
        for (var tensor = 0; tensor < call.tensors().size(); tensor++) {
            var given = Exchange.given(call, tensor);
            var gotten = Exchange.gotten(call, tensor, group);
            var to = call.kind() == CollectiveCall.Kind.ALL_REDUCE ? end : end + Manifest.align(given);
            places.add(new Places(end, given, to, gotten));
            end = to + Manifest.align(gotten);
        }
        byCall.put(index, places);
        return end;
    }

    /** Memory that it takes. */
    public long bytes() {
        return bytes;
    }

    /** Where a call's tensors lie in {@code memory}, which has as much as this takes, and is aligned. */
    public List<Exchange.Ends> ends(int call, MemorySegment memory) {
        return Objects.requireNonNull(byCall.get(call)).stream()
                .map(p -> new Exchange.Ends(memory.asSlice(p.from(), p.given()), memory.asSlice(p.to(), p.gotten())))
                .toList();
    }
}
