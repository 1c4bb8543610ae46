package org.clipc.runtime.collective;

import java.util.Locale;

/** How the ranks' elements become one. Members are always combined in the order of their ranks in the group. */
public enum Reduction {
    /** i32 wraps around; bf16 is added in f32, and rounded once, to the nearest even. */
    SUM,
    /** As {@link Math#max(float, float)}: NaN if any is NaN. */
    MAX,
    /** As {@link Math#min(float, float)}: NaN if any is NaN. */
    MIN;

    /** Its name in messages, such as {@code sum}. */
    public String text() {
        return name().toLowerCase(Locale.ROOT);
    }
}
