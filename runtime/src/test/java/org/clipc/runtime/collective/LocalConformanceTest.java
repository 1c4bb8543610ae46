package org.clipc.runtime.collective;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import org.clipc.runtime.collective.local.LocalRanks;

/** Ranks that are threads. */
class LocalConformanceTest extends CollectivesConformance {

    private static final class Death extends Error {
        private static final long serialVersionUID = 1L;
    }

    @Override
    protected List<String> outcomes(Scenario scenario, Duration timeout) throws InterruptedException {
        var outcomes = new String[Scenario.RANKS];
        Arrays.fill(outcomes, "");
        try {
            LocalRanks.run(Scenario.RANKS, CollectiveOptions.DEFAULT.withTimeout(timeout), ends -> {
                try {
                    scenario.run(new Scenario.Rank(ends, 0, LocalConformanceTest::die));
                    outcomes[ends.rank()] = DONE;
                } catch (CollectiveException | AssertionError e) {
                    outcomes[ends.rank()] = String.valueOf(e.getMessage());
                    throw e;
                }
            });
        } catch (CollectiveException | Death | AssertionError e) {
            // Every rank has said what it got.
        }
        return List.of(outcomes);
    }

    private static void die() {
        throw new Death();
    }
}
