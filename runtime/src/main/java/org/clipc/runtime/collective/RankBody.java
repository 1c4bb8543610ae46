package org.clipc.runtime.collective;

/** What every rank does, on its own end of the world. */
@FunctionalInterface
public interface RankBody<E extends Exception> {
    void run(Collectives ranks) throws E, InterruptedException;
}
