package org.clipc.runtime.demo;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.clipc.runtime.io.AtomicFile;

/** Draws every icon once and writes the shards. They appear under their final name when all of them are complete. */
final class ShardMaker {

    private final DemoData data;
    private final Path icons;
    private final Path rasterizerJar;
    private final Consumer<String> progress;

    ShardMaker(DemoData data, Path icons, Path rasterizerJar, Consumer<String> progress) {
        this.data = data;
        this.icons = icons;
        this.rasterizerJar = rasterizerJar;
        this.progress = progress;
    }

    void make() throws IOException {
        if (Files.isDirectory(data.folder())) {
            return;
        }
        var unfinished = data.folder().resolveSibling("shards.unfinished");
        deleteFlat(unfinished);
        Files.createDirectories(unfinished);
        var licenses = new ArrayList<String>();
        try (var rasterizer = new SvgRasterizer(rasterizerJar)) {
            var training = new ArrayList<Drawing>();
            for (var artist : DemoData.TRAIN_ARTISTS) {
                draw(artist, rasterizer, licenses)
                        .filter(d -> !data.isHeldOut(d.concept()))
                        .forEach(training::add);
            }
            writeTraining(unfinished, training);
            for (var artist : DemoData.TEST_ARTISTS) {
                DrawingShard.write(
                        unfinished.resolve(data.testShard(artist).getFileName()),
                        draw(artist, rasterizer, licenses).toList());
            }
        }
        AtomicFile.writeString(unfinished.resolve("LICENSES.txt"), String.join("\n", licenses) + "\n");
        Files.move(unfinished, data.folder());
    }

    private Stream<Drawing> draw(String artist, SvgRasterizer rasterizer, List<String> licenses) throws IOException {
        progress.accept("drawing " + artist);
        var set = IconSet.read(icons, artist, data.concepts());
        licenses.add(artist + ": " + set.license() + ", drawings from the Iconify collection");
        return set.drawings().entrySet().parallelStream()
                .flatMap(drawing -> rasterizer.draw(drawing.getValue(), DemoData.PIXELS).stream()
                        .map(image -> new Drawing(
                                artist, Objects.requireNonNull(data.concepts().get(drawing.getKey())), image)))
                .sorted(Comparator.comparing(Drawing::key))
                .toList()
                .stream();
    }

    private static void writeTraining(Path folder, List<Drawing> drawings) throws IOException {
        var mixed = drawings.stream()
                .sorted(Comparator.comparingInt((Drawing d) -> DemoData.mixed(d.key()))
                        .thenComparing(Drawing::key))
                .toList();
        for (var shard = 0; shard < DemoData.TRAIN_SHARDS; shard++) {
            var first = shard;
            DrawingShard.write(
                    folder.resolve("train-%02d.tar".formatted(shard)),
                    IntStream.range(0, mixed.size())
                            .filter(i -> i % DemoData.TRAIN_SHARDS == first)
                            .mapToObj(mixed::get)
                            .toList());
        }
    }

    private static void deleteFlat(Path folder) throws IOException {
        if (Files.isDirectory(folder)) {
            try (var files = Files.list(folder)) {
                for (var file : files.toList()) {
                    Files.delete(file);
                }
            }
            Files.delete(folder);
        }
    }
}
