package org.clipc.runtime.collective.nccl;

import java.util.ArrayList;
import java.util.List;
import org.clipc.runtime.collective.CollectiveException;
import org.clipc.runtime.collective.CollectiveOptions;
import org.clipc.runtime.collective.Failure;
import org.clipc.runtime.collective.StreamGroup.Waiting;
import org.clipc.runtime.collective.rendezvous.Patience;
import org.clipc.runtime.collective.rendezvous.Rendezvous;
import org.jspecify.annotations.Nullable;

/**
 * How long a member waits for what goes on by itself on its device, and what ends that early. Members that have waited for a
 * while tell each other where they are. One thread at a time uses it.
 */
final class NcclWatch {

    private final String name;
    private final List<Integer> ranks;
    private final int worldRank;
    private final Rendezvous rendezvous;
    private final Patience patience;
    private final long noteworthyNanos;
    private long runs;

    /** The run, what is waited for, and its name; empty if nothing is. */
    private String place = "";

    private long since;
    private boolean noted;

    NcclWatch(String name, List<Integer> ranks, int worldRank, Rendezvous rendezvous, CollectiveOptions options) {
        this.name = name;
        this.ranks = List.copyOf(ranks);
        this.worldRank = worldRank;
        this.rendezvous = rendezvous;
        this.patience = new Patience(rendezvous, options, worldRank);
        this.noteworthyNanos = NcclGroup.noteworthyNanos(options);
    }

    void begin() {
        runs++;
        place = "";
    }

    /** @param error what NCCL says went wrong, if anything */
    @Nullable
    Failure failure(@Nullable Waiting waiting, @Nullable String error) {
        var failure = rendezvous.failure();
        if (failure != null) {
            return failure;
        }
        if (error != null) {
            var where = waiting == null ? "" : " in " + text(waiting);
            return rendezvous.fail(new Failure("NCCL failed on rank " + worldRank + where + ": " + error, List.of()));
        }
        if (waiting == null) {
            place = "";
            return null;
        }
        if (!place.equals(place(waiting))) {
            place = place(waiting);
            since = System.nanoTime();
            noted = false;
            patience.begin();
        }
        if (System.nanoTime() - since > noteworthyNanos) {
            var disagreement = disagreement(waiting);
            if (disagreement != null) {
                return disagreement;
            }
        }
        return patience.failure(this::awaited, () -> text(waiting));
    }

    private String text(Waiting waiting) {
        return waiting.what() + " in the group of ranks " + ranks;
    }

    private String number(Waiting waiting) {
        return runs + "." + waiting.number() + " ";
    }

    private String place(Waiting waiting) {
        return number(waiting) + waiting.what();
    }

    /** Says where this member is, and looks whether another waits for something else at this point. */
    private @Nullable Failure disagreement(Waiting waiting) {
        if (!noted) {
            noted = true;
            rendezvous.put(noteOf(worldRank), place);
        }
        for (int other : ranks) {
            var note = rendezvous.peek(noteOf(other));
            if (note != null && note.startsWith(number(waiting)) && !note.equals(place)) {
                var reason = "the ranks %s disagree in what they exchange: rank %d is in %s, %s in %s"
                        .formatted(
                                ranks,
                                worldRank,
                                waiting.what(),
                                CollectiveException.name(List.of(other)),
                                note.substring(number(waiting).length()));
                return rendezvous.fail(
                        new Failure(reason, List.of(Math.min(worldRank, other), Math.max(worldRank, other))));
            }
        }
        return null;
    }

    /** The members that have not said that they wait here. */
    private List<Integer> awaited() {
        var missing = new ArrayList<Integer>();
        for (int member : ranks) {
            if (member != worldRank && !place.equals(rendezvous.peek(noteOf(member)))) {
                missing.add(member);
            }
        }
        return missing;
    }

    private String noteOf(int rank) {
        return "rank " + rank + " on its device in " + name;
    }
}
