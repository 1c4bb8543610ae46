package org.clipc.runtime.data;

/** What random numbers are for: the second step of their path, so that no two uses share any. */
final class Purpose {
    static final long PART_ORDER = 1;
    static final long BUFFER_DRAW = 2;
    static final long RESAMPLE = 3;
    static final long AUGMENTATION = 4;

    private Purpose() {}
}
