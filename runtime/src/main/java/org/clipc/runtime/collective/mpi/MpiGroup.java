package org.clipc.runtime.collective.mpi;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;
import org.clipc.runtime.collective.Call;
import org.clipc.runtime.collective.CheckedGroup;
import org.clipc.runtime.collective.CollectiveException;
import org.clipc.runtime.collective.Failure;
import org.clipc.runtime.collective.Operation;
import org.clipc.runtime.collective.Operation.Kind;
import org.clipc.runtime.collective.reduce.Reducer;
import org.clipc.runtime.collective.reduce.Slices;
import org.clipc.runtime.collective.rendezvous.Patience;
import org.clipc.runtime.collective.rendezvous.RollCall;

/**
 * A member that sends messages to the others. First all tell each other what they are about to do; then data go straight
 * from each to each, and nobody is sent what it does not expect.
 */
final class MpiGroup extends CheckedGroup {

    /** What MPI's standard promises of tags. */
    private static final int LARGEST_TAG = 32_767;

    private final MpiWorld world;
    private final int number;
    private final long hash;
    private final MpiRequests requests;
    private final Patience patience;
    private final RollCall rollCall;
    private final MemorySegment ownHeader;
    private final MemorySegment[] headers;
    private final Reducer reducer = new Reducer();
    private final MemorySegment[] sources;
    private final MemorySegment[] targets = new MemorySegment[1];
    private MemorySegment scratch = MemorySegment.NULL;
    private Call current = new Call(Operation.MEET, 0, MemorySegment.NULL, MemorySegment.NULL, 0, 0);

    MpiGroup(MpiWorld world, List<Integer> ranks, int number) {
        super(ranks, world.rank());
        if (dataTag(number) > LARGEST_TAG) {
            throw new CollectiveException(
                    "rank " + world.rank() + " made more groups than MPI can tell apart", List.of());
        }
        this.world = world;
        this.number = number;
        this.hash = Header.groupHash(ranks);
        this.requests = new MpiRequests(world.library());
        this.patience = new Patience(world.rendezvous(), world.options(), world.rank());
        this.rollCall = new RollCall(world.rendezvous(), world.rank());
        this.sources = new MemorySegment[ranks.size()];
        var arena = Arena.ofAuto();
        this.ownHeader = arena.allocate(Header.BYTES, 8);
        this.headers = new MemorySegment[ranks.size()];
        for (var i = 0; i < headers.length; i++) {
            headers[i] = arena.allocate(Header.BYTES, 8);
        }
    }

    private static int headerTag(int number) {
        return 2 * number;
    }

    static int dataTag(int number) {
        return 2 * number + 1;
    }

    /** A number for a group that none of its members uses for another. */
    static int agreeOnNumber(MpiWorld world, List<Integer> ranks, int least) {
        if (ranks.size() == 1) {
            return least;
        }
        var making = new MpiGroup(world, ranks, 0);
        var call =
                new Call(Operation.MEET, least, MemorySegment.NULL, MemorySegment.NULL, making.rank(), making.rank());
        making.requireUsable(call);
        making.begin(call);
        making.meetAll(call);
        var largest = least;
        for (var member = 0; member < making.size(); member++) {
            if (member != making.rank()) {
                largest = Math.max(
                        largest, (int) Header.read(making.headers[member]).number());
            }
        }
        return largest;
    }

    @Override
    protected void requireUsable(Call call) {
        var failure = world.rendezvous().failure();
        if (failure != null) {
            throw stopped(call, failure);
        }
    }

    @Override
    protected void perform(Call call) {
        begin(call);
        switch (call.operation().kind()) {
            case ALL_REDUCE -> {
                meetAll(call);
                allReduceInParts(call);
            }
            case REDUCE_SCATTER -> {
                meetAll(call);
                reduceScatterInParts(call);
            }
            case ALL_GATHER -> {
                meetAll(call);
                gather(call);
            }
            case BROADCAST -> {
                meetAll(call);
                scatterAndGather(call);
            }
            case EXCHANGE -> exchange(call);
            case BARRIER -> meetAll(call);
        }
    }

    private void begin(Call call) {
        current = call;
        patience.begin();
        new Header(hash, call.number(), call.operation(), call.to()).write(ownHeader);
    }

    /** The others, each member beginning with the one after it, so that they do not all send to the same. */
    private int other(int step) {
        return (rank() + step) % size();
    }

    private void send(MemorySegment data, int member, int tag) {
        requests.send(data, ranks().get(member), tag);
    }

    private void receive(MemorySegment data, int member, int tag) {
        requests.receive(data, ranks().get(member), tag);
    }

    private void meetAll(Call call) {
        for (var step = 1; step < size(); step++) {
            receive(headers[other(step)], other(step), headerTag(number));
        }
        for (var step = 1; step < size(); step++) {
            send(ownHeader, other(step), headerTag(number));
        }
        await();
        for (var member = 0; member < size(); member++) {
            if (member != rank()) {
                requireAgreement(call, member, Header.read(headers[member]));
            }
        }
    }

    private void requireAgreement(Call call, int member, Header header) {
        var sameCall = number == 0 || header.number() == call.number();
        if (header.group() != hash || !sameCall || !header.operation().equals(call.operation())) {
            throw disagreement(call, member, header);
        }
    }

    private CollectiveException disagreement(Call call, int member, Header header) {
        var own = ranks().get(rank());
        var other = ranks().get(member);
        var reason = "the ranks %s disagree in their collective #%d: rank %d calls %s, rank %d calls %s%s"
                .formatted(
                        ranks(),
                        call.number(),
                        own,
                        call.operation().text(),
                        other,
                        header.operation().text(),
                        header.group() == hash ? "" : " in another group");
        return stopped(call, world.fail(new Failure(reason, List.of(Math.min(own, other), Math.max(own, other)))));
    }

    private void allReduceInParts(Call call) {
        var operation = call.operation();
        var most = size() * sliceElements(operation);
        for (var from = 0L; from < operation.elements(); from += most) {
            var count = Math.min(most, operation.elements() - from);
            var width = operation.dtype().bytes();
            var part = call.receive().asSlice(from * width, count * width);
            var own = slice(part, count, rank());
            for (var step = 1; step < size(); step++) {
                var member = other(step);
                sources[member] = scratchSlice(step, operation).asSlice(0, own.byteSize());
                receive(sources[member], member, dataTag(number));
                send(slice(part, count, member), member, dataTag(number));
            }
            sources[rank()] = own;
            await();
            reduceInto(own, operation);
            gatherSlices(part, count, -1);
        }
    }

    private void reduceScatterInParts(Call call) {
        var operation = call.operation();
        var most = sliceElements(operation);
        var width = operation.dtype().bytes();
        for (var from = 0L; from < operation.elements(); from += most) {
            var bytes = Math.min(most, operation.elements() - from) * width;
            for (var step = 1; step < size(); step++) {
                var member = other(step);
                sources[member] = scratchSlice(step, operation).asSlice(0, bytes);
                receive(sources[member], member, dataTag(number));
                send(partOf(call.send(), operation, member, from * width, bytes), member, dataTag(number));
            }
            sources[rank()] = partOf(call.send(), operation, rank(), from * width, bytes);
            await();
            reduceInto(call.receive().asSlice(from * width, bytes), operation);
        }
    }

    private static MemorySegment partOf(MemorySegment whole, Operation operation, int member, long offset, long bytes) {
        return whole.asSlice(operation.bytes() * member + offset, bytes);
    }

    private void reduceInto(MemorySegment target, Operation operation) {
        targets[0] = target;
        var elements = target.byteSize() / operation.dtype().bytes();
        reducer.reduce(
                sources, 0, targets, 0, elements, operation.dtype(), Objects.requireNonNull(operation.reduction()));
    }

    private void gather(Call call) {
        var operation = call.operation();
        var own = partOf(call.receive(), operation, rank(), 0, operation.bytes());
        if (own.address() != call.send().address()) {
            own.copyFrom(call.send());
        }
        for (var step = 1; step < size(); step++) {
            var member = other(step);
            receive(partOf(call.receive(), operation, member, 0, operation.bytes()), member, dataTag(number));
            send(call.send(), member, dataTag(number));
        }
        await();
    }

    /** The root deals out slices, which all then send to all: nobody sends more than the tensor (van de Geijn). */
    private void scatterAndGather(Call call) {
        var root = call.operation().root();
        var elements = call.operation().elements();
        if (rank() == root) {
            for (var step = 1; step < size(); step++) {
                send(slice(call.send(), elements, other(step)), other(step), dataTag(number));
            }
        } else {
            receive(slice(call.receive(), elements, rank()), root, dataTag(number));
        }
        await();
        gatherSlices(call.receive(), elements, root);
    }

    /** @param sated a member that has all slices; -1 for none */
    private void gatherSlices(MemorySegment data, long elements, int sated) {
        for (var step = 1; step < size(); step++) {
            var member = other(step);
            if (rank() != sated) {
                receive(slice(data, elements, member), member, dataTag(number));
            }
            if (member != sated) {
                send(slice(data, elements, rank()), member, dataTag(number));
            }
        }
        await();
    }

    private MemorySegment slice(MemorySegment data, long elements, int member) {
        var width = elements == 0 ? 0 : data.byteSize() / elements;
        var start = Slices.start(elements, size(), member);
        return data.asSlice(start * width, (Slices.start(elements, size(), member + 1) - start) * width);
    }

    private void exchange(Call call) {
        if (call.to() == rank()) {
            call.receive().copyFrom(call.send());
            return;
        }
        receive(headers[call.from()], call.from(), headerTag(number));
        send(ownHeader, call.to(), headerTag(number));
        await();
        var header = Header.read(headers[call.from()]);
        var bytes = call.receive().byteSize();
        if (header.group() != hash
                || header.number() != call.number()
                || header.operation().kind() != Kind.EXCHANGE
                || header.operation().dtype() != call.operation().dtype()
                || header.operation().bytes() != bytes
                || header.to() != rank()) {
            throw disagreement(call, call.from(), header);
        }
        receive(call.receive(), call.from(), dataTag(number));
        send(call.send(), call.to(), dataTag(number));
        await();
    }

    /** As many as fit the scratch if each other member sends so many; slices of parts of as many are no longer. */
    private long sliceElements(Operation operation) {
        return Math.max(
                64,
                world.options().scratchBytes()
                        / (size() - 1)
                        / operation.dtype().bytes()
                        / 64
                        * 64L);
    }

    private MemorySegment scratchSlice(int step, Operation operation) {
        var bytes = sliceElements(operation) * operation.dtype().bytes();
        if (scratch.byteSize() < bytes * (size() - 1)) {
            scratch = Arena.ofAuto().allocate(bytes * (size() - 1), 64);
        }
        return scratch.asSlice((step - 1) * bytes, bytes);
    }

    private void await() {
        requests.await(this::requirePatience);
        rollCall.goesOn();
    }

    private void requirePatience() {
        if (patience.isAlmostOver()) {
            rollCall.waitsIn(() -> name(current));
        }
        var failure = patience.failure(() -> rollCall.late(requests.awaited()), () -> name(current));
        if (failure != null) {
            throw stopped(current, failure);
        }
    }
}
