package org.clipc.runtime.train;

/**
 * What training needs, besides weights and optimizer state, to go on as if it had never stopped.
 *
 * @param step batches that have been trained on
 * @param updates optimizer steps taken: batches without those skipped
 * @param skipped batches skipped because their gradient was not finite
 * @param position where in the data training goes on, in the words of its {@link BatchSource}
 * @param seed of all random numbers
 * @param recipe hash of the settings that the training began with
 */
record TrainState(long step, long updates, long skipped, String position, long seed, String recipe) {

    static TrainState start(long seed, String recipe) {
        return new TrainState(0, 0, 0, "", seed, recipe);
    }

    TrainState advance(boolean applied, String drawnTo) {
        return new TrainState(
                step + 1, applied ? updates + 1 : updates, applied ? skipped : skipped + 1, drawnTo, seed, recipe);
    }

    TrainState at(String place) {
        return new TrainState(step, updates, skipped, place, seed, recipe);
    }
}
