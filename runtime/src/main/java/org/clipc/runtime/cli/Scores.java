package org.clipc.runtime.cli;

import java.io.PrintWriter;
import java.util.Locale;
import java.util.Map;

/** Prints measures, one a line. */
final class Scores {

    private Scores() {}

    /** @param scores fractions of 1 */
    static void print(PrintWriter out, Map<String, Double> scores) {
        scores.forEach((name, value) -> out.println(String.format(Locale.ROOT, "%-20s %6.2f%%", name, 100 * value)));
        out.flush();
    }
}
