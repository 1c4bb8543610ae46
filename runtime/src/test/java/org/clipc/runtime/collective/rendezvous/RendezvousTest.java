package org.clipc.runtime.collective.rendezvous;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.DataOutputStream;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.clipc.runtime.collective.CollectiveException;
import org.clipc.runtime.collective.Failure;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class RendezvousTest {

    private static final Duration PATIENT = Duration.ofSeconds(30);
    private static final Duration HASTY = Duration.ofMillis(500);
    private static final Pace QUICK = new Pace(Duration.ofMillis(100), Duration.ofSeconds(1));

    private final ExecutorService threads = Executors.newCachedThreadPool();

    @AfterEach
    void stop() {
        threads.shutdownNow();
    }

    private static Rendezvous joinAs(int rank, int size, RendezvousServer server, Duration timeout) {
        return Rendezvous.join(
                rank, size, List.of("localhost"), server.port(), timeout, rank == 0 ? server : null, QUICK);
    }

    private List<Rendezvous> joinAll(int size) throws ExecutionException, InterruptedException {
        var server = RendezvousServer.open(0, size, PATIENT, QUICK);
        var joining = new ArrayList<Future<Rendezvous>>();
        for (var rank = 0; rank < size; rank++) {
            var me = rank;
            joining.add(threads.submit(() -> joinAs(me, size, server, PATIENT)));
        }
        var all = new ArrayList<Rendezvous>();
        for (var one : joining) {
            all.add(one.get());
        }
        return all;
    }

    private static void closeAll(List<Rendezvous> all) {
        all.forEach(Rendezvous::leave);
        all.reversed().forEach(Rendezvous::close);
    }

    private static void awaitFailure(Rendezvous one) throws InterruptedException {
        while (one.failure() == null) {
            TimeUnit.MILLISECONDS.sleep(5);
        }
    }

    private static Failure failureOf(Callable<?> what) {
        try {
            what.call();
        } catch (CollectiveException e) {
            return new Failure(String.valueOf(e.getMessage()), e.ranks());
        } catch (Exception e) {
            throw new AssertionError(e);
        }
        throw new AssertionError("it succeeded");
    }

    @RepeatedTest(20)
    void whatOnePutsAllGet() throws Exception {
        var all = joinAll(5);
        for (var rank = 0; rank < all.size(); rank++) {
            all.get(rank).put("from " + rank, "text " + rank);
        }
        for (var one : all) {
            for (var rank = 0; rank < all.size(); rank++) {
                assertThat(one.get("from " + rank, PATIENT)).isEqualTo("text " + rank);
            }
            assertThat(one.get("from nobody", Duration.ofMillis(1))).isNull();
        }
        closeAll(all);
        assertThat(all).allMatch(one -> one.failure() == null);
    }

    @Test
    void aRankThatNeverComesIsNamedToAll() {
        var server = RendezvousServer.open(0, 4, HASTY, QUICK);
        var second = threads.submit(() -> joinAs(2, 4, server, PATIENT));
        var first = failureOf(() -> joinAs(0, 4, server, PATIENT));
        assertThat(first.reason()).contains("ranks 1 and 3 of 4 did not come to the rendezvous", "within 500 ms");
        assertThat(first.ranks()).containsExactly(1, 3);
        assertThatThrownBy(second::get).hasRootCauseMessage(first.reason());
    }

    @Test
    void aWorldOfAnotherSizeIsRefused() {
        var server = RendezvousServer.open(0, 3, PATIENT, QUICK);
        var zero = threads.submit(() -> joinAs(0, 3, server, PATIENT));
        assertThat(failureOf(() -> joinAs(1, 4, server, PATIENT)).reason())
                .isEqualTo("rank 0 was told that there are 3 ranks, but rank 1 that there are 4");
        assertThatThrownBy(zero::get).rootCause().hasMessageContaining("rank 1 that there are 4");
    }

    @Test
    void twoOfTheSameRankAreRefused() throws InterruptedException {
        var server = RendezvousServer.open(0, 3, PATIENT, QUICK);
        var joining = List.of(
                threads.submit(() -> joinAs(0, 3, server, PATIENT)),
                threads.submit(() -> joinAs(1, 3, server, PATIENT)),
                threads.submit(() -> joinAs(1, 3, server, PATIENT)));
        for (var one : joining) {
            assertThatThrownBy(one::get).rootCause().hasMessage("two processes came as rank 1");
        }
    }

    @Test
    void nobodyAtThePortOfRankZero() throws IOException {
        int port;
        try (var socket = new ServerSocket(0)) {
            port = socket.getLocalPort();
        }
        assertThat(failureOf(() -> Rendezvous.join(1, 2, List.of("localhost"), port, HASTY, null))
                        .reason())
                .contains(
                        "rank 1 could not reach rank 0 at localhost, port " + port + ", within 500 ms", "MASTER_ADDR");
    }

    @Test
    void aHostThatNobodyKnows() {
        assertThat(failureOf(() -> Rendezvous.join(1, 2, List.of("no-such-host.invalid"), 9, HASTY, null))
                        .reason())
                .contains("could not reach rank 0 at no-such-host.invalid");
    }

    @Test
    void aPortInUse() throws IOException {
        try (var socket = new ServerSocket(0)) {
            var environment = new RankEnvironment(0, 2, 0, "localhost", socket.getLocalPort());
            assertThat(failureOf(() -> Rendezvous.join(environment, HASTY)).reason())
                    .contains("rank 0 cannot listen on port " + socket.getLocalPort(), "MASTER_PORT");
        }
    }

    @Test
    void strangersDisturbNobody() throws Exception {
        var server = RendezvousServer.open(0, 2, PATIENT, QUICK);
        for (var text : List.of("", "GET / HTTP/1.1\r\n\r\n", "\0\0\0\5hello", "\0\0\0\1w")) {
            try (var stranger = new Socket("localhost", server.port())) {
                stranger.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
            }
        }
        var one = threads.submit(() -> joinAs(1, 2, server, PATIENT));
        var zero = joinAs(0, 2, server, PATIENT);
        closeAll(List.of(zero, one.get()));
        assertThat(zero.failure()).isNull();
    }

    @RepeatedTest(10)
    void aRankThatDiesIsNamedToAll() throws Exception {
        var server = RendezvousServer.open(0, 3, PATIENT, QUICK);
        var zero = threads.submit(() -> joinAs(0, 3, server, PATIENT));
        var one = threads.submit(() -> joinAs(1, 3, server, PATIENT));
        try (var two = new Socket("localhost", server.port())) {
            new Message.Hello(2, 3).write(new DataOutputStream(two.getOutputStream()));
            zero.get();
            one.get();
        }
        for (var survivor : List.of(zero.get(), one.get())) {
            awaitFailure(survivor);
            assertThat(survivor.failure()).isEqualTo(new Failure("rank 2 is gone: its process ended", List.of(2)));
        }
        closeAll(List.of(zero.get(), one.get()));
    }

    @Test
    void aRankThatFallsSilentIsNamedToAll() throws Exception {
        var server = RendezvousServer.open(0, 2, PATIENT, QUICK);
        try (var one = new Socket("localhost", server.port())) {
            new Message.Hello(1, 2).write(new DataOutputStream(one.getOutputStream()));
            var zero = joinAs(0, 2, server, PATIENT);
            awaitFailure(zero);
            assertThat(zero.failure())
                    .isEqualTo(new Failure("rank 1 is gone: nothing was heard of it for 1 s", List.of(1)));
            zero.close();
        }
    }

    @Test
    void ranksOfAnotherTrainingDoNotEndOneThatHasBegun() throws Exception {
        var server = RendezvousServer.open(0, 2, PATIENT, QUICK);
        var other = threads.submit(() -> joinAs(1, 2, server, PATIENT));
        var zero = joinAs(0, 2, server, PATIENT);
        var one = other.get();
        for (var size : List.of(2, 3)) {
            assertThat(failureOf(() -> joinAs(1, size, server, PATIENT)).reason())
                    .isEqualTo("the 2 ranks that meet at port " + server.port()
                            + " are all there already, so that this rank 1 is of another training:"
                            + " start that with another MASTER_PORT");
        }
        zero.put("key", "value");
        assertThat(one.get("key", PATIENT)).isEqualTo("value");
        closeAll(List.of(zero, one));
        assertThat(zero.failure()).isNull();
    }

    @Test
    void whoWaitsForATextHearsOfAFailure() throws Exception {
        var all = joinAll(3);
        var waiting = threads.submit(() -> all.get(2).get("never", PATIENT));
        all.get(1).fail(new Failure("rank 1 cannot go on: no memory", List.of(1)));
        assertThatThrownBy(waiting::get).rootCause().hasMessage("rank 1 cannot go on: no memory");
        // The first failure counts.
        awaitFailure(all.get(0));
        assertThat(all.get(0).fail(new Failure("another", List.of())).reason()).startsWith("rank 1 cannot");
        closeAll(all);
    }

    @Test
    void whoLeftIsKnown() throws Exception {
        var all = joinAll(3);
        all.get(1).close();
        while (!all.get(2).left().contains(1)) {
            TimeUnit.MILLISECONDS.sleep(5);
        }
        assertThat(all.get(2).awaitAllLeft(3, Duration.ofMillis(20))).isFalse();
        all.get(0).leave();
        all.get(2).leave();
        assertThat(all.get(2).awaitAllLeft(3, PATIENT)).isTrue();
        assertThat(all.get(2).failure()).isNull();
        closeAll(all);
    }

    @Test
    void aWorldOfOneMeetsItself() {
        try (var alone = Rendezvous.join(RankEnvironment.of(Map.of()), HASTY)) {
            alone.put("key", "value");
            assertThat(alone.get("key", PATIENT)).isEqualTo("value");
            assertThat(alone.peek("other")).isNull();
        }
    }
}
