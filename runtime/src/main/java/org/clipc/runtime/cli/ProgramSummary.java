package org.clipc.runtime.cli;

import java.util.List;
import java.util.Locale;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.clipc.program.Manifest;
import org.clipc.program.Parameter;
import org.clipc.program.ProgramFile;
import org.clipc.program.TensorSlot;
import org.clipc.runtime.model.Recipe;

/** What a program offers, for people. */
final class ProgramSummary {

    private static final int MOST_OUTPUTS = 6;

    private ProgramSummary() {}

    static String of(ProgramFile file) {
        var manifest = file.manifest();
        var text = new StringBuilder();
        text.append("model ").append(manifest.model()).append('\n');
        text.append("  parameters  ").append(parameters(manifest)).append('\n');
        text.append("  memory      ").append(memory(manifest)).append('\n');
        text.append("  targets     ")
                .append(String.join(", ", manifest.targets()))
                .append('\n');
        for (var entry : manifest.entries()) {
            text.append("entry ")
                    .append(entry.name())
                    .append(" (batch ")
                    .append(entry.batch())
                    .append(")\n");
            text.append("  takes  ").append(slots(entry.inputs())).append('\n');
            text.append("  gives  ").append(slots(entry.outputs())).append('\n');
        }
        text.append("recipe\n");
        Recipe.of(manifest)
                .toString()
                .lines()
                .forEach(line -> text.append("  ").append(line).append('\n'));
        return text.toString();
    }

    /** Of the whole model, whatever part of it a rank holds. */
    private static String parameters(Manifest manifest) {
        var all = count(manifest, parameter -> true);
        var vision = count(manifest, parameter -> parameter.name().startsWith("visual."));
        return String.format(Locale.ROOT, "%.2f M (%.2f M vision)", all / 1e6, vision / 1e6);
    }

    private static long count(Manifest manifest, Predicate<Parameter> which) {
        return manifest.parameters().stream()
                .filter(which)
                .mapToLong(parameter -> parameter.whole(manifest.mesh()).elements())
                .sum();
    }

    private static String memory(Manifest manifest) {
        return "%d MiB parameters, %d MiB workspace, %d MiB optimizer state"
                .formatted(
                        mebibytes(manifest.parameterBytes()),
                        mebibytes(manifest.workspaceBytes()),
                        mebibytes(manifest.stateBytes()));
    }

    private static long mebibytes(long bytes) {
        return (bytes + (1 << 20) - 1) >> 20;
    }

    private static String slots(List<TensorSlot> slots) {
        var shown = slots.stream()
                .limit(MOST_OUTPUTS)
                .map(slot -> slot.name() + ": " + slot.type())
                .collect(Collectors.joining(", "));
        return slots.size() > MOST_OUTPUTS ? shown + " and " + (slots.size() - MOST_OUTPUTS) + " more" : shown;
    }
}
