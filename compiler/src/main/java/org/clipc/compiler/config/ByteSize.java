package org.clipc.compiler.config;

import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Byte counts such as {@code 40GiB}, {@code 512 MB} or {@code 1073741824}. */
public final class ByteSize {

    private static final Pattern FORM = Pattern.compile("([0-9]{1,15}(?:\\.[0-9]+)?)\\s*((?:[kKMGT]i?)?B?)");
    private static final String UNITS = "KMGT";

    private ByteSize() {}

    /** The count, or null if {@code value} is none. */
    public static @Nullable Long parse(@Nullable Object value) {
        if (value instanceof Long bytes) {
            return bytes > 0 ? bytes : null;
        }
        if (!(value instanceof String text)) {
            return null;
        }
        var match = FORM.matcher(text.strip());
        if (!match.matches()) {
            return null;
        }
        var unit = match.group(2).replace("B", "").toUpperCase(java.util.Locale.ROOT);
        var base = unit.endsWith("I") ? 1024.0 : 1000.0;
        var power = unit.isEmpty() ? 0 : 1 + UNITS.indexOf(unit.charAt(0));
        var bytes = Double.parseDouble(match.group(1)) * Math.pow(base, power);
        return bytes >= 1 && bytes < Long.MAX_VALUE ? (Long) (long) bytes : null;
    }

    /** For people: {@code 1.5 GiB}. */
    public static String format(long bytes) {
        var units = new String[] {"B", "KiB", "MiB", "GiB", "TiB"};
        var amount = (double) bytes;
        var unit = 0;
        while (amount >= 1024 && unit < units.length - 1) {
            amount /= 1024;
            unit++;
        }
        return unit == 0 ? bytes + " B" : String.format(java.util.Locale.ROOT, "%.2f %s", amount, units[unit]);
    }
}
