package org.clipc.runtime.collective.reduce;

/** How members share the work on a tensor: each has a slice. */
public final class Slices {

    /** Elements: slices begin on cache lines of their own, so that members do not write into each other's. */
    private static final long GRAIN = 64;

    private Slices() {}

    /**
     * The first element of a member's slice, which ends where the next one's begins.
     *
     * @param elements of the tensor
     * @param members that share it
     * @param member from 0; {@code members} for the end
     */
    public static long start(long elements, int members, int member) {
        var grains = (elements + GRAIN - 1) / GRAIN;
        return Math.min(elements, grains * member / members * GRAIN);
    }
}
