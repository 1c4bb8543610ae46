package org.clipc.compiler.draw;

import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What is drawn, without coordinates: boxes in nested modules, and arrows between boxes.
 *
 * @param subtitle one line under the title, such as what was left out
 */
public record Diagram(String title, String subtitle, Module root, List<Arrow> arrows) {

    public Diagram {
        arrows = List.copyOf(arrows);
    }

    /**
     * A frame around boxes.
     *
     * @param id unique among modules and boxes
     */
    public record Module(int id, String label, List<Module> modules, List<Box> boxes) {
        public Module {
            modules = List.copyOf(modules);
            boxes = List.copyOf(boxes);
        }

        /** The boxes in here and in all modules in here. */
        public Stream<Box> allBoxes() {
            return Stream.concat(boxes.stream(), modules.stream().flatMap(Module::allBoxes));
        }
    }

    /**
     * One box.
     *
     * @param id unique among modules and boxes
     * @param lines text inside, the first of them prominent
     * @param tags below the lines: how what it computes and its parameters are spread over the ranks, its result's last
     * @param hover further text, lines ended by newlines
     */
    public record Box(int id, Kind kind, List<String> lines, List<Tag> tags, String hover) {
        public Box {
            lines = List.copyOf(lines);
            tags = List.copyOf(tags);
        }

        /** How the result is spread; null where that is not shown. */
        @Nullable
        Spread spread() {
            return tags.isEmpty() ? null : tags.getLast().spread();
        }
    }

    /** A word on a value's sharding. */
    public record Tag(Spread spread, String text) {}

    /**
     * Data that flows from one box or module to another.
     *
     * @param label beside the arrow; empty where the same would be said twice
     * @param hover further text
     * @param spread of what flows over the ranks; null where that is not shown, or differs
     */
    public record Arrow(
            int from,
            int to,
            String label,
            String hover,
            @Nullable Spread spread) {}

    /** What a box stands for; decides its colour. */
    public enum Kind {
        INPUT("inputs and outputs", "#ffffff", "#475569"),
        MODULE("module", "#eef2ff", "#6366f1"),
        MATMUL("matrix product", "#dbeafe", "#3b82f6"),
        ATTENTION("attention", "#ede9fe", "#8b5cf6"),
        NORMALIZATION("normalization, softmax", "#dcfce7", "#22c55e"),
        POINTWISE("elementwise", "#fef3c7", "#f59e0b"),
        REDUCTION("reduction", "#ffedd5", "#f97316"),
        LAYOUT("layout", "#f1f5f9", "#94a3b8"),
        INDEXING("indexing", "#cffafe", "#06b6d4"),
        RANDOM("random numbers", "#fce7f3", "#ec4899"),
        COLLECTIVE("between ranks", "#f5d0fe", "#a21caf"),
        OPTIMIZER("optimizer", "#fee2e2", "#ef4444");

        private final String says;
        private final String fill;
        private final String stroke;

        Kind(String says, String fill, String stroke) {
            this.says = says;
            this.fill = fill;
            this.stroke = stroke;
        }

        /** For the legend. */
        public String says() {
            return says;
        }

        String fill() {
            return fill;
        }

        String stroke() {
            return stroke;
        }

        /** Where ranks wait for each other is to be seen at a glance. */
        double strokeWidth() {
            return this == COLLECTIVE ? 3.5 : 1.2;
        }
    }

    /** The ways in which the values shown are spread over the ranks; none in a graph that is not divided. */
    public List<Spread> spreads() {
        return Stream.of(Spread.values())
                .filter(s -> boxes().stream().flatMap(b -> b.tags().stream()).anyMatch(t -> t.spread() == s)
                        || arrows.stream().anyMatch(a -> a.spread() == s))
                .toList();
    }

    public List<Box> boxes() {
        return root.allBoxes().toList();
    }
}
