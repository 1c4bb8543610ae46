package org.clipc.runtime.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.clipc.program.EntryPoint;
import org.clipc.runtime.data.Batch;
import org.clipc.runtime.data.source.FolderSource;
import org.clipc.runtime.device.MeshRank;
import org.clipc.runtime.eval.Embeddings;
import org.clipc.runtime.eval.PromptTemplates;
import org.clipc.runtime.io.AtomicFile;
import org.clipc.runtime.io.TextFile;
import org.clipc.runtime.model.DatasetEmbedder;
import org.clipc.runtime.model.DatasetEmbedder.Embedded;
import org.clipc.runtime.model.Evaluations;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Classifies images by the names of classes. */
@Command(
        name = "zeroshot",
        mixinStandardHelpOptions = true,
        description = {
            "Classifies images by the names of the classes, without training on them.",
            "Prints top-1 and top-5 accuracy where the images have labels; --out takes the answers."
        })
final class ZeroShotCommand implements Callable<Integer> {

    private static final int ANSWERS = 5;
    private static final ObjectMapper JSON = new ObjectMapper();

    @Mixin
    private ServingOptions serving = new ServingOptions();

    @Option(
            names = "--data",
            required = true,
            paramLabel = "DATA",
            description = "Images: shards (labels in .cls), a folder with one folder per class, or a table.")
    private String data = "";

    @Option(
            names = "--classes",
            paramLabel = "NAMES",
            description =
                    "A file with one class a line, or their names with commas between; the folder's own by default.")
    private @Nullable String classes;

    @Option(
            names = "--templates",
            paramLabel = "FILE",
            description = "Sentences with {} for the class, one a line; 'imagenet' (OpenAI's eighty, the default) or"
                    + " 'plain' (the name alone).")
    private String templates = "imagenet";

    @Option(names = "--out", paramLabel = "FILE", description = "JSON lines: key, label, the five best classes.")
    private @Nullable Path out;

    @Spec
    private @Nullable CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        var names = classNames();
        serving.run(
                List.of(EntryPoint.ENCODE_IMAGE, EntryPoint.ENCODE_TEXT),
                (embedder, rank) -> classify(names, embedder, rank));
        return 0;
    }

    private void classify(List<String> names, DatasetEmbedder embedder, MeshRank rank) throws IOException {
        var rows = Evaluations.classes(embedder, names, promptTemplates());
        var images = serving.images(embedder, data, rank);
        if (rank.isFirst()) {
            report(names, rows, images);
        }
    }

    private void report(List<String> names, Embeddings rows, Embedded images) throws IOException {
        if (out != null) {
            write(out, names, rows, images);
        }
        var labelled = images.labels().stream()
                .filter(label -> label != Batch.NO_LABEL)
                .count();
        if (labelled == images.keys().size()) {
            for (var label : images.labels()) {
                if (label >= names.size()) {
                    throw new CliException(data + ": has the label " + label + ", but there are only " + names.size()
                            + " classes, from 0");
                }
            }
            Scores.print(Objects.requireNonNull(spec).commandLine().getOut(), Evaluations.zeroShot(images, rows));
        } else if (out == null) {
            throw new CliException(data + ": not all images have labels to be measured by; give --out for the answers");
        }
    }

    private List<String> classNames() throws IOException {
        if (classes == null) {
            var folder = Path.of(data);
            var names = Files.isDirectory(folder) ? FolderSource.classNames(folder) : List.<String>of();
            if (names.isEmpty()) {
                throw new CliException("give the classes with --classes: " + data + " does not name them");
            }
            return names;
        }
        var isFile = Files.isRegularFile(Path.of(classes));
        if (!isFile && !classes.contains(",")) {
            throw new CliException("--classes: there is no file " + classes + ", and no comma between names");
        }
        var lines = isFile ? TextFile.readLines(Path.of(classes)) : List.of(classes.split(",", -1));
        var names = lines.stream().map(String::strip).filter(n -> !n.isEmpty()).toList();
        if (names.isEmpty()) {
            throw new CliException("--classes names no class");
        }
        return names;
    }

    private PromptTemplates promptTemplates() throws IOException {
        return switch (templates) {
            case "imagenet" -> PromptTemplates.imagenet();
            case "plain" -> new PromptTemplates(List.of("{}"));
            default -> PromptTemplates.read(Path.of(templates));
        };
    }

    private static void write(Path path, List<String> names, Embeddings rows, Embedded images) throws IOException {
        AtomicFile.write(path, channel -> {
            for (var i = 0; i < images.keys().size(); i++) {
                var answers = new ArrayList<Map<String, Object>>();
                for (var best : images.images().nearest(i, rows, ANSWERS)) {
                    var answer = new LinkedHashMap<String, Object>();
                    answer.put("class", names.get(best));
                    answer.put("similarity", images.images().similarity(i, rows, best));
                    answers.add(answer);
                }
                var line = new LinkedHashMap<String, Object>();
                line.put("key", images.keys().get(i));
                line.put("label", images.labels().get(i));
                line.put("answers", answers);
                var bytes = (JSON.writeValueAsString(line) + "\n").getBytes(StandardCharsets.UTF_8);
                AtomicFile.writeFully(channel, ByteBuffer.wrap(bytes));
            }
        });
    }
}
