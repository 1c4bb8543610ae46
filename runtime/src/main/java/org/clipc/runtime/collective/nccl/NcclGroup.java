package org.clipc.runtime.collective.nccl;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.clipc.ir.DType;
import org.clipc.runtime.collective.Call;
import org.clipc.runtime.collective.CheckedGroup;
import org.clipc.runtime.collective.CollectiveOptions;
import org.clipc.runtime.collective.Failure;
import org.clipc.runtime.collective.Operation;
import org.clipc.runtime.collective.Operation.Kind;
import org.clipc.runtime.collective.Reduction;
import org.clipc.runtime.collective.StreamCall;
import org.clipc.runtime.collective.StreamGroup;
import org.clipc.runtime.collective.rendezvous.Patience;
import org.clipc.runtime.collective.rendezvous.Rendezvous;
import org.jspecify.annotations.Nullable;

/** A member that asks NCCL, and watches it; or has others watch, where operations start among a stream's other work. */
final class NcclGroup extends CheckedGroup implements StreamGroup {

    private static final int SPINS_BEFORE_PARK = 200;
    private static final long PAUSE_NANOS = TimeUnit.MICROSECONDS.toNanos(20);

    /** What healthy collectives seldom take; then members tell each other where they are. */
    private static final Duration NOTEWORTHY = Duration.ofSeconds(1);

    private static final long ALIGNMENT = 256;

    private final Nccl nccl;
    private final Nccl.Channel channel;
    private final String name;
    private final Rendezvous rendezvous;
    private final Patience patience;
    private final Staging sending;
    private final Staging receiving;
    private final long noteworthyNanos;
    private final NcclWatch watch;
    private boolean noted;

    NcclGroup(
            Nccl nccl,
            Nccl.Channel channel,
            List<Integer> ranks,
            int worldRank,
            String name,
            Rendezvous rendezvous,
            CollectiveOptions options) {
        super(ranks, worldRank);
        this.nccl = nccl;
        this.channel = channel;
        this.name = name;
        this.rendezvous = rendezvous;
        this.patience = new Patience(rendezvous, options, worldRank);
        this.noteworthyNanos = noteworthyNanos(options);
        this.watch = new NcclWatch(name, ranks, worldRank, rendezvous, options);
        this.sending = new Staging();
        this.receiving = new Staging();
    }

    static long noteworthyNanos(CollectiveOptions options) {
        return Math.min(NOTEWORTHY.toNanos(), options.timeout().toNanos() / 4);
    }

    @Override
    protected void requireUsable(Call call) {
        var failure = rendezvous.failure();
        if (failure != null) {
            throw stopped(call, failure);
        }
    }

    @Override
    protected void perform(Call call) {
        nccl.attach();
        patience.begin();
        noted = false;
        var send = call.send();
        var receive = call.receive();
        long sendAddress;
        long receiveAddress;
        if (contains(receive, send)) {
            receiveAddress = receiving.of(receive);
            sendAddress = receiveAddress + (send.address() - receive.address());
        } else {
            sendAddress = sending.of(send);
            receiveAddress = contains(send, receive)
                    ? sendAddress + (receive.address() - send.address())
                    : receiving.of(receive);
        }
        if (sendAddress != send.address()) {
            channel.copy(send.address(), sendAddress, send.byteSize());
        }
        launch(call, sendAddress, receiveAddress);
        await(call);
        // Not before: a copy to the host's memory blocks this thread until all before it is done.
        if (receiveAddress != receive.address() && !receive.isReadOnly()) {
            channel.copy(receiveAddress, receive.address(), receive.byteSize());
            await(call);
        }
    }

    /** Memory of the device cannot be copied from here. */
    @Override
    protected void performAlone(Call call) {
        perform(call);
    }

    private static boolean contains(MemorySegment whole, MemorySegment part) {
        return part.address() >= whole.address()
                && part.address() + part.byteSize() <= whole.address() + whole.byteSize();
    }

    private void launch(Call call, long send, long receive) {
        var operation = call.operation();
        if (operation.kind() != Kind.EXCHANGE && operation.elements() == 0) {
            // There are no barriers in NCCL, and it may skip what is empty, but members wait for each other.
            meet();
            return;
        }
        var isInPlace = operation.kind() == Kind.ALL_REDUCE;
        var received = call.receive().byteSize() / operation.dtype().bytes();
        var given = new StreamCall(operation, isInPlace ? receive : send, receive, call.to(), call.from());
        launch(channel.stream(), given, received);
    }

    /** @param received elements that an exchange receives */
    private void launch(long stream, StreamCall call, long received) {
        var operation = call.operation();
        var dtype = operation.dtype();
        var count = operation.elements();
        switch (operation.kind()) {
            case ALL_REDUCE ->
                channel.allReduce(stream, call.send(), call.receive(), count, dtype, reductionOf(operation));
            case REDUCE_SCATTER ->
                channel.reduceScatter(stream, call.send(), call.receive(), count, dtype, reductionOf(operation));
            case ALL_GATHER -> channel.allGather(stream, call.send(), call.receive(), count, dtype);
            case BROADCAST -> channel.broadcast(stream, call.receive(), count, dtype, operation.root());
            case EXCHANGE ->
                channel.exchange(stream, call.send(), count, call.to(), call.receive(), received, call.from(), dtype);
            case BARRIER -> throw new IllegalArgumentException("there are no barriers in NCCL");
        }
    }

    private void meet() {
        var word = sending.ofAtLeast(Integer.BYTES);
        channel.allReduce(channel.stream(), word, word, 1, DType.I32, Reduction.MAX);
    }

    private static Reduction reductionOf(Operation operation) {
        return Objects.requireNonNull(operation.reduction());
    }

    @Override
    public int device() {
        return nccl.device();
    }

    @Override
    public void start(long stream, List<StreamCall> calls) {
        requireValid(calls);
        var failure = rendezvous.failure();
        if (failure != null) {
            throw failure.exception();
        }
        channel.together(() -> calls.stream()
                .filter(call -> call.operation().elements() > 0)
                .forEach(call -> launch(stream, call, call.operation().elements())));
    }

    @Override
    public void beginRun() {
        watch.begin();
    }

    @Override
    public @Nullable Failure failure(@Nullable Waiting waiting) {
        return watch.failure(waiting, channel.error());
    }

    @Override
    public void abort() {
        channel.abort();
    }

    private void await(Call call) {
        var start = System.nanoTime();
        for (var spins = 0; !channel.isDone(); spins++) {
            if (spins < SPINS_BEFORE_PARK) {
                Thread.onSpinWait();
            } else {
                LockSupport.parkNanos(PAUSE_NANOS);
            }
            var late = System.nanoTime() - start > noteworthyNanos;
            var failure = late ? differing(call) : null;
            if (failure == null) {
                failure = patience.failure(() -> awaited(call), () -> name(call));
            }
            if (failure != null) {
                channel.abort();
                throw stopped(call, failure);
            }
        }
    }

    /** Says where this member is, and looks whether another waits in another collective, or NCCL has failed. */
    private @Nullable Failure differing(Call call) {
        var error = channel.error();
        if (error != null) {
            return rendezvous.fail(new Failure("NCCL failed in " + name(call) + ": " + error, List.of()));
        }
        if (!noted) {
            noted = true;
            rendezvous.put(noteOf(ranks().get(rank())), note(call));
        }
        for (var member = 0; member < size(); member++) {
            var note = rendezvous.peek(noteOf(ranks().get(member)));
            if (note != null && note.startsWith(call.number() + " ") && !agrees(call, member, note)) {
                return disagreement(call, ranks().get(member), note);
            }
        }
        return null;
    }

    private Failure disagreement(Call call, int other, String note) {
        var own = ranks().get(rank());
        var reason = "the ranks %s disagree in their collective #%d: rank %d calls %s, rank %d calls %s"
                .formatted(ranks(), call.number(), own, afterNumber(note(call)), other, afterNumber(note));
        return rendezvous.fail(new Failure(reason, List.of(Math.min(own, other), Math.max(own, other))));
    }

    private static String afterNumber(String note) {
        return note.substring(note.indexOf(' ') + 1);
    }

    private String note(Call call) {
        var text = call.number() + " " + call.operation().text();
        return call.operation().kind() == Kind.EXCHANGE
                ? text + " to member " + call.to() + expecting(call.receive().byteSize(), call.from())
                : text;
    }

    private static String expecting(long bytes, int from) {
        return " for " + bytes + " bytes from member " + from;
    }

    /** Exchanges need to agree only where one sends to the other. */
    private boolean agrees(Call call, int member, String note) {
        if (call.operation().kind() != Kind.EXCHANGE) {
            return note.equals(note(call));
        }
        return note.startsWith(call.number() + " " + Kind.EXCHANGE.text())
                && (member != call.to() || note.endsWith(expecting(call.send().byteSize(), rank())));
    }

    private String noteOf(int worldRank) {
        return "rank " + worldRank + " in " + name;
    }

    /** The members that have not said that they wait in this collective. */
    private List<Integer> awaited(Call call) {
        var missing = new ArrayList<Integer>();
        int ownRank = ranks().get(rank());
        for (var member : ranks()) {
            var note = rendezvous.peek(noteOf(member));
            if (member != ownRank && (note == null || !note.startsWith(call.number() + " "))) {
                missing.add(member);
            }
        }
        return missing;
    }

    void close(boolean well) {
        if (well) {
            channel.close();
        } else {
            channel.abort();
        }
        sending.free();
        receiving.free();
    }

    /** Memory of the device for what lies in the host's. */
    private final class Staging {

        private long address;
        private long bytes;

        /** Where the device can work on this. */
        long of(MemorySegment data) {
            return data.byteSize() == 0 || nccl.isReachable(data.address())
                    ? data.address()
                    : ofAtLeast(data.byteSize());
        }

        long ofAtLeast(long least) {
            if (bytes < least) {
                free();
                bytes = (least + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
                address = nccl.allocate(bytes);
            }
            return address;
        }

        void free() {
            if (bytes > 0) {
                nccl.free(address);
                bytes = 0;
            }
        }
    }
}
