package org.clipc.runtime.collective.rendezvous;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import org.clipc.runtime.collective.CollectiveException;
import org.clipc.runtime.collective.Failure;
import org.clipc.runtime.collective.rendezvous.Message.Beat;
import org.clipc.runtime.collective.rendezvous.Message.Bye;
import org.clipc.runtime.collective.rendezvous.Message.Failed;
import org.clipc.runtime.collective.rendezvous.Message.Hello;
import org.clipc.runtime.collective.rendezvous.Message.Left;
import org.clipc.runtime.collective.rendezvous.Message.Put;
import org.clipc.runtime.collective.rendezvous.Message.Welcome;
import org.jspecify.annotations.Nullable;

/**
 * One rank's connection to the others, by way of rank 0: a table of texts that all share, and the news of who has left,
 * failed or died. May be used by any thread.
 */
public final class Rendezvous implements AutoCloseable {

    private static final Duration LONGEST_RETRY = Duration.ofMillis(500);

    /** More than the server's verdict on who did not come takes to arrive. */
    private static final Duration GRACE = Duration.ofSeconds(5);

    private static final Duration LAST_WORDS = Duration.ofSeconds(1);

    private final int rank;
    private final Connection connection;
    private final Pace pace;
    private final @Nullable RendezvousServer server;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Thread listener =
            Thread.ofPlatform().daemon().name("rendezvous-listen").unstarted(this::listen);
    private volatile @Nullable Failure failure;
    private volatile Set<Integer> left = Set.of();
    private volatile boolean leaving;
    private volatile boolean closed;

    // All below under the lock.
    private final Map<String, String> values = new HashMap<>();
    private boolean welcome;
    private boolean over;

    private Rendezvous(int rank, Connection connection, Pace pace, @Nullable RendezvousServer server) {
        this.rank = rank;
        this.connection = connection;
        this.pace = pace;
        this.server = server;
    }

    /**
     * Joins the others, at the place that the environment says; rank 0 waits for them there.
     *
     * @return once all are there
     * @throws CollectiveException if rank 0 cannot be reached, a rank does not come in time, or ranks differ on how many
     *     they are
     */
    public static Rendezvous join(RankEnvironment environment, Duration timeout) {
        var size = environment.worldSize();
        if (environment.rank() != 0) {
            var address = List.of(environment.masterAddress());
            return join(environment.rank(), size, address, environment.masterPort(), timeout, null);
        }
        // Nobody comes to a world of one.
        var server = RendezvousServer.open(size == 1 ? 0 : environment.masterPort(), size, timeout);
        return join(0, size, List.of("localhost"), server.port(), timeout, server);
    }

    /**
     * Joins the others, at the first of some addresses where rank 0 answers.
     *
     * @param server rank 0's own, which is closed with this; null for the other ranks
     */
    public static Rendezvous join(
            int rank,
            int worldSize,
            List<String> addresses,
            int port,
            Duration timeout,
            @Nullable RendezvousServer server) {
        return join(rank, worldSize, addresses, port, timeout, server, Pace.DEFAULT);
    }

    static Rendezvous join(
            int rank,
            int worldSize,
            List<String> addresses,
            int port,
            Duration timeout,
            @Nullable RendezvousServer server,
            Pace pace) {
        try {
            var connection = connect(rank, addresses, port, timeout, pace);
            var joined = new Rendezvous(rank, connection, pace, server);
            connection.tell(new Hello(rank, worldSize));
            joined.listener.start();
            Thread.ofPlatform().daemon().name("rendezvous-beat").start(joined::beat);
            joined.awaitWelcome(timeout.plus(GRACE));
            return joined;
        } catch (RuntimeException e) {
            if (server != null) {
                server.close();
            }
            throw e;
        }
    }

    private static Connection connect(int rank, List<String> addresses, int port, Duration timeout, Pace pace) {
        var deadline = System.nanoTime() + timeout.toNanos();
        var pause = Duration.ofMillis(20);
        while (true) {
            IOException last = null;
            for (var address : addresses) {
                var left = Duration.ofNanos(deadline - System.nanoTime());
                try {
                    return new Connection(dial(address, port, left), pace.silence());
                } catch (IOException e) {
                    last = e;
                }
            }
            if (System.nanoTime() > deadline) {
                throw new CollectiveException(
                        "rank %d could not reach rank 0 at %s, port %d, within %s: %s; is rank 0 running there, and is MASTER_ADDR right?"
                                .formatted(
                                        rank,
                                        String.join(" or ", addresses),
                                        port,
                                        Text.of(timeout),
                                        last == null ? "no address" : last.getMessage()),
                        List.of(0),
                        last);
            }
            pause(pause);
            pause = pause.multipliedBy(2).compareTo(LONGEST_RETRY) < 0 ? pause.multipliedBy(2) : LONGEST_RETRY;
        }
    }

    private static Socket dial(String address, int port, Duration patience) throws IOException {
        var socket = new Socket();
        try {
            var millis = Math.toIntExact(Math.clamp(patience.toMillis(), 1, 10_000));
            // Looked up again each time: names of new machines may take a while to be known.
            socket.connect(new InetSocketAddress(address, port), millis);
            return socket;
        } catch (IOException | RuntimeException e) {
            socket.close();
            throw e;
        }
    }

    private static void pause(Duration duration) {
        try {
            TimeUnit.NANOSECONDS.sleep(duration.toNanos());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CollectiveException("interrupted on the way to rank 0", List.of(), e);
        }
    }

    private void awaitWelcome(Duration patience) {
        if (!await(() -> welcome, patience)) {
            close();
            throw new CollectiveException(
                    "rank 0 did not answer within " + Text.of(patience) + ", though it can be reached", List.of(0));
        }
        var reason = failure;
        if (reason != null) {
            close();
            throw reason.exception();
        }
    }

    private void listen() {
        try {
            while (true) {
                hear(connection.read());
            }
        } catch (IOException e) {
            if (leaving) {
                // It has nothing more to say: all have left.
                change(() -> over = true);
            } else {
                set(RendezvousServer.Lost.failure(0, e, pace));
            }
        }
    }

    private void hear(Message message) throws IOException {
        switch (message) {
            case Welcome _ -> change(() -> welcome = true);
            case Put(var key, var value) -> change(() -> values.put(key, value));
            case Left(var other) -> change(() -> left = with(left, other));
            case Failed(var reason) -> set(reason);
            case Beat _ -> {}
            case Hello _, Bye _ -> throw new IOException("it said what rank 0 never says");
        }
    }

    private void beat() {
        while (!closed) {
            connection.tell(new Beat());
            try {
                TimeUnit.NANOSECONDS.sleep(pace.beat().toNanos());
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    private void set(Failure reason) {
        change(() -> {
            if (failure == null) {
                failure = reason;
            }
        });
    }

    private static Set<Integer> with(Set<Integer> some, int one) {
        var all = new HashSet<>(some);
        all.add(one);
        return Set.copyOf(all);
    }

    private void change(Runnable what) {
        lock.lock();
        try {
            what.run();
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** @return false if neither that came, nor a failure, in time */
    private boolean await(BooleanSupplier what, Duration patience) {
        lock.lock();
        try {
            var nanos = patience.toNanos();
            while (!what.getAsBoolean() && failure == null && nanos > 0) {
                nanos = changed.awaitNanos(nanos);
            }
            return what.getAsBoolean() || failure != null;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CollectiveException("rank " + rank + " was interrupted", List.of(rank), e);
        } finally {
            lock.unlock();
        }
    }

    /** Lets all ranks know a text, this one too. */
    public void put(String key, String value) {
        connection.tell(new Put(key, value));
    }

    /**
     * The text that some rank put under this key.
     *
     * @return once it is there; null if it is not, after {@code patience}
     * @throws CollectiveException if the world fails meanwhile
     */
    public @Nullable String get(String key, Duration patience) {
        await(() -> values.containsKey(key), patience);
        lock.lock();
        try {
            var value = values.get(key);
            var reason = failure;
            if (value == null && reason != null) {
                throw reason.exception();
            }
            return value;
        } finally {
            lock.unlock();
        }
    }

    /** The text that some rank put under this key, if it has got here. */
    public @Nullable String peek(String key) {
        lock.lock();
        try {
            return values.get(key);
        } finally {
            lock.unlock();
        }
    }

    /** Why the world is over; null while it is not. */
    public @Nullable Failure failure() {
        return failure;
    }

    /** The ranks that have left in good order. */
    public Set<Integer> left() {
        return left;
    }

    /** Ends the world for all ranks, unless it is over already. Returns why it is over. */
    public Failure fail(Failure reason) {
        set(reason);
        connection.tell(new Failed(reason));
        var first = failure;
        return first == null ? reason : first;
    }

    /** Says that this rank needs nothing more of the others, nor they of it. */
    public void leave() {
        if (!leaving) {
            leaving = true;
            connection.tell(new Bye());
        }
    }

    /** Whether all ranks have left, or the world has failed, within {@code patience}. */
    public boolean awaitAllLeft(int worldSize, Duration patience) {
        return await(() -> over || left.size() == worldSize, patience);
    }

    /** Leaves. Rank 0 waits for all others to leave, since they hear of each other through it. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        leave();
        if (server != null) {
            server.close();
        }
        hangUp();
    }

    /** Not before rank 0 does, which may not have read this one's last word. */
    private void hangUp() {
        connection.finish();
        try {
            listener.join(LAST_WORDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        connection.close();
    }
}
