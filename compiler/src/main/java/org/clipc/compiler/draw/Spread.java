package org.clipc.compiler.draw;

import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.clipc.compiler.shard.Sharding;
import org.clipc.compiler.shard.Sharding.Full;
import org.clipc.compiler.shard.Sharding.Split;
import org.clipc.ir.MeshAxis;

/** How a value is spread over the ranks, in a word; decides the colour of what shows it. */
public enum Spread {
    REPLICATED("replicated", "#e2e8f0", "#64748b"),
    SPLIT_DATA("split over data ranks", "#bfdbfe", "#1d4ed8"),
    SPLIT_TENSOR("split over tensor ranks", "#a7f3d0", "#047857"),
    SPLIT_BOTH("split over both", "#ddd6fe", "#6d28d9"),
    PARTIAL("partial sum", "#fed7aa", "#c2410c");

    private final String says;
    private final String fill;
    private final String stroke;

    Spread(String says, String fill, String stroke) {
        this.says = says;
        this.fill = fill;
        this.stroke = stroke;
    }

    /** A sum that is not complete is that whatever else is split. */
    static Spread of(Map<MeshAxis, Sharding> shardings) {
        if (shardings.containsValue(Full.PARTIAL)) {
            return PARTIAL;
        }
        var data = shardings.get(MeshAxis.DATA) instanceof Split;
        var tensor = shardings.get(MeshAxis.TENSOR) instanceof Split;
        if (data) {
            return tensor ? SPLIT_BOTH : SPLIT_DATA;
        }
        return tensor ? SPLIT_TENSOR : REPLICATED;
    }

    /** In full: {@code split(0) over data, partial(sum) over tensor}. */
    static String text(Map<MeshAxis, Sharding> shardings) {
        var text = shardings.entrySet().stream()
                .filter(e -> !e.getValue().equals(Full.REPLICATED))
                .map(e -> e.getValue() + " over " + e.getKey().text())
                .collect(Collectors.joining(", "));
        return text.isEmpty() ? REPLICATED.says : text;
    }

    /** For the legend. */
    public String says() {
        return says;
    }

    /** A word for identifiers. */
    String id() {
        return name().toLowerCase(Locale.ROOT);
    }

    String fill() {
        return fill;
    }

    String stroke() {
        return stroke;
    }
}
