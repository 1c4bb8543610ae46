package org.clipc.runtime.collective.nccl;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.clipc.ir.DType;
import org.clipc.runtime.collective.CollectiveException;
import org.clipc.runtime.collective.CollectiveOptions;
import org.clipc.runtime.collective.Collectives;
import org.clipc.runtime.collective.Reduction;
import org.clipc.runtime.collective.local.LocalRanks;
import org.clipc.runtime.collective.rendezvous.Rendezvous;
import org.jspecify.annotations.Nullable;

/**
 * What NCCL and CUDA promise, in this process's memory: ranks are threads, each with a device's memory of its own, and
 * streams run what they are given one after the other. As NCCL does, it waits for ever for members that do not come or
 * mean something else.
 */
@SuppressWarnings("restricted") // devices' memory is known by address
public final class MemoryNccl implements Nccl {

    /** What all ranks of a test see. */
    public static final class Network {
        private final AtomicInteger ids = new AtomicInteger();
        private final Map<String, List<Collectives>> communicators = new ConcurrentHashMap<>();
    }

    private static final CollectiveOptions FOR_EVER = CollectiveOptions.DEFAULT.withTimeout(Duration.ofDays(1));

    private final Network network;
    private final NavigableMap<Long, MemorySegment> allocated = new TreeMap<>();
    private final AtomicLong copied = new AtomicLong();
    private final List<String> started = new ArrayList<>();

    public MemoryNccl(Network network) {
        this.network = network;
    }

    /** This process's end of a world whose devices are in memory. */
    public Collectives open(int rank, int size, CollectiveOptions options, Rendezvous rendezvous) {
        return NcclCollectives.open(this, rank, size, options, rendezvous);
    }

    /** What was started on streams other than communicators' own, in order: the same on all ranks that are in all groups. */
    public synchronized List<String> started() {
        return List.copyOf(started);
    }

    /** Bytes that were copied between host and device so far. */
    long copiedBytes() {
        return copied.get();
    }

    synchronized int allocations() {
        return allocated.size();
    }

    @Override
    public String description() {
        return "memory";
    }

    @Override
    public int device() {
        return 0;
    }

    @Override
    public void attach() {}

    @Override
    public byte[] newId() {
        return new byte[] {(byte) network.ids.incrementAndGet(), 1, 2, 3};
    }

    @Override
    public Channel join(byte[] id, int size, int rank) {
        var members = network.communicators.computeIfAbsent(
                HexFormat.of().formatHex(id), _ -> LocalRanks.open(size, FOR_EVER));
        members.get(rank).world().barrier();
        return new MemoryChannel(HexFormat.of().formatHex(id), members.get(rank));
    }

    @Override
    public synchronized boolean isReachable(long address) {
        var before = allocated.floorEntry(address);
        return before != null && address < before.getKey() + before.getValue().byteSize();
    }

    @Override
    public synchronized long allocate(long bytes) {
        var segment = Arena.ofAuto().allocate(bytes, 256);
        allocated.put(segment.address(), segment);
        return segment.address();
    }

    @Override
    public synchronized void free(long address) {
        Objects.requireNonNull(allocated.remove(address), "freed what was not allocated");
    }

    private final class MemoryChannel implements Channel {

        private final String id;
        private final Collectives member;
        private final MemoryStream own = MemoryStream.open(Duration.ZERO);
        private final CountDownLatch aborted = new CountDownLatch(1);

        MemoryChannel(String id, Collectives member) {
            this.id = id;
            this.member = member;
        }

        @Override
        public long stream() {
            return own.handle();
        }

        private void start(long stream, String what, Runnable operation) {
            if (stream != own.handle()) {
                synchronized (MemoryNccl.this) {
                    started.add(what + " in " + id);
                }
            }
            MemoryStream.of(stream).start(() -> {
                try {
                    operation.run();
                } catch (CollectiveException e) {
                    // NCCL's kernels wait on, whatever happens to the others.
                    awaitAbort();
                }
            });
        }

        private void awaitAbort() {
            try {
                aborted.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }

        private MemorySegment device(long address, long count, DType dtype) {
            if (count > 0 && !isReachable(address)) {
                throw new AssertionError("a kernel was given memory that is not the device's");
            }
            return MemorySegment.ofAddress(address).reinterpret(count * dtype.bytes());
        }

        @Override
        public void allReduce(long stream, long send, long receive, long count, DType dtype, Reduction reduction) {
            var from = device(send, count, dtype);
            var to = device(receive, count, dtype);
            start(stream, "all-reduce of " + count, () -> {
                if (send != receive) {
                    to.copyFrom(from);
                }
                member.world().allReduce(to, dtype, reduction);
            });
        }

        @Override
        public void allGather(long stream, long send, long receive, long count, DType dtype) {
            var from = device(send, count, dtype);
            var to = device(receive, count * member.size(), dtype);
            start(stream, "all-gather of " + count, () -> member.world().allGather(from, to, dtype));
        }

        @Override
        public void reduceScatter(long stream, long send, long receive, long count, DType dtype, Reduction reduction) {
            var from = device(send, count * member.size(), dtype);
            var to = device(receive, count, dtype);
            start(stream, "reduce-scatter of " + count, () -> member.world().reduceScatter(from, to, dtype, reduction));
        }

        @Override
        public void broadcast(long stream, long data, long count, DType dtype, int root) {
            var segment = device(data, count, dtype);
            start(stream, "broadcast of " + count, () -> member.world().broadcast(segment, dtype, root));
        }

        @Override
        public void exchange(
                long stream,
                long send,
                long sendCount,
                int to,
                long receive,
                long receiveCount,
                int from,
                DType dtype) {
            var source = device(send, sendCount, dtype);
            var target = device(receive, receiveCount, dtype);
            start(stream, "exchange of " + sendCount, () -> member.world().exchange(source, to, target, from, dtype));
        }

        @Override
        public void together(Runnable starts) {
            starts.run();
        }

        @Override
        public void copy(long from, long to, long bytes) {
            copied.addAndGet(bytes);
            own.start(() -> MemorySegment.ofAddress(to)
                    .reinterpret(bytes)
                    .copyFrom(MemorySegment.ofAddress(from).reinterpret(bytes)));
        }

        @Override
        public boolean isDone() {
            return own.isDone();
        }

        @Override
        public @Nullable String error() {
            return null;
        }

        @Override
        public void abort() {
            aborted.countDown();
            member.abort("aborted");
        }

        @Override
        public void close() {
            if (!isDone()) {
                throw new AssertionError("closed with work under way");
            }
            own.close();
        }
    }
}
