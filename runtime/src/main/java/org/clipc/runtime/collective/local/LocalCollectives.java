package org.clipc.runtime.collective.local;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.clipc.runtime.collective.CheckedGroup;
import org.clipc.runtime.collective.Collectives;
import org.clipc.runtime.collective.Group;

/** One thread's end of its process's world. */
final class LocalCollectives implements Collectives {

    private final LocalWorld world;
    private final int rank;
    private final Map<List<Integer>, Integer> made = new HashMap<>();
    private final Group all;

    LocalCollectives(LocalWorld world, int rank) {
        this.world = world;
        this.rank = rank;
        this.all = group(IntStream.range(0, world.size()).boxed().toList());
    }

    @Override
    public int rank() {
        return rank;
    }

    @Override
    public int size() {
        return world.size();
    }

    @Override
    public Group group(List<Integer> ranks) {
        CheckedGroup.requireMembers(ranks, rank, world.size());
        var members = List.copyOf(ranks);
        var meeting = world.meeting(members, made.merge(members, 1, Integer::sum));
        return new LocalGroup(world, meeting, members, rank);
    }

    @Override
    public Group world() {
        return all;
    }

    @Override
    public void abort(String reason) {
        world.fail("rank " + rank + " cannot go on: " + reason, List.of(rank));
    }

    @Override
    public void close() {
        world.leave(rank);
    }
}
