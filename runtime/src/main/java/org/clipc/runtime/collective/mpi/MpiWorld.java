package org.clipc.runtime.collective.mpi;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.clipc.runtime.collective.CollectiveOptions;
import org.clipc.runtime.collective.Failure;
import org.clipc.runtime.collective.rendezvous.Rendezvous;
import org.clipc.runtime.collective.rendezvous.RendezvousServer;

/** What all groups of a rank share. */
record MpiWorld(MpiLibrary library, int rank, int size, CollectiveOptions options, Rendezvous rendezvous) {

    /** Groups' messages have tags of their own: two for each, from 0. Number 0 is for making worlds and groups. */
    static final int FIRST_GROUP = 1;

    /** At least; processes that have only just begun take their time. */
    private static final Duration JOINING = Duration.ofMinutes(1);

    private static final int LONGEST_ADDRESS = 1 << 12;

    /** Rank 0 tells the others by MPI where it listens. */
    static MpiWorld join(MpiLibrary library, CollectiveOptions options) {
        var rank = library.rank();
        var size = library.size();
        var patience = options.timeout().compareTo(JOINING) > 0 ? options.timeout() : JOINING;
        var server = rank == 0 ? RendezvousServer.open(0, size, patience) : null;
        var place = Place.decode(tell(library, rank, size, server == null ? "" : Place.here(server.port())));
        var rendezvous = Rendezvous.join(rank, size, place.addresses(), place.port(), patience, server);
        return new MpiWorld(library, rank, size, options, rendezvous);
    }

    /** MPI_Bcast without its wait in the foreground. */
    private static String tell(MpiLibrary library, int rank, int size, String text) {
        var requests = new MpiRequests(library);
        try (var arena = Arena.ofShared()) {
            var message = arena.allocate(LONGEST_ADDRESS);
            message.setString(0, text);
            if (rank == 0) {
                for (var other = 1; other < size; other++) {
                    requests.send(message, other, MpiGroup.dataTag(0));
                }
            } else {
                requests.receive(message, 0, MpiGroup.dataTag(0));
            }
            // mpirun ends all if one does not come as far as this.
            requests.await(() -> {});
            return message.getString(0);
        }
    }

    Failure fail(Failure reason) {
        return rendezvous.fail(reason);
    }

    /** Leaves, and waits for the others to do so, while MPI goes on sending what it still holds. */
    boolean awaitAllLeft(Duration idle) {
        rendezvous.leave();
        var deadline = System.nanoTime() + options.timeout().toNanos();
        while (System.nanoTime() < deadline) {
            if (rendezvous.awaitAllLeft(size, idle)) {
                return rendezvous.failure() == null;
            }
            library.progress(rank);
        }
        return false;
    }

    /** Where rank 0 listens: its machine's name, the machine's addresses, and the port. */
    private record Place(String host, List<String> hosts, int port) {

        static String here(int port) {
            var words = new ArrayList<>(List.of(String.valueOf(port), hostName()));
            words.addAll(hostAddresses());
            return String.join(" ", words);
        }

        static Place decode(String text) {
            var words = List.of(text.split(" "));
            return new Place(words.get(1), words.subList(2, words.size()), Integer.parseInt(words.getFirst()));
        }

        List<String> addresses() {
            var all = new ArrayList<>(hosts);
            if (host.equals(hostName())) {
                all.addFirst("localhost");
            }
            all.add(host);
            return all;
        }

        private static String hostName() {
            try {
                return InetAddress.getLocalHost().getHostName();
            } catch (IOException e) {
                return "localhost";
            }
        }

        private static List<String> hostAddresses() {
            try {
                return Collections.list(NetworkInterface.getNetworkInterfaces()).stream()
                        .flatMap(NetworkInterface::inetAddresses)
                        .filter(a -> !a.isLoopbackAddress() && !a.isLinkLocalAddress())
                        .map(InetAddress::getHostAddress)
                        .toList();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
