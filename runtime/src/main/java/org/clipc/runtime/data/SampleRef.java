package org.clipc.runtime.data;

/**
 * Which sample comes next.
 *
 * @param draw its place in the order, from 0; also what its augmentation depends on
 * @param epoch the pass over the data that it belongs to
 */
record SampleRef(long draw, long epoch, int part, int sample) {
    static long pack(int part, int sample) {
        return ((long) part << 32) | sample;
    }

    static int part(long packed) {
        return (int) (packed >>> 32);
    }

    static int sample(long packed) {
        return (int) packed;
    }
}
