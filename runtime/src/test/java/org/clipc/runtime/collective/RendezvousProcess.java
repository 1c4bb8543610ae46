package org.clipc.runtime.collective;

import java.time.Duration;
import org.clipc.runtime.collective.rendezvous.RankEnvironment;
import org.clipc.runtime.collective.rendezvous.Rendezvous;

/** Joins as its environment says, and prints what the others put. */
final class RendezvousProcess {

    private RendezvousProcess() {}

    public static void main(String[] args) {
        var environment = RankEnvironment.of(System.getenv());
        var patience = Duration.ofSeconds(60);
        try (var rendezvous = Rendezvous.join(environment, patience)) {
            rendezvous.put("from " + environment.rank(), "hello " + environment.localRank());
            var heard = new StringBuilder();
            for (var rank = 0; rank < environment.worldSize(); rank++) {
                heard.append(rendezvous.get("from " + rank, patience)).append(';');
            }
            System.out.print(heard);
        }
    }
}
