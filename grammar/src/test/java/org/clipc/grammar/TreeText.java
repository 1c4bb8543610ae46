package org.clipc.grammar;

import java.lang.reflect.RecordComponent;
import java.util.List;
import java.util.stream.Collectors;
import org.clipc.grammar.diagnostic.SourceSpan;
import org.jspecify.annotations.Nullable;

/** A syntax tree as text without its spans: two trees that mean the same give the same text. */
public final class TreeText {
    private TreeText() {}

    public static String of(@Nullable Object node) {
        return switch (node) {
            case null -> "-";
            case SourceSpan _ -> "";
            case List<?> list -> list.stream().map(TreeText::of).collect(Collectors.joining(" ", "[", "]"));
            case Record r -> {
                var text = new StringBuilder("(" + r.getClass().getSimpleName());
                for (RecordComponent component : r.getClass().getRecordComponents()) {
                    try {
                        text.append(' ').append(of(component.getAccessor().invoke(r)));
                    } catch (ReflectiveOperationException e) {
                        throw new LinkageError(e.getMessage(), e);
                    }
                }
                yield text.append(')').toString();
            }
            default -> node.toString();
        };
    }
}
