package org.clipc.runtime.data;

import java.util.random.RandomGenerator;

/**
 * Random numbers that depend on what they are for, not on when they are drawn: the n-th number of a path such as (seed,
 * purpose, sample) is always the same, whichever thread asks. SplitMix64 (Steele, Lea and Flood, 2014), whose state is a
 * counter, started at a hash of the path. Not for threads to share.
 */
public final class CounterRandom implements RandomGenerator {
    private static final long GOLDEN_GAMMA = 0x9e3779b97f4a7c15L;

    private long state;

    private CounterRandom(long state) {
        this.state = state;
    }

    public static CounterRandom of(long seed, long... path) {
        long state = mix(seed + GOLDEN_GAMMA);
        for (long step : path) {
            state = mix(state ^ mix(step + GOLDEN_GAMMA)) + GOLDEN_GAMMA;
        }
        return new CounterRandom(state);
    }

    @Override
    public long nextLong() {
        state += GOLDEN_GAMMA;
        return mix(state);
    }

    private static long mix(long z) {
        long a = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
        long b = (a ^ (a >>> 27)) * 0x94d049bb133111ebL;
        return b ^ (b >>> 31);
    }
}
