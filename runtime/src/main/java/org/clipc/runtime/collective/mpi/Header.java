package org.clipc.runtime.collective.mpi;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.clipc.ir.DType;
import org.clipc.runtime.collective.Operation;
import org.clipc.runtime.collective.Operation.Kind;
import org.clipc.runtime.collective.Reduction;

/**
 * What members tell each other before they send data: who means which collective.
 *
 * @param group a hash of the members
 * @param number of the collective in its group; of the group itself where one is made
 * @param to the member that an exchange sends to, else the sender
 */
@SuppressWarnings("EnumOrdinal") // all ranks run the same build
record Header(long group, long number, Operation operation, int to) {

    static final long BYTES = 64;

    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
    private static final int NO_REDUCTION = -1;

    static long groupHash(List<Integer> ranks) {
        var hash = 1_469_598_103_934_665_603L;
        for (var rank : ranks) {
            hash = (hash ^ rank) * 1_099_511_628_211L;
        }
        return hash;
    }

    void write(MemorySegment into) {
        var reduction = operation.reduction();
        into.setAtIndex(LONG, 0, group);
        into.setAtIndex(LONG, 1, number);
        into.setAtIndex(LONG, 2, operation.kind().ordinal());
        into.setAtIndex(LONG, 3, operation.dtype().ordinal());
        into.setAtIndex(LONG, 4, reduction == null ? NO_REDUCTION : reduction.ordinal());
        into.setAtIndex(LONG, 5, operation.root());
        into.setAtIndex(LONG, 6, operation.elements());
        into.setAtIndex(LONG, 7, to);
    }

    static Header read(MemorySegment from) {
        var reduction = (int) from.getAtIndex(LONG, 4);
        return new Header(
                from.getAtIndex(LONG, 0),
                from.getAtIndex(LONG, 1),
                new Operation(
                        Kind.values()[(int) from.getAtIndex(LONG, 2)],
                        DType.values()[(int) from.getAtIndex(LONG, 3)],
                        reduction == NO_REDUCTION ? null : Reduction.values()[reduction],
                        (int) from.getAtIndex(LONG, 5),
                        from.getAtIndex(LONG, 6)),
                (int) from.getAtIndex(LONG, 7));
    }
}
