package org.clipc.runtime.collective;

import java.util.List;

/**
 * One rank's end of a world of ranks: where it stands, and the groups that it communicates in. Ranks are threads of one
 * process or processes of their own, depending on who opened it.
 *
 * <p>A rank that fails, in a collective or outside of one, must say so by {@link #abort}: the others then stop at once,
 * and not only when they have waited for as long as {@link CollectiveOptions#timeout()} allows. After a
 * {@link CollectiveException} the world is of no further use: every call on any of its ranks throws.
 */
public interface Collectives extends AutoCloseable {

    /** Which rank this is, from 0. */
    int rank();

    /** The number of ranks. */
    int size();

    /**
     * The group of these ranks, of which this is one. Every member calls it with the same list; members of several groups
     * call it for them in the same order. Equal lists make groups that are independent of each other. A rank's groups are
     * made by one thread; afterwards different groups may be used by different threads at the same time.
     *
     * @param ranks ranks of the world, each once; a member's place in the list is its rank in the group
     * @throws IllegalArgumentException if the list is empty, names a rank that there is not, names one twice, or does not
     *     name this one
     * @throws CollectiveException if a member does not come, or has failed
     */
    Group group(List<Integer> ranks);

    /** The group of all ranks, in order; always the same one. */
    Group world();

    /**
     * Says that this rank cannot go on. The other ranks' present and next collectives throw, naming this rank. Does
     * nothing after the first failure of the world.
     *
     * @param reason in a few words, for the message that the others give
     */
    void abort(String reason);

    /**
     * Leaves the world, which the others may have to wait for if all goes well; whoever still waits for this rank in a
     * collective fails. Closing again does nothing.
     */
    @Override
    void close();
}
