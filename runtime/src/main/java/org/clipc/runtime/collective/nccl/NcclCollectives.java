package org.clipc.runtime.collective.nccl;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.IntStream;
import org.clipc.runtime.collective.CheckedGroup;
import org.clipc.runtime.collective.CollectiveException;
import org.clipc.runtime.collective.CollectiveOptions;
import org.clipc.runtime.collective.Collectives;
import org.clipc.runtime.collective.Failure;
import org.clipc.runtime.collective.Group;
import org.clipc.runtime.collective.rendezvous.Patience;
import org.clipc.runtime.collective.rendezvous.RankEnvironment;
import org.clipc.runtime.collective.rendezvous.Rendezvous;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** This process's end of a world of GPUs. */
public final class NcclCollectives implements Collectives {

    private static final Logger LOG = LoggerFactory.getLogger(NcclCollectives.class);

    private static final long LOOK_MILLIS = 20;

    private final Nccl nccl;
    private final int rank;
    private final int size;
    private final CollectiveOptions options;
    private final Rendezvous rendezvous;
    private final Map<List<Integer>, Integer> made = new HashMap<>();
    private final List<NcclGroup> groups = new ArrayList<>();
    private final Group all;
    private boolean closed;

    private NcclCollectives(Nccl nccl, int rank, int size, CollectiveOptions options, Rendezvous rendezvous) {
        this.nccl = nccl;
        this.rank = rank;
        this.size = size;
        this.options = options;
        this.rendezvous = rendezvous;
        this.all = group(IntStream.range(0, size).boxed().toList());
    }

    /**
     * Joins the ranks that the environment tells of (see {@link RankEnvironment}); this one uses the GPU whose number is
     * its local rank.
     *
     * @throws CollectiveException if JavaCPP's {@code cuda}, CUDA, NCCL or the GPU is missing (the message says what to
     *     install), the environment is incomplete, or a rank does not come
     */
    public static Collectives open(CollectiveOptions options) {
        var environment = RankEnvironment.of(System.getenv());
        var nccl = NcclFiles.load(environment.localRank());
        var rendezvous = Rendezvous.join(environment, options.timeout());
        LOG.info("rank {} of {} over {}", environment.rank(), environment.worldSize(), nccl.description());
        return open(nccl, environment.rank(), environment.worldSize(), options, rendezvous);
    }

    static Collectives open(Nccl nccl, int rank, int size, CollectiveOptions options, Rendezvous rendezvous) {
        try {
            return new NcclCollectives(nccl, rank, size, options, rendezvous);
        } catch (RuntimeException e) {
            rendezvous.fail(cannotGoOn(rank, String.valueOf(e.getMessage())));
            rendezvous.close();
            throw e;
        }
    }

    @Override
    public int rank() {
        return rank;
    }

    @Override
    public int size() {
        return size;
    }

    @Override
    public Group group(List<Integer> ranks) {
        CheckedGroup.requireMembers(ranks, rank, size);
        var members = List.copyOf(ranks);
        var name = "group " + members + " no. " + made.merge(members, 1, Integer::sum);
        var patience = new Patience(rendezvous, options, rank);
        var group = new NcclGroup(nccl, join(members, name, patience), members, rank, name, rendezvous, options);
        groups.add(group);
        return group;
    }

    /** The first member gets a number from NCCL and hands it out; then all wait for each other in NCCL, watched. */
    private Nccl.Channel join(List<Integer> members, String name, Patience patience) {
        rendezvous.put(presence(name, rank), "");
        var idKey = "id of " + name;
        nccl.attach();
        if (members.getFirst() == rank) {
            rendezvous.put(idKey, HexFormat.of().formatHex(nccl.newId()));
        }
        var joining = new CompletableFuture<Nccl.Channel>();
        Thread.ofPlatform().daemon().name("nccl-join").start(() -> {
            try {
                joining.complete(joinBy(idKey, members));
            } catch (RuntimeException | Error e) {
                joining.completeExceptionally(e);
            }
        });
        while (true) {
            try {
                return joining.get(LOOK_MILLIS, TimeUnit.MILLISECONDS);
            } catch (TimeoutException | InterruptedException e) {
                if (e instanceof InterruptedException) {
                    // Patience sees it.
                    Thread.currentThread().interrupt();
                }
                var failure = patience.failure(
                        () -> members.stream()
                                .filter(m -> rendezvous.peek(presence(name, m)) == null)
                                .toList(),
                        () -> "the making of " + name);
                if (failure != null) {
                    throw failure.exception();
                }
            } catch (ExecutionException e) {
                throw e.getCause() instanceof CollectiveException c
                        ? c
                        : new CollectiveException("NCCL could not make " + name, List.of(rank), e.getCause());
            }
        }
    }

    private Nccl.Channel joinBy(String idKey, List<Integer> members) {
        nccl.attach();
        var id = rendezvous.get(idKey, options.timeout());
        if (id == null) {
            throw new CollectiveException(
                    "rank " + members.getFirst() + " did not hand out the " + idKey, List.of(members.getFirst()));
        }
        return nccl.join(HexFormat.of().parseHex(id), members.size(), members.indexOf(rank));
    }

    private static String presence(String group, int rank) {
        return "rank " + rank + " makes " + group;
    }

    @Override
    public Group world() {
        return all;
    }

    @Override
    public void abort(String reason) {
        rendezvous.fail(cannotGoOn(rank, reason));
    }

    private static Failure cannotGoOn(int rank, String reason) {
        return new Failure("rank " + rank + " cannot go on: " + reason, List.of(rank));
    }

    /** Waits for all ranks to leave, unless the world has failed, and gives back what the device holds. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        rendezvous.leave();
        var well = rendezvous.awaitAllLeft(size, options.timeout()) && rendezvous.failure() == null;
        nccl.attach();
        groups.forEach(group -> group.close(well));
        rendezvous.close();
    }
}
