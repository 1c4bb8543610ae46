package org.clipc.ir;

/**
 * The counter-based generator behind {@link Op.Uniform}, {@link Op.RandomSubset} and attention's dropout: Philox4x32-10
 * (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011). A number depends on the key, the stream and
 * the element's index only, so masks do not depend on how work is divided among threads and ranks.
 *
 * <p>Key: (seed[0], seed[1]). Counter: (low and high half of index / 4, stream, 0). Element {@code index} takes output
 * word {@code index % 4}; its upper 24 bits are the uniform number, exact in f32. Kernels render the same arithmetic.
 */
public final class Philox {

    private static final long MULTIPLIER_0 = 0xD2511F53L;
    private static final long MULTIPLIER_1 = 0xCD9E8D57L;
    private static final int WEYL_0 = 0x9E3779B9;
    private static final int WEYL_1 = 0xBB67AE85;
    private static final int ROUNDS = 10;
    private static final long LOW_WORD = 0xFFFFFFFFL;

    private Philox() {}

    /** The four output words of the block with counter (c0, c1, c2, c3) under key (k0, k1). */
    public static int[] block(int c0, int c1, int c2, int c3, int k0, int k1) {
        var c = new int[] {c0, c1, c2, c3};
        for (var round = 0; round < ROUNDS; round++) {
            var p0 = MULTIPLIER_0 * (c[0] & LOW_WORD);
            var p1 = MULTIPLIER_1 * (c[2] & LOW_WORD);
            c = new int[] {
                (int) (p1 >>> 32) ^ c[1] ^ (k0 + round * WEYL_0),
                (int) p1,
                (int) (p0 >>> 32) ^ c[3] ^ (k1 + round * WEYL_1),
                (int) p0
            };
        }
        return c;
    }

    /** The random word of element {@code index} (not negative) of a stream. */
    public static int word(int seed0, int seed1, long index, int stream) {
        var group = index >>> 2;
        return block((int) group, (int) (group >>> 32), stream, 0, seed0, seed1)[(int) (index & 3)];
    }

    /** The uniform number in [0, 1) of element {@code index} (not negative) of a stream. */
    public static float uniform(int seed0, int seed1, long index, int stream) {
        return (word(seed0, seed1, index, stream) >>> 8) * 0x1p-24f;
    }
}
