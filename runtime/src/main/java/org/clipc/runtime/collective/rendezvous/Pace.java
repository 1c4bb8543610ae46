package org.clipc.runtime.collective.rendezvous;

import java.time.Duration;

/**
 * How often ranks say that they are alive, and how long nothing may be heard of one before it is taken for gone. A process
 * that ends is noticed at once; this is for machines and networks that fail.
 */
record Pace(Duration beat, Duration silence) {

    static final Pace DEFAULT = new Pace(Duration.ofSeconds(3), Duration.ofSeconds(20));
}
