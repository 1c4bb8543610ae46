package org.clipc.runtime.data.source;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.clipc.runtime.io.DataFormatException;

/**
 * A folder of pictures. A picture's caption is the {@code .txt} or {@code .json} file beside it of the same name; without
 * one, the picture's first folder below the root is its class: the folder's name is the caption and its place in
 * alphabetical order the label.
 */
public final class FolderSource {
    private static final Set<String> IMAGES = Set.of("jpg", "jpeg", "png", "webp", "gif");
    private static final int DEEPEST = 32;

    private final Path root;
    private final Limits limits;
    private final Map<String, Integer> labels = new HashMap<>();

    private FolderSource(Path root, Limits limits) {
        this.root = root;
        this.limits = limits;
    }

    /**
     * Lists a folder and reads its captions.
     *
     * @throws DataFormatException when it holds no usable picture
     */
    public static SampleSource open(Path root, Limits limits) throws IOException {
        var reader = new FolderSource(root, limits);
        List<Path> images = reader.images();
        reader.numberClasses();
        var rows = new ArrayList<FileSource.Row>();
        for (Path image : images) {
            reader.row(image).ifPresent(rows::add);
        }
        if (rows.isEmpty()) {
            throw new DataFormatException(
                    root, "holds no pictures that have a caption file beside them or a class folder above them");
        }
        return new FileSource(rows, limits);
    }

    /** The classes of a folder of pictures as captions name them, in the order of their labels. */
    public static List<String> classNames(Path root) throws IOException {
        return classFolders(root).stream().map(FolderSource::spoken).toList();
    }

    /** Those without pictures too, as torchvision's {@code ImageFolder} counts them. */
    private static List<String> classFolders(Path root) throws IOException {
        try (var list = Files.list(root)) {
            return list.filter(Files::isDirectory)
                    .map(p -> p.getFileName().toString())
                    .sorted()
                    .toList();
        }
    }

    private static String spoken(String classFolder) {
        return classFolder.replace('_', ' ');
    }

    private List<Path> images() throws IOException {
        try (var files = Files.walk(root, DEEPEST)) {
            return files.filter(f -> IMAGES.contains(extension(f)) && Files.isRegularFile(f))
                    .sorted()
                    .toList();
        }
    }

    private void numberClasses() throws IOException {
        classFolders(root).forEach(name -> labels.put(name, labels.size()));
    }

    private Optional<String> classOf(Path image) {
        Path relative = root.relativize(image);
        return relative.getNameCount() < 2
                ? Optional.empty()
                : Optional.of(relative.getName(0).toString());
    }

    private Optional<FileSource.Row> row(Path image) throws IOException {
        String name = root.relativize(image).toString();
        List<String> captions = captionsBeside(image);
        if (!captions.isEmpty()) {
            return Optional.of(new FileSource.Row(name, image, captions, OptionalInt.empty()));
        }
        return classOf(image).map(folder -> {
            var label = OptionalInt.of(labels.getOrDefault(folder, 0));
            return new FileSource.Row(name, image, List.of(spoken(folder)), label);
        });
    }

    private List<String> captionsBeside(Path image) throws IOException {
        String name = image.getFileName().toString();
        String base = name.substring(0, name.lastIndexOf('.'));
        Path text = image.resolveSibling(base + ".txt");
        if (Files.isRegularFile(text)) {
            return List.of(read(text));
        }
        Path json = image.resolveSibling(base + ".json");
        return Files.isRegularFile(json) ? CaptionJson.captions(read(json)) : List.of();
    }

    private String read(Path file) throws IOException {
        try {
            limits.checkText(Files.size(file));
            return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new DataFormatException(file.toString(), String.valueOf(e.getMessage()), e);
        }
    }

    private static String extension(Path file) {
        String name = String.valueOf(file.getFileName());
        return name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT);
    }
}
