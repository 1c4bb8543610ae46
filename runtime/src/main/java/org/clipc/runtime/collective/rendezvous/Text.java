package org.clipc.runtime.collective.rendezvous;

import java.time.Duration;

final class Text {

    private Text() {}

    /** Such as {@code 20 s}. */
    static String of(Duration duration) {
        return duration.toMillis() % 1000 == 0 ? duration.toSeconds() + " s" : duration.toMillis() + " ms";
    }
}
