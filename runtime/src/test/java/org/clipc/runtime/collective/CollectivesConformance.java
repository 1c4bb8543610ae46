package org.clipc.runtime.collective;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What every backend must do; a backend says how to put four ranks through a scenario. */
public abstract class CollectivesConformance {

    private static final Duration PATIENT = Duration.ofMinutes(2);
    private static final Duration HASTY = Duration.ofSeconds(3);

    /** Said by a rank that went through a scenario to its end. */
    protected static final String DONE = "done";

    /**
     * Puts ranks through a scenario.
     *
     * @return of each rank: {@link #DONE}, what its exception says, or "" if it died without a word
     */
    protected abstract List<String> outcomes(Scenario scenario, Duration timeout) throws Exception;

    @ParameterizedTest
    @EnumSource(names = {"OPERATIONS", "GROUPS_AT_ONCE", "UNEVEN_PACE"})
    void operationsDoWhatTheySay(Scenario scenario) throws Exception {
        assertThat(outcomes(scenario, PATIENT)).containsOnly(DONE);
    }

    @ParameterizedTest
    @EnumSource(names = {"DISAGREEING_SIZES", "DISAGREEING_OPERATIONS", "DISAGREEING_ROOTS", "DISAGREEING_EXCHANGE"})
    void membersThatDisagreeAreTold(Scenario scenario) throws Exception {
        assertThat(outcomes(scenario, PATIENT)).noneMatch(DONE::equals).anyMatch(said -> said.contains("disagree"));
    }

    @Test
    void aDyingRankStopsTheOthersAtOnce() throws Exception {
        assertThat(survivors(outcomes(Scenario.DYING, PATIENT), 2))
                .allMatch(said -> said.contains("rank 2") && said.contains("all-reduce #"));
    }

    @ParameterizedTest
    @EnumSource(names = {"STALLING", "STALLING_IN_A_PAIR"})
    void aStallingRankStopsTheOthersInTime(Scenario scenario) throws Exception {
        var outcomes = outcomes(scenario, HASTY);
        assertThat(outcomes).noneMatch(DONE::equals);
        assertThat(survivors(outcomes, 1))
                .allMatch(said -> said.contains("rank 1 did not come to all-reduce #") && said.contains("within 3 s"));
    }

    @Test
    void aRankThatLeftIsNotWaitedFor() throws Exception {
        var outcomes = outcomes(Scenario.LEAVING, PATIENT);
        assertThat(survivors(outcomes, 3)).allMatch(said -> said.contains("rank 3 left before all-reduce #2"));
    }

    @Test
    void aRankThatCannotGoOnTellsTheOthersWhy() throws Exception {
        assertThat(outcomes(Scenario.ABORTING, PATIENT))
                .allMatch(said -> said.contains("rank 0 cannot go on: its disk is full"));
    }

    /** What all but one said. */
    protected static List<String> survivors(List<String> outcomes, int victim) {
        assertThat(outcomes).hasSize(Scenario.RANKS);
        var others = new ArrayList<>(outcomes);
        others.remove(victim);
        return others;
    }
}
