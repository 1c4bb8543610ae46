package org.clipc.compiler.draw;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.clipc.compiler.draw.Diagram.Box;
import org.clipc.compiler.draw.Diagram.Kind;
import org.clipc.compiler.draw.Diagram.Module;
import org.clipc.compiler.draw.Diagram.Tag;

/** A diagram in Graphviz' language, for its layouts and for other tools. */
public final class DotWriter {

    private final StringBuilder out = new StringBuilder();
    private final Map<Integer, Module> modules = new HashMap<>();

    private DotWriter() {}

    public static String write(Diagram diagram) {
        return new DotWriter().run(diagram);
    }

    private String run(Diagram diagram) {
        out.append("digraph ").append(quoted(diagram.title())).append(" {\n");
        out.append("  graph [rankdir=TB, compound=true, fontname=\"Helvetica\", label=")
                .append(quoted(diagram.title() + " (" + diagram.subtitle() + ")"))
                .append(", labelloc=t];\n");
        out.append("  node [shape=box, style=\"rounded,filled\", fontname=\"Helvetica\", fontsize=11];\n");
        out.append("  edge [fontname=\"Helvetica\", fontsize=9, color=\"#64748b\", fontcolor=\"#64748b\"];\n");
        module(diagram.root(), "  ");
        legend(diagram.spreads());
        for (var arrow : diagram.arrows()) {
            out.append("  b%d -> b%d [label=%s, tooltip=%s%s%s%s];\n"
                    .formatted(
                            end(arrow.from()),
                            end(arrow.to()),
                            quoted(arrow.label()),
                            quoted(arrow.hover()),
                            arrow.spread() == null
                                    ? ""
                                    : ", color=\"" + arrow.spread().stroke() + "\"",
                            modules.containsKey(arrow.from()) ? ", ltail=cluster_" + arrow.from() : "",
                            modules.containsKey(arrow.to()) ? ", lhead=cluster_" + arrow.to() : ""));
        }
        return out.append("}\n").toString();
    }

    /** What the colours of arrows, and of the borders of boxes, say of values. */
    private void legend(List<Spread> spreads) {
        if (spreads.isEmpty()) {
            return;
        }
        out.append("  subgraph cluster_legend {\n    label=\"over the ranks\"; color=\"#cbd5e1\";\n");
        for (var spread : spreads) {
            out.append("    legend_%s [label=%s, fillcolor=\"%s\", color=\"%s\", penwidth=2];\n"
                    .formatted(spread.id(), quoted(spread.says()), spread.fill(), spread.stroke()));
        }
        out.append("  }\n");
    }

    private void module(Module module, String indent) {
        for (var box : module.boxes()) {
            out.append(indent).append(node(box)).append('\n');
        }
        modules.put(module.id(), module);
        for (var inner : module.modules()) {
            out.append(indent).append("subgraph cluster_").append(inner.id()).append(" {\n");
            out.append(indent)
                    .append("  label=")
                    .append(quoted(inner.label()))
                    .append("; style=\"rounded,filled\"; fillcolor=\"#f8fafc\"; color=\"#cbd5e1\";\n");
            module(inner, indent + "  ");
            out.append(indent).append("}\n");
        }
    }

    /** Arrows run between boxes; one to a module is clipped at its frame. */
    private int end(int id) {
        var module = modules.get(id);
        return module == null ? id : module.allBoxes().findFirst().orElseThrow().id();
    }

    private static String node(Box box) {
        var label = Stream.concat(box.lines().stream(), box.tags().stream().map(Tag::text))
                .collect(Collectors.joining("\n"));
        var spread = box.spread();
        return "b%d [label=%s, tooltip=%s, fillcolor=\"%s\", color=\"%s\"%s%s];"
                .formatted(
                        box.id(),
                        quoted(label),
                        quoted(box.hover()),
                        box.kind().fill(),
                        spread == null ? box.kind().stroke() : spread.stroke(),
                        spread == null ? "" : ", penwidth=2",
                        box.kind() == Kind.COLLECTIVE ? ", peripheries=2" : "");
    }

    private static String quoted(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + '"';
    }
}
