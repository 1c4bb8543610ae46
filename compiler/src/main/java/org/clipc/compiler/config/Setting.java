package org.clipc.compiler.config;

import org.jspecify.annotations.Nullable;

/**
 * One leaf of a recipe.
 *
 * @param value a Long, Double, Boolean, String, or a list of these; null where the recipe says so
 * @param origin where it was set
 */
public record Setting(@Nullable Object value, Origin origin) {

    /**
     * Where a setting stands.
     *
     * @param source the recipe's path, or {@code command line}
     * @param line counted from 1; 0 on the command line
     * @param column counted from 1; 0 on the command line
     */
    public record Origin(String source, int line, int column) {

        public static final Origin COMMAND_LINE = new Origin("command line", 0, 0);

        @Override
        public String toString() {
            return line == 0 ? source : source + ":" + line + ":" + column;
        }
    }
}
