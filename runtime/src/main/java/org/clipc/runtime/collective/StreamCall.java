package org.clipc.runtime.collective;

import java.lang.foreign.MemorySegment;
import org.clipc.ir.DType;
import org.clipc.runtime.collective.Operation.Kind;

/**
 * One member's part in a collective on memory of its device.
 *
 * @param operation what all members say alike
 * @param send address of what this member gives
 * @param receive address of what it gets; the same as {@code send}, or its own part of that, in the cases that {@link
 *     Group} names, and for all-reduce
 * @param to the member that an exchange sends to, else of no account
 * @param from the member that an exchange receives from, as much as it sends; else of no account
 */
public record StreamCall(Operation operation, long send, long receive, int to, int from) {

    public static StreamCall allReduce(long send, long receive, long elements, DType dtype, Reduction reduction) {
        return new StreamCall(new Operation(Kind.ALL_REDUCE, dtype, reduction, 0, elements), send, receive, 0, 0);
    }

    /** @param elements that each member gives */
    public static StreamCall allGather(long send, long receive, long elements, DType dtype) {
        return new StreamCall(new Operation(Kind.ALL_GATHER, dtype, null, 0, elements), send, receive, 0, 0);
    }

    /** @param elements that each member gets */
    public static StreamCall reduceScatter(long send, long receive, long elements, DType dtype, Reduction reduction) {
        return new StreamCall(new Operation(Kind.REDUCE_SCATTER, dtype, reduction, 0, elements), send, receive, 0, 0);
    }

    public static StreamCall broadcast(long data, int root, long elements, DType dtype) {
        return new StreamCall(new Operation(Kind.BROADCAST, dtype, null, root, elements), data, data, 0, 0);
    }

    public static StreamCall exchange(long send, int to, long receive, int from, long elements, DType dtype) {
        return new StreamCall(new Operation(Kind.EXCHANGE, dtype, null, 0, elements), send, receive, to, from);
    }

    /**
     * Checks what a member of a group of {@code size} can check alone. Whether the addresses are of the device's memory, and
     * of enough of it, is for the caller to know.
     *
     * @throws IllegalArgumentException if the call is wrong by itself
     */
    void require(int rank, int size) {
        var dtype = operation.dtype();
        if (operation.elements() < 0) {
            throw new IllegalArgumentException(operation.text() + " has less than no elements");
        }
        switch (operation.kind()) {
            case ALL_REDUCE -> {
                CheckedGroup.requireReducible(dtype);
                var given = buffer("send", send, 1);
                var got = buffer("receive", receive, 1);
                if (send != receive) {
                    Buffers.requireDisjoint("receive", got, "send", given);
                }
            }
            case ALL_GATHER ->
                Buffers.requireOwnPartOrDisjoint(
                        "receive", buffer("receive", receive, size), "send", buffer("send", send, 1), rank);
            case REDUCE_SCATTER -> {
                CheckedGroup.requireReducible(dtype);
                Buffers.requireOwnPartOrDisjoint(
                        "send", buffer("send", send, size), "receive", buffer("receive", receive, 1), rank);
            }
            case EXCHANGE -> requireExchange(rank, size);
            case BROADCAST -> {
                CheckedGroup.requireMember("the root of a broadcast", operation.root(), size);
                buffer("data", receive, 1);
            }
            case BARRIER -> throw new IllegalArgumentException("no barrier starts on a stream");
        }
    }

    private void requireExchange(int rank, int size) {
        CheckedGroup.requireMember("the receiver of an exchange", to, size);
        CheckedGroup.requireMember("the sender of an exchange", from, size);
        CheckedGroup.requireBothSides(rank, to, from);
        Buffers.requireDisjoint("receive", buffer("receive", receive, 1), "send", buffer("send", send, 1));
    }

    @SuppressWarnings("restricted") // nothing is read there
    private MemorySegment buffer(String name, long address, int parts) {
        var bytes = Math.multiplyExact(operation.bytes(), (long) parts);
        if (address == 0 && bytes > 0) {
            throw new IllegalArgumentException("'" + name + "' has no address");
        }
        var buffer = MemorySegment.ofAddress(address).reinterpret(bytes);
        Buffers.requireReadable(name, buffer, operation.dtype());
        return buffer;
    }
}
