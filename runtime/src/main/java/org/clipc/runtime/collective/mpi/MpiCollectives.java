package org.clipc.runtime.collective.mpi;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.clipc.runtime.collective.CheckedGroup;
import org.clipc.runtime.collective.CollectiveException;
import org.clipc.runtime.collective.CollectiveOptions;
import org.clipc.runtime.collective.Collectives;
import org.clipc.runtime.collective.Failure;
import org.clipc.runtime.collective.Group;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** This process's end of the world that {@code mpirun} started. There is one in the life of a process. */
public final class MpiCollectives implements Collectives {

    private static final Logger LOG = LoggerFactory.getLogger(MpiCollectives.class);

    private static final AtomicBoolean OPENED = new AtomicBoolean();

    /** Between looks after MPI's business while this rank waits for the others to leave. */
    private static final Duration IDLE = Duration.ofMillis(2);

    private final MpiWorld world;
    private final Group all;
    private boolean closed;

    /** The number that the next group gets at least: members agree on the largest of theirs. */
    private int nextGroup = MpiWorld.FIRST_GROUP;

    private MpiCollectives(MpiWorld world) {
        this.world = world;
        this.all = group(IntStream.range(0, world.size()).boxed().toList());
    }

    /**
     * Starts MPI, and waits for all ranks to have started it. Without {@code mpirun} the world is this rank alone.
     *
     * @throws CollectiveException if no usable MPI library is installed (the message says what to install), it is of
     *     another MPI than {@code mpirun}, or this process has opened the world before
     */
    public static Collectives open(CollectiveOptions options) {
        return open(options, System.getenv());
    }

    static Collectives open(CollectiveOptions options, Map<String, String> environment) {
        if (!OPENED.compareAndSet(false, true)) {
            throw new CollectiveException("MPI can be started only once in a process", List.of());
        }
        var library = MpiLibrary.start(environment);
        LOG.info("rank {} of {} over {}", library.rank(), library.size(), library.version());
        return new MpiCollectives(MpiWorld.join(library, options));
    }

    @Override
    public int rank() {
        return world.rank();
    }

    @Override
    public int size() {
        return world.size();
    }

    @Override
    public Group group(List<Integer> ranks) {
        CheckedGroup.requireMembers(ranks, rank(), size());
        var number = MpiGroup.agreeOnNumber(world, ranks, nextGroup);
        nextGroup = number + 1;
        return new MpiGroup(world, ranks, number);
    }

    @Override
    public Group world() {
        return all;
    }

    @Override
    public void abort(String reason) {
        world.fail(new Failure("rank " + rank() + " cannot go on: " + reason, List.of(rank())));
    }

    /**
     * Waits for all ranks to leave, and ends MPI. Where the world has failed, MPI is not ended, since that would wait for
     * ranks that are no more: the process should then exit with an error, which makes {@code mpirun} end the others.
     */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        if (world.awaitAllLeft(IDLE)) {
            world.library().end();
        } else {
            LOG.warn("rank {} leaves without ending MPI", rank());
        }
        world.rendezvous().close();
    }
}
