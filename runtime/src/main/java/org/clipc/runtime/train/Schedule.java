package org.clipc.runtime.train;

import org.clipc.runtime.model.Recipe;

/** How long training goes, and how fast it learns on the way. Ranks that train together must be given the same at each step. */
public interface Schedule {

    /** Batches to train on in all, earlier runs included; {@link Long#MAX_VALUE} for as many as there are. */
    long maxSteps();

    /** The learning rate of a step, counted from 0. */
    double learningRate(long step);

    /** As many steps, at the recipe's learning rate. */
    static Schedule of(Recipe recipe, long maxSteps) {
        return new Fixed(maxSteps, LearningRate.of(recipe, maxSteps));
    }

    /** A number of steps that is known from the start. */
    record Fixed(long maxSteps, LearningRate rate) implements Schedule {
        @Override
        public double learningRate(long step) {
            return rate.at(step);
        }
    }
}
