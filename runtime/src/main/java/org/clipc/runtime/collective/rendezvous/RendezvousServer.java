package org.clipc.runtime.collective.rendezvous;

import java.io.EOFException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.IntStream;
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
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Rank 0's: where all ranks connect to, rank 0 itself too. It passes on what they say, and says who is gone. */
public final class RendezvousServer implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(RendezvousServer.class);

    /** Of what comes to the port, until it says that it is a rank. */
    private static final Duration HELLO_PATIENCE = Duration.ofSeconds(10);

    /** Of ranks that have been told that the world failed. */
    private static final Duration LAST_WORDS = Duration.ofSeconds(2);

    private final ServerSocket listening;
    private final int worldSize;
    private final Duration timeout;
    private final Pace pace;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();

    // All below under the lock.
    private final @Nullable Connection[] members;
    private final boolean[] left;
    private final boolean[] gone;
    private int joined;
    private @Nullable Failure failure;

    private RendezvousServer(ServerSocket listening, int worldSize, Duration timeout, Pace pace) {
        this.listening = listening;
        this.worldSize = worldSize;
        this.timeout = timeout;
        this.pace = pace;
        this.members = new Connection[worldSize];
        this.left = new boolean[worldSize];
        this.gone = new boolean[worldSize];
    }

    /**
     * Listens on all of this machine's addresses.
     *
     * @param port 0 for any that is free
     * @param timeout within which all ranks must come
     * @throws CollectiveException if it cannot listen there
     */
    public static RendezvousServer open(int port, int worldSize, Duration timeout) {
        return open(port, worldSize, timeout, Pace.DEFAULT);
    }

    static RendezvousServer open(int port, int worldSize, Duration timeout, Pace pace) {
        try {
            var listening = new ServerSocket();
            listening.setReuseAddress(true);
            listening.bind(new InetSocketAddress(port), worldSize);
            var server = new RendezvousServer(listening, worldSize, timeout, pace);
            Thread.ofPlatform().daemon().name("rendezvous-accept").start(server::accept);
            Thread.ofPlatform().daemon().name("rendezvous-joining").start(server::awaitAll);
            return server;
        } catch (IOException e) {
            throw new CollectiveException(
                    "rank 0 cannot listen on port %d (%s); choose another with MASTER_PORT, the same for all ranks"
                            .formatted(port, e.getMessage()),
                    List.of(0),
                    e);
        }
    }

    public int port() {
        return listening.getLocalPort();
    }

    private void accept() {
        while (true) {
            try {
                var socket = listening.accept();
                Thread.ofPlatform().daemon().name("rendezvous-serve").start(() -> serve(socket));
            } catch (IOException e) {
                // It was closed.
                return;
            }
        }
    }

    private void awaitAll() {
        lock.lock();
        try {
            var left = timeout.toNanos();
            while (joined < worldSize && failure == null && left > 0) {
                left = changed.awaitNanos(left);
            }
            if (joined < worldSize) {
                var missing = IntStream.range(0, worldSize)
                        .filter(r -> members[r] == null)
                        .boxed()
                        .toList();
                fail(new Failure(
                        "%s of %d did not come to the rendezvous at port %d within %s"
                                .formatted(CollectiveException.name(missing), worldSize, port(), Text.of(timeout)),
                        missing));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            lock.unlock();
        }
    }

    private void serve(Socket socket) {
        try (var connection = new Connection(socket, HELLO_PATIENCE)) {
            if (connection.read() instanceof Hello hello) {
                if (admit(hello, connection)) {
                    connection.setSilence(pace.silence());
                    listenTo(hello.rank(), connection);
                } else {
                    awaitEnd(connection);
                }
            }
        } catch (IOException e) {
            LOG.debug("somebody came to the rendezvous who is no rank: {}", e.getMessage());
        }
    }

    /** Else what it was told last might not reach it. */
    private static void awaitEnd(Connection connection) throws IOException {
        connection.finish();
        while (!(connection.read() instanceof Bye)) {
            // It has not understood yet.
        }
    }

    private boolean admit(Hello hello, Connection connection) {
        lock.lock();
        try {
            if (joined == worldSize && failure == null) {
                connection.tell(new Failed(stranger(hello.rank())));
                return false;
            }
            var refusal = refusal(hello);
            if (refusal != null) {
                fail(refusal);
            }
            if (failure != null) {
                connection.tell(new Failed(failure));
                return false;
            }
            members[hello.rank()] = connection;
            joined++;
            changed.signalAll();
            if (joined == worldSize) {
                tellAll(new Welcome());
            }
            return true;
        } finally {
            lock.unlock();
        }
    }

    private Failure stranger(int rank) {
        return new Failure(
                ("the %d ranks that meet at port %d are all there already, so that this rank %d is of another training:"
                                + " start that with another MASTER_PORT")
                        .formatted(worldSize, port(), rank),
                List.of());
    }

    private @Nullable Failure refusal(Hello hello) {
        var rank = hello.rank();
        if (hello.worldSize() != worldSize) {
            return new Failure(
                    "rank 0 was told that there are %d ranks, but rank %d that there are %d"
                            .formatted(worldSize, rank, hello.worldSize()),
                    List.of(rank));
        }
        if (rank < 0 || rank >= worldSize) {
            return new Failure(
                    "a process came as rank %d, but there are only %d ranks".formatted(rank, worldSize), List.of());
        }
        if (members[rank] != null) {
            return new Failure("two processes came as rank " + rank, List.of(rank));
        }
        return null;
    }

    private void listenTo(int rank, Connection connection) {
        try {
            while (true) {
                switch (connection.read()) {
                    case Put put -> tellAll(put);
                    case Beat beat -> connection.tell(beat);
                    case Failed(var reason) -> fail(reason);
                    case Bye _ -> leave(rank);
                    case Hello _, Welcome _, Left _ -> throw new IOException("it said what only rank 0 says");
                }
            }
        } catch (IOException e) {
            lose(rank, e);
        }
    }

    private void lose(int rank, IOException how) {
        lock.lock();
        try {
            gone[rank] = true;
            changed.signalAll();
            if (!left[rank]) {
                fail(Lost.failure(rank, how, pace));
            }
        } finally {
            lock.unlock();
        }
    }

    private void leave(int rank) {
        lock.lock();
        try {
            left[rank] = true;
            changed.signalAll();
            tellAll(new Left(rank));
        } finally {
            lock.unlock();
        }
    }

    private void fail(Failure reason) {
        lock.lock();
        try {
            if (failure == null) {
                failure = reason;
                changed.signalAll();
                tellAll(new Failed(reason));
            }
        } finally {
            lock.unlock();
        }
    }

    private void tellAll(Message message) {
        lock.lock();
        try {
            for (var rank = 0; rank < worldSize; rank++) {
                if (members[rank] != null && !gone[rank]) {
                    Objects.requireNonNull(members[rank]).tell(message);
                }
            }
        } finally {
            lock.unlock();
        }
    }

    /** Waits for all ranks to leave: for as long as they may take, or a moment if the world has failed. */
    @Override
    public void close() {
        lock.lock();
        try {
            var left = timeout.toNanos();
            while (left > 0 && failure == null && !allGone()) {
                left = changed.awaitNanos(left);
            }
            left = LAST_WORDS.toNanos();
            while (left > 0 && !allGone()) {
                left = changed.awaitNanos(left);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            lock.unlock();
            hangUp();
        }
    }

    private boolean allGone() {
        return IntStream.range(0, worldSize).allMatch(r -> left[r] || gone[r] || members[r] == null);
    }

    private void hangUp() {
        try {
            listening.close();
        } catch (IOException e) {
            LOG.debug("the rendezvous did not close well", e);
        }
        for (var member : members) {
            if (member != null) {
                member.finish();
            }
        }
    }

    /** How a lost rank is spoken of. */
    static final class Lost {

        private Lost() {}

        static Failure failure(int rank, IOException how, Pace pace) {
            var reason = switch (how) {
                case SocketTimeoutException _ -> "nothing was heard of it for " + Text.of(pace.silence());
                case EOFException _ -> "its process ended";
                default -> "its connection broke (" + how.getMessage() + ")";
            };
            return new Failure("rank " + rank + " is gone: " + reason, List.of(rank));
        }
    }
}
