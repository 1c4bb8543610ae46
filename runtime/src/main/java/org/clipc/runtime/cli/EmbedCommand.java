package org.clipc.runtime.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.clipc.program.EntryPoint;
import org.clipc.runtime.device.MeshRank;
import org.clipc.runtime.eval.Embeddings;
import org.clipc.runtime.io.AtomicFile;
import org.clipc.runtime.io.TextFile;
import org.clipc.runtime.model.DatasetEmbedder;
import org.clipc.runtime.tensor.HostTensor;
import org.clipc.runtime.tensor.SafetensorsWriter;
import org.clipc.runtime.tensor.TensorDType;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Writes features of images and texts. */
@Command(
        name = "embed",
        mixinStandardHelpOptions = true,
        description = "Writes the features of images and texts, as safetensors or as JSON lines.")
final class EmbedCommand implements Callable<Integer> {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String LINES = ".jsonl";

    /** Bytes of keys that are metadata: readers take a header of 100 MB, in which a byte may take two. */
    private static final int MOST_KEYS = 20_000_000;

    @Mixin
    private ServingOptions serving = new ServingOptions();

    @Option(
            names = "--images",
            paramLabel = "DATA",
            description = "Shards such as 'shards/{000..099}.tar', a folder of shards or pictures, or a table.")
    private @Nullable String images;

    @Option(names = "--texts", paramLabel = "FILE", description = "A text file, one text per line.")
    private @Nullable Path texts;

    @Option(
            names = "--out",
            required = true,
            paramLabel = "FILE",
            description = "A .safetensors file (image_features, text_features; image_keys and text_keys, JSON,"
                    + " in the metadata, or where that would be too long in a tensor of bytes) or a .jsonl file"
                    + " (one object per item: kind, key, features).")
    private Path out = Path.of("");

    @Override
    public Integer call() throws IOException {
        if (images == null && texts == null) {
            throw new CliException("there is nothing to embed: give --images, --texts or both");
        }
        if (!out.toString().endsWith(LINES) && !out.toString().endsWith(".safetensors")) {
            throw new CliException("--out must end in .safetensors or .jsonl, not " + out);
        }
        var entries = new ArrayList<String>();
        if (images != null) {
            entries.add(EntryPoint.ENCODE_IMAGE);
        }
        if (texts != null) {
            entries.add(EntryPoint.ENCODE_TEXT);
        }
        serving.run(entries, this::embed);
        return 0;
    }

    private void embed(DatasetEmbedder embedder, MeshRank rank) throws IOException {
        var features = new LinkedHashMap<String, Keyed>();
        if (images != null) {
            var embedded = serving.images(embedder, images, rank);
            features.put("image", new Keyed(embedded.keys(), embedded.images()));
        }
        if (texts != null) {
            var lines = TextFile.readLines(texts);
            features.put("text", new Keyed(lines, embedder.texts(lines)));
        }
        if (rank.isFirst()) {
            write(features);
        }
    }

    private void write(Map<String, Keyed> features) throws IOException {
        if (out.toString().endsWith(LINES)) {
            writeLines(features);
        } else {
            writeTensors(features);
        }
    }

    private record Keyed(List<String> keys, Embeddings features) {}

    private void writeTensors(Map<String, Keyed> features) throws IOException {
        var writer = new SafetensorsWriter();
        for (var kind : features.entrySet()) {
            var rows = kind.getValue().features();
            writer.add(kind.getKey() + "_features", HostTensor.of(rows.values(), rows.rows(), rows.width()));
            putKeys(writer, kind.getKey() + "_keys", kind.getValue().keys());
        }
        writer.writeTo(out);
    }

    private static void putKeys(SafetensorsWriter writer, String name, List<String> keys) throws IOException {
        var json = JSON.writeValueAsBytes(keys);
        if (json.length <= MOST_KEYS) {
            writer.metadata(name, new String(json, StandardCharsets.UTF_8));
        } else {
            writer.add(name, new HostTensor(TensorDType.U8, List.of((long) json.length), MemorySegment.ofArray(json)));
        }
    }

    private void writeLines(Map<String, Keyed> features) throws IOException {
        AtomicFile.write(out, channel -> {
            for (var kind : features.entrySet()) {
                var keyed = kind.getValue();
                for (var i = 0; i < keyed.keys().size(); i++) {
                    var line = new LinkedHashMap<String, Object>();
                    line.put("kind", kind.getKey());
                    line.put("key", keyed.keys().get(i));
                    line.put("features", keyed.features().row(i));
                    var bytes = (JSON.writeValueAsString(line) + "\n").getBytes(StandardCharsets.UTF_8);
                    AtomicFile.writeFully(channel, ByteBuffer.wrap(bytes));
                }
            }
        });
    }
}
