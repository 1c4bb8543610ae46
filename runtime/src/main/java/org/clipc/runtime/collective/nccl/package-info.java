/**
 * Ranks as processes with a GPU each, over NVIDIA's NCCL by JavaCPP's {@code org.bytedeco:cuda}. Both are optional: nothing
 * of them is needed to build or run anything else.
 *
 * <p>Buffers are device memory, which NCCL works on as it is (an address that CUDA gave, as a segment by
 * {@link java.lang.foreign.MemorySegment#ofAddress} and {@code reinterpret}); memory of the host is copied to the device and
 * back.
 *
 * <p>NCCL itself waits for ever for a rank that does not come, and trusts that all ranks mean the same. So a rank that has
 * waited for a second tells the others by the rendezvous where it is, and stops if another waits elsewhere; and when the
 * time is up, those that have said nothing are named. Where operations start on a stream among other work, which a device may
 * repeat without the host, whoever waits for the stream watches in the same way (see {@link
 * org.clipc.runtime.collective.StreamGroup}). What is not noticed: members whose sizes disagree and that NCCL lets
 * pass all the same.
 */
@NullMarked
package org.clipc.runtime.collective.nccl;

import org.jspecify.annotations.NullMarked;
