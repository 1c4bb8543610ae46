package org.clipc.runtime.collective.nccl;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.clipc.runtime.collective.Call;
import org.clipc.runtime.collective.CheckedGroup;
import org.clipc.runtime.collective.StreamCall;
import org.clipc.runtime.collective.StreamGroup;

/**
 * A group whose operations are started on a stream, from memory of the device, and waited for as whoever runs the stream must
 * do it. What no stream does, the group itself does.
 */
@SuppressWarnings("restricted") // devices' memory is known by address
final class StartedGroup extends CheckedGroup {

    private final StreamGroup group;
    private final MemoryNccl nccl;
    private final MemoryStream stream;

    StartedGroup(StreamGroup group, MemoryNccl nccl, MemoryStream stream, int worldRank) {
        super(group.ranks(), worldRank);
        this.group = group;
        this.nccl = nccl;
        this.stream = stream;
    }

    @Override
    protected void requireUsable(Call call) {
        var failure = group.failure(null);
        if (failure != null) {
            throw stopped(call, failure);
        }
    }

    @Override
    protected void perform(Call call) {
        var dtype = call.operation().dtype();
        switch (call.operation().kind()) {
            case BARRIER -> group.barrier();
            // Of different sizes.
            case EXCHANGE -> group.exchange(call.send(), call.to(), call.receive(), call.from(), dtype);
            case ALL_REDUCE, ALL_GATHER, REDUCE_SCATTER, BROADCAST -> start(call);
        }
    }

    private void start(Call call) {
        var send = call.send();
        var receive = call.receive();
        var sendsMore = send.byteSize() > receive.byteSize();
        var whole = sendsMore ? send : receive;
        var part = sendsMore ? receive : send;
        var isPart = part.byteSize() > 0
                && part.address() >= whole.address()
                && part.address() < whole.address() + whole.byteSize();
        var first = copied(whole);
        var second = isPart ? first.asSlice(part.address() - whole.address(), part.byteSize()) : copied(part);
        var from = sendsMore ? first : second;
        var to = sendsMore ? second : first;
        group.beginRun();
        group.start(
                stream.handle(),
                List.of(new StreamCall(call.operation(), from.address(), to.address(), call.to(), call.from())));
        await(call);
        if (!receive.isReadOnly()) {
            receive.copyFrom(to);
        }
        nccl.free(first.address());
        if (!isPart) {
            nccl.free(second.address());
        }
    }

    private MemorySegment copied(MemorySegment data) {
        var copy = MemorySegment.ofAddress(nccl.allocate(Math.max(1, data.byteSize())))
                .reinterpret(data.byteSize());
        return copy.copyFrom(data);
    }

    private void await(Call call) {
        while (!stream.isDone()) {
            var failure = group.failure(new StreamGroup.Waiting((int) call.number(), text(call)));
            if (failure != null) {
                group.abort();
                stream.await();
                throw stopped(call, failure);
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
        }
    }

    private static String text(Call call) {
        var kind = call.operation().kind().text();
        return kind + " #" + call.number() + call.operation().text().substring(kind.length());
    }
}
