package org.clipc.ir.testing;

import java.util.Arrays;
import org.clipc.ir.interp.Tensor64;

/** The numbers that a random operand may hold. */
enum Domain {
    ANY,
    POSITIVE,
    NONZERO;

    /** Keeps results and slopes of logarithms, roots and quotients moderate. */
    private static final double MARGIN = 0.25;

    boolean holds(Tensor64 x) {
        return switch (this) {
            case ANY -> true;
            case POSITIVE -> Arrays.stream(x.data()).allMatch(v -> v >= MARGIN);
            case NONZERO -> Arrays.stream(x.data()).allMatch(v -> Math.abs(v) >= MARGIN);
        };
    }

    /** Maps numbers in (-2, 2) into the domain, keeping distinct ones distinct. */
    double move(double v) {
        return switch (this) {
            case ANY -> v;
            case POSITIVE -> v + 2 + MARGIN;
            case NONZERO -> v + Math.copySign(MARGIN, v);
        };
    }
}
