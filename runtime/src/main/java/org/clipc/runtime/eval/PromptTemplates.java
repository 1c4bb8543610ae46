package org.clipc.runtime.eval;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.clipc.runtime.io.DataFormatException;
import org.clipc.runtime.io.TextFile;

/** Sentences with a {@code {}} for the class's name; a class is the average of its sentences. */
public record PromptTemplates(List<String> templates) {

    /** What {@link #named} knows {@link #imagenet} by. */
    public static final String IMAGENET = "imagenet";

    private static final String RESOURCE = "imagenet_templates.txt";
    private static final String PLAIN = "plain";

    public PromptTemplates {
        templates = List.copyOf(templates);
    }

    /** {@value #IMAGENET}, {@value #PLAIN} (the class's name alone), or a file of templates. */
    public static PromptTemplates named(String name) throws IOException {
        return switch (name) {
            case IMAGENET -> imagenet();
            case PLAIN -> new PromptTemplates(List.of("{}"));
            default -> read(Path.of(name));
        };
    }

    /** The eighty that OpenAI's CLIP uses for ImageNet, which NeMo and open_clip use too. */
    public static PromptTemplates imagenet() {
        try (var stream = PromptTemplates.class.getResourceAsStream(RESOURCE)) {
            if (stream == null) {
                throw new IllegalStateException("resource " + RESOURCE + " is missing from the build");
            }
            return new PromptTemplates(new String(stream.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .toList());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** One template per line of {@code file}; blank lines do not count. */
    public static PromptTemplates read(Path file) throws IOException {
        var lines = TextFile.readLines(file).stream()
                .map(String::strip)
                .filter(line -> !line.isEmpty())
                .toList();
        for (var line : lines) {
            if (!line.contains("{}")) {
                throw new DataFormatException(file, "the template '" + line + "' has no {} for the class's name");
            }
        }
        if (lines.isEmpty()) {
            throw new DataFormatException(file, "holds no template; write one a line, such as: a photo of a {}.");
        }
        return new PromptTemplates(lines);
    }

    public List<String> fill(String className) {
        return templates.stream().map(t -> t.replace("{}", className)).toList();
    }
}
