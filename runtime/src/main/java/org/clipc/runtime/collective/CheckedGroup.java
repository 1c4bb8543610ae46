package org.clipc.runtime.collective;

import java.lang.foreign.MemorySegment;
import java.util.HashSet;
import java.util.List;
import org.clipc.ir.DType;
import org.clipc.runtime.collective.Operation.Kind;
import org.jspecify.annotations.Nullable;

/** What all backends' groups have in common: the checks of arguments, the count of calls, and groups of one. */
public abstract class CheckedGroup implements Group {

    private final List<Integer> ranks;
    private final int rank;
    private long calls;

    /** @param worldRank a member of {@code ranks}, which {@link #requireMembers} has checked */
    protected CheckedGroup(List<Integer> ranks, int worldRank) {
        this.ranks = List.copyOf(ranks);
        this.rank = ranks.indexOf(worldRank);
    }

    /** Does a call together with the other members, of which there is at least one. */
    protected abstract void perform(Call call);

    /** Does a call in a group of one, where each is at most a copy. */
    protected void performAlone(Call call) {
        if (call.send().address() != call.receive().address()) {
            call.receive().copyFrom(call.send());
        }
    }

    /** @throws CollectiveException if the world has failed; not for a call's own sake */
    protected abstract void requireUsable(Call call);

    /** @throws IllegalArgumentException if no group of this rank can have these members */
    public static void requireMembers(List<Integer> ranks, int worldRank, int worldSize) {
        if (ranks.isEmpty()) {
            throw new IllegalArgumentException("a group needs members");
        }
        for (var member : ranks) {
            if (member < 0 || member >= worldSize) {
                throw new IllegalArgumentException(
                        "the group %s names rank %d, but there are only %d ranks".formatted(ranks, member, worldSize));
            }
        }
        if (new HashSet<>(ranks).size() < ranks.size()) {
            throw new IllegalArgumentException("the group " + ranks + " names a rank twice");
        }
        if (!ranks.contains(worldRank)) {
            throw new IllegalArgumentException("rank " + worldRank + " is not in the group " + ranks);
        }
    }

    @Override
    public final int rank() {
        return rank;
    }

    @Override
    public final int size() {
        return ranks.size();
    }

    @Override
    public final List<Integer> ranks() {
        return ranks;
    }

    @Override
    public final void allReduce(MemorySegment data, DType dtype, Reduction reduction) {
        requireReducible(dtype);
        Buffers.requireWritable("data", data, dtype);
        run(Kind.ALL_REDUCE, dtype, reduction, 0, data, data, data);
    }

    @Override
    public final void allGather(MemorySegment send, MemorySegment receive, DType dtype) {
        Buffers.requireReadable("send", send, dtype);
        Buffers.requireWritable("receive", receive, dtype);
        Buffers.requireParts("receive", receive, "send", send, size());
        Buffers.requireOwnPartOrDisjoint("receive", receive, "send", send, rank);
        run(Kind.ALL_GATHER, dtype, null, 0, send, receive, send);
    }

    @Override
    public final void reduceScatter(MemorySegment send, MemorySegment receive, DType dtype, Reduction reduction) {
        requireReducible(dtype);
        Buffers.requireReadable("send", send, dtype);
        Buffers.requireWritable("receive", receive, dtype);
        Buffers.requireParts("send", send, "receive", receive, size());
        Buffers.requireOwnPartOrDisjoint("send", send, "receive", receive, rank);
        run(Kind.REDUCE_SCATTER, dtype, reduction, 0, send, receive, receive);
    }

    @Override
    public final void broadcast(MemorySegment data, DType dtype, int root) {
        requireMember("the root of a broadcast", root, size());
        if (rank == root) {
            Buffers.requireReadable("data", data, dtype);
        } else {
            Buffers.requireWritable("data", data, dtype);
        }
        run(Kind.BROADCAST, dtype, null, root, data, data, data);
    }

    @Override
    public final void exchange(MemorySegment send, int toRank, MemorySegment receive, int fromRank, DType dtype) {
        requireMember("the receiver of an exchange", toRank, size());
        requireMember("the sender of an exchange", fromRank, size());
        Buffers.requireReadable("send", send, dtype);
        Buffers.requireWritable("receive", receive, dtype);
        Buffers.requireDisjoint("receive", receive, "send", send);
        requireBothSides(rank, toRank, fromRank);
        if (toRank == rank && send.byteSize() != receive.byteSize()) {
            throw new IllegalArgumentException("an exchange of a member with itself sends %d bytes, but receives %d"
                    .formatted(send.byteSize(), receive.byteSize()));
        }
        var operation = new Operation(Kind.EXCHANGE, dtype, null, 0, send.byteSize() / dtype.bytes());
        run(new Call(operation, ++calls, send, receive, toRank, fromRank));
    }

    @Override
    public final void barrier() {
        run(new Call(Operation.MEET, ++calls, MemorySegment.NULL, MemorySegment.NULL, rank, rank));
    }

    private void run(
            Kind kind,
            DType dtype,
            @Nullable Reduction reduction,
            int root,
            MemorySegment send,
            MemorySegment receive,
            MemorySegment counted) {
        var operation = new Operation(kind, dtype, reduction, root, counted.byteSize() / dtype.bytes());
        run(new Call(operation, ++calls, send, receive, rank, rank));
    }

    private void run(Call call) {
        requireUsable(call);
        if (size() > 1) {
            perform(call);
        } else {
            performAlone(call);
        }
    }

    /** Such as {@code all-reduce #17 (sum) of 4096 f32 in the group of ranks [0, 2]}. */
    protected final String name(Call call) {
        var kind = call.operation().kind().text();
        return kind + " #" + call.number() + call.operation().text().substring(kind.length())
                + " in the group of ranks " + ranks;
    }

    /** Checks calls as far as this member alone can. */
    protected final void requireValid(List<StreamCall> calls) {
        calls.forEach(call -> call.require(rank, size()));
    }

    /** What a member gets whose call comes to nothing. */
    protected final CollectiveException stopped(Call call, Failure failure) {
        return new CollectiveException(name(call) + " failed: " + failure.reason(), failure.ranks());
    }

    /** The ranks in the world of members. */
    protected final List<Integer> worldRanks(List<Integer> members) {
        return members.stream().map(ranks::get).toList();
    }

    static void requireMember(String what, int member, int size) {
        if (member < 0 || member >= size) {
            throw new IllegalArgumentException(
                    "%s is %d, but the group has only %d members".formatted(what, member, size));
        }
    }

    static void requireBothSides(int rank, int toRank, int fromRank) {
        if (toRank == rank != (fromRank == rank)) {
            throw new IllegalArgumentException(
                    "member %d exchanges with itself on one side only: sends to %d, receives from %d"
                            .formatted(rank, toRank, fromRank));
        }
    }

    static void requireReducible(DType dtype) {
        switch (dtype) {
            case F32, BF16, I32 -> {}
            case F16, BOOL -> throw new IllegalArgumentException("ranks cannot reduce " + dtype.text());
        }
    }
}
