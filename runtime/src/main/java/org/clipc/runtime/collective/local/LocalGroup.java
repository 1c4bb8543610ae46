package org.clipc.runtime.collective.local;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.clipc.runtime.collective.Call;
import org.clipc.runtime.collective.CheckedGroup;
import org.clipc.runtime.collective.CollectiveException;
import org.clipc.runtime.collective.Failure;
import org.clipc.runtime.collective.Operation.Kind;
import org.clipc.runtime.collective.Reduction;
import org.clipc.runtime.collective.reduce.Reducer;
import org.clipc.runtime.collective.reduce.Slices;

/**
 * A member that works on the others' memory: all meet and show their buffers, each does its share, and all meet again
 * before anybody uses its own.
 */
final class LocalGroup extends CheckedGroup {

    private final LocalWorld world;
    private final Meeting meeting;
    private final Reducer reducer = new Reducer();
    private final MemorySegment[] sources;
    private final MemorySegment[] ownTarget = new MemorySegment[1];
    private final BooleanSupplier inVain = this::waitsInVain;

    LocalGroup(LocalWorld world, Meeting meeting, List<Integer> ranks, int worldRank) {
        super(ranks, worldRank);
        this.world = world;
        this.meeting = meeting;
        this.sources = new MemorySegment[ranks.size()];
    }

    @Override
    protected void requireUsable(Call call) {
        var failure = world.failure();
        if (failure != null) {
            throw stopped(call, failure);
        }
    }

    @Override
    protected void perform(Call call) {
        meeting.propose(rank(), call);
        meet(call);
        requireAgreement(call);
        switch (call.operation().kind()) {
            case ALL_REDUCE -> reduceSliceOfAll(call);
            case REDUCE_SCATTER -> reduceOwnPart(call);
            case ALL_GATHER -> gather(call);
            case BROADCAST -> copyFrom(call.operation().root(), call);
            case EXCHANGE -> copyFrom(call.from(), call);
            case BARRIER -> {
                return;
            }
        }
        meet(call);
    }

    private void reduceSliceOfAll(Call call) {
        var operation = call.operation();
        for (var i = 0; i < size(); i++) {
            sources[i] = meeting.proposal(i, call.number()).receive();
        }
        var start = Slices.start(operation.elements(), size(), rank());
        var count = Slices.start(operation.elements(), size(), rank() + 1) - start;
        var offset = start * operation.dtype().bytes();
        reducer.reduce(sources, offset, sources, offset, count, operation.dtype(), reductionOf(call));
    }

    private void reduceOwnPart(Call call) {
        var operation = call.operation();
        for (var i = 0; i < size(); i++) {
            sources[i] = meeting.proposal(i, call.number()).send();
        }
        ownTarget[0] = call.receive();
        var offset = operation.bytes() * rank();
        reducer.reduce(sources, offset, ownTarget, 0, operation.elements(), operation.dtype(), reductionOf(call));
    }

    private static Reduction reductionOf(Call call) {
        return Objects.requireNonNull(call.operation().reduction());
    }

    private void gather(Call call) {
        var bytes = call.operation().bytes();
        // Each begins with the next one's, so that they do not all read the same.
        for (var i = 0; i < size(); i++) {
            var member = (rank() + i) % size();
            copy(meeting.proposal(member, call.number()).send(), call.receive(), member * bytes, bytes);
        }
    }

    private void copyFrom(int member, Call call) {
        copy(
                meeting.proposal(member, call.number()).send(),
                call.receive(),
                0,
                call.receive().byteSize());
    }

    private static void copy(MemorySegment source, MemorySegment target, long offset, long bytes) {
        if (source.address() != target.address() + offset) {
            MemorySegment.copy(source, 0, target, offset, bytes);
        }
    }

    private void requireAgreement(Call call) {
        for (var i = 0; i < size(); i++) {
            var other = meeting.proposal(i, call.number());
            var agrees = call.operation().agreesWith(other.operation())
                    && (other.operation().kind() != Kind.EXCHANGE || exchangeAgrees(i, other));
            if (!agrees) {
                throw disagreement(call);
            }
        }
    }

    /** Whether the one that {@code member} sends to waits for that. */
    private boolean exchangeAgrees(int member, Call call) {
        var receiver = meeting.proposal(call.to(), call.number());
        return receiver.from() == member
                && receiver.receive().byteSize() == call.send().byteSize();
    }

    private CollectiveException disagreement(Call call) {
        var all = IntStream.range(0, size())
                .mapToObj(i -> "rank " + ranks().get(i) + " calls " + describe(meeting.proposal(i, call.number())))
                .toList();
        var reason = "the ranks %s disagree in their collective #%d: %s"
                .formatted(ranks(), call.number(), String.join(", ", all));
        return stopped(call, world.fail(reason, ranks()));
    }

    private String describe(Call call) {
        if (call.operation().kind() != Kind.EXCHANGE) {
            return call.operation().text();
        }
        return "%s to rank %d, and receives %d bytes from rank %d"
                .formatted(
                        call.operation().text(),
                        ranks().get(call.to()),
                        call.receive().byteSize(),
                        ranks().get(call.from()));
    }

    private void meet(Call call) {
        var deadline = System.nanoTime() + world.options().timeout().toNanos();
        if (!meeting.arrive(rank(), deadline, inVain)) {
            throw stopped(call, whyNot(call));
        }
    }

    private boolean waitsInVain() {
        return world.failure() != null || !goneBeforeMeeting().isEmpty();
    }

    /** Ranks that have left without coming; who came and then left is none of them, whichever is seen first. */
    private List<Integer> goneBeforeMeeting() {
        var gone = ranks().stream().filter(world::hasLeft).toList();
        return gone.isEmpty()
                ? gone
                : worldRanks(meeting.missing(rank())).stream()
                        .filter(gone::contains)
                        .toList();
    }

    private Failure whyNot(Call call) {
        var failure = world.failure();
        if (failure != null) {
            return failure;
        }
        if (Thread.currentThread().isInterrupted()) {
            var own = ranks().get(rank());
            return world.fail("rank " + own + " was interrupted in " + name(call), List.of(own));
        }
        var gone = goneBeforeMeeting();
        if (!gone.isEmpty()) {
            return world.fail(CollectiveException.name(gone) + " left before " + name(call), gone);
        }
        var missing = worldRanks(meeting.missing(rank()));
        var reason = "%s did not come to %s within %s"
                .formatted(
                        CollectiveException.name(missing),
                        name(call),
                        world.options().timeoutText());
        return world.fail(reason, missing);
    }
}
