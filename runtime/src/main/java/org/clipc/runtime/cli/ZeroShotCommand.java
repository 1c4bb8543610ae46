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
import org.clipc.runtime.device.MeshRank;
import org.clipc.runtime.eval.Embeddings;
import org.clipc.runtime.eval.PromptTemplates;
import org.clipc.runtime.io.AtomicFile;
import org.clipc.runtime.model.DatasetEmbedder;
import org.clipc.runtime.model.DatasetEmbedder.Embedded;
import org.clipc.runtime.model.ZeroShot;
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
        var given = classes == null
                ? List.<String>of()
                : Files.isRegularFile(Path.of(classes)) ? List.of(classes) : List.of(classes.split(",", -1));
        var task = new ZeroShot(ZeroShot.classNames(given, data, "--classes"), PromptTemplates.named(templates));
        serving.run(
                List.of(EntryPoint.ENCODE_IMAGE, EntryPoint.ENCODE_TEXT),
                (embedder, rank) -> classify(task, embedder, rank));
        return 0;
    }

    private void classify(ZeroShot task, DatasetEmbedder embedder, MeshRank rank) throws IOException {
        var rows = task.embedClasses(embedder);
        var images = serving.images(embedder, data, rank);
        if (rank.isFirst()) {
            report(task, rows, images);
        }
    }

    private void report(ZeroShot task, Embeddings rows, Embedded images) throws IOException {
        if (out != null) {
            write(out, task.classes(), rows, images);
        }
        if (!images.labels().contains(Batch.NO_LABEL)) {
            Scores.print(Objects.requireNonNull(spec).commandLine().getOut(), task.score(rows, images, data));
        } else if (out == null) {
            throw new CliException(data + ": not all images have labels to be measured by; give --out for the answers");
        }
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
