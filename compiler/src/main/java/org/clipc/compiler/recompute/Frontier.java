package org.clipc.compiler.recompute;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Which time buys which bytes: the choices that some price makes the best, found as they are asked for. Between two known
 * ones, the price at which both cost the same either finds a third or shows that there is none (Eisner and Severance,
 * Journal of the ACM 23, 1976).
 */
final class Frontier {

    /** The price at which next to everything is computed again. */
    private static final double LEAST_PRICE = 1e-4;

    private final SavedValues values;
    private final List<SavedValues.Choice> tried = new ArrayList<>();

    /** From the most bytes to the fewest. */
    private final List<SavedValues.Choice> known = new ArrayList<>();

    Frontier(SavedValues values, SavedValues.Choice first) {
        this.values = values;
        tried.add(first);
        known.add(first);
        known.add(choose(LEAST_PRICE));
    }

    private SavedValues.Choice choose(double price) {
        var choice = values.choose(price);
        tried.add(choice);
        return choice;
    }

    /** The choice that takes the least time of those that keep {@code limit} bytes at most, if there is one. */
    Optional<SavedValues.Choice> within(long limit) {
        if (known.getLast().bytes() > limit) {
            return Optional.empty();
        }
        while (true) {
            var at = firstWithin(limit);
            if (at == 0) {
                return Optional.of(known.getFirst());
            }
            var between = between(known.get(at - 1), known.get(at));
            if (between.isEmpty()) {
                return Optional.of(known.get(at));
            }
            known.add(at, between.get());
        }
    }

    private int firstWithin(long limit) {
        var at = 0;
        while (known.get(at).bytes() > limit) {
            at++;
        }
        return at;
    }

    private Optional<SavedValues.Choice> between(SavedValues.Choice more, SavedValues.Choice less) {
        var time = less.charged() - more.charged();
        if (time <= 0) {
            return Optional.empty();
        }
        var found = choose((more.bytes() - less.bytes()) / time);
        return Optional.of(found).filter(c -> c.bytes() < more.bytes() && c.bytes() > less.bytes());
    }

    /** A time that every choice takes that keeps {@code limit} bytes at most. */
    double leastNanos(long limit) {
        return tried.stream()
                .mapToDouble(choice -> choice.leastNanos(limit))
                .max()
                .orElse(0);
    }
}
