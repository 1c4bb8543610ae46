package org.clipc.runtime.collective;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A group whose members can also start operations on a stream of their device, among other work there, without waiting for
 * them. CUDA may record them in a graph and do them again whenever that is launched.
 *
 * <p>What waits on a device for a member that is gone waits for ever, and whoever waits for the stream with it. So whoever
 * starts operations has one thread ask {@link #failure} again and again while they are under way, and {@link #abort} the
 * group if there is one. Meanwhile the methods of {@link Group} may not be called.
 */
public interface StreamGroup extends Group {

    /** The number of the device that its members' memory and streams are on, among CUDA's of this process. */
    int device();

    /**
     * Starts operations and returns; they go on together, when all that was started on the stream before is done, and what
     * is started there later waits for them. All members start the same, in the same order, and those of several groups do
     * so for them in the same order, whatever streams they use.
     *
     * @param stream handle of a stream of CUDA's
     * @throws IllegalArgumentException for arguments that are wrong by themselves
     * @throws CollectiveException if the world has failed
     */
    void start(long stream, List<StreamCall> calls);

    /** Says that operations are about to be started, or done again; all members say it alike, to compare where they are. */
    void beginRun();

    /**
     * What is waited for.
     *
     * @param number of the operations in this run of them, by which members compare
     * @param what for messages, such as {@code all-reduce (sum) of 4096 f32}; all members say the same
     */
    record Waiting(int number, String what) {}

    /**
     * Why it is in vain to wait on, if it is. The time that members have to come counts from the first call with this
     * {@code waiting}.
     *
     * @param waiting null if none of the group's operations is known to be under way
     */
    @Nullable
    Failure failure(@Nullable Waiting waiting);

    /** Ends operations that are under way, and the group with them. Any thread may call it, at any time. */
    void abort();
}
