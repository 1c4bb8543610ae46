package org.clipc.runtime.collective.local;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicReference;
import org.clipc.runtime.collective.CollectiveOptions;
import org.clipc.runtime.collective.Failure;
import org.jspecify.annotations.Nullable;

/** What the ranks of one process share: where groups meet, who has left, and why they cannot go on. */
final class LocalWorld {

    private record MeetingKey(List<Integer> members, int occurrence) {}

    private final int size;
    private final CollectiveOptions options;
    private final Map<MeetingKey, Meeting> meetings = new ConcurrentHashMap<>();
    private final AtomicIntegerArray left;
    private final AtomicReference<@Nullable Failure> failure = new AtomicReference<>();

    LocalWorld(int size, CollectiveOptions options) {
        this.size = size;
        this.options = options;
        this.left = new AtomicIntegerArray(size);
    }

    int size() {
        return size;
    }

    CollectiveOptions options() {
        return options;
    }

    /** @param occurrence the how-manieth group of these members it is; members count alike */
    Meeting meeting(List<Integer> members, int occurrence) {
        return meetings.computeIfAbsent(new MeetingKey(members, occurrence), _ -> new Meeting(members.size()));
    }

    /** Only the first failure counts: the others follow from it. */
    Failure fail(String reason, List<Integer> ranks) {
        var own = new Failure(reason, ranks);
        var first = failure.compareAndExchange(null, own);
        wakeAll();
        return first == null ? own : first;
    }

    @Nullable
    Failure failure() {
        return failure.get();
    }

    void leave(int rank) {
        left.set(rank, 1);
        wakeAll();
    }

    boolean hasLeft(int rank) {
        return left.get(rank) != 0;
    }

    private void wakeAll() {
        meetings.values().forEach(Meeting::wake);
    }
}
