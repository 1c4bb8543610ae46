package org.clipc.runtime.collective;

import java.lang.foreign.MemorySegment;
import java.util.List;
import org.clipc.ir.DType;

/**
 * Ranks that move and combine tensors together. Each operation is called by every member, in the same order on all, and
 * returns when this member's results are there and its buffers are its own again. A group is used by one thread at a time.
 *
 * <p>Buffers are contiguous, aligned to their elements, and may be empty. They are native memory that every thread may
 * touch (of a shared, automatic or global arena): ranks that are threads read each other's. Sizes must agree among the
 * members as said below. Operations that only move data take every dtype; those that reduce take f32, bf16 and i32.
 *
 * <p>Reductions are deterministic: elements are combined in the order of the members, whatever the size, and all members
 * get the same bits. bf16 is computed in f32 and rounded once. (NCCL keeps its own order, the same on all members and from
 * run to run, and rounds bf16 on the way.)
 *
 * <p>Each operation throws {@link IllegalArgumentException} for arguments that are wrong by themselves, before anybody is
 * told, and {@link CollectiveException} if members disagree, or one has failed, left, or not come in time.
 */
public interface Group {

    /** This member's place in the group, from 0. */
    int rank();

    /** The number of members. */
    int size();

    /** The members' ranks in the world, in the group's order. */
    List<Integer> ranks();

    /** Combines all members' {@code data}, elementwise, and leaves the result in each of them. Sizes are equal. */
    void allReduce(MemorySegment data, DType dtype, Reduction reduction);

    /**
     * Concatenates all members' {@code send} in the group's order into each member's {@code receive}. All sends have the
     * same size, and receives {@code size()} times that.
     *
     * @param send may be this member's own part of {@code receive}, else must not overlap it
     */
    void allGather(MemorySegment send, MemorySegment receive, DType dtype);

    /**
     * Combines all members' {@code send}, elementwise, and leaves one part of the result in each member's
     * {@code receive}: the first in the first member's and so on. All receives have the same size, and sends
     * {@code size()} times that. The contents of {@code send} are kept, except where it is {@code receive}.
     *
     * @param receive may be this member's own part of {@code send}, else must not overlap it
     */
    void reduceScatter(MemorySegment send, MemorySegment receive, DType dtype, Reduction reduction);

    /**
     * Copies the root's {@code data} over the others'. Sizes are equal.
     *
     * @param root a rank in the group
     */
    void broadcast(MemorySegment data, DType dtype, int root);

    /**
     * Sends to one member and receives from another, as rings do. All members take part: the one that is sent to must
     * name this one as the one it receives from, with the same size. Both may be this member itself.
     *
     * @param send must not overlap {@code receive}
     * @param toRank a rank in the group
     * @param fromRank a rank in the group
     */
    void exchange(MemorySegment send, int toRank, MemorySegment receive, int fromRank, DType dtype);

    /** Returns when every member has called it. */
    void barrier();
}
