package org.clipc.runtime.cli;

import java.io.IOException;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.clipc.program.EntryPoint;
import org.clipc.runtime.device.MeshRank;
import org.clipc.runtime.model.DatasetEmbedder;
import org.clipc.runtime.model.Evaluations;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Measures retrieval on captioned images. */
@Command(
        name = "retrieval",
        mixinStandardHelpOptions = true,
        description = "Measures how well images find their captions and captions their images: recall at 1, 5 and 10.")
final class RetrievalCommand implements Callable<Integer> {

    @Mixin
    private ServingOptions serving = new ServingOptions();

    @Option(
            names = "--data",
            required = true,
            paramLabel = "DATA",
            description = "Captioned images: shards, a folder or a table.")
    private String data = "";

    @Spec
    private @Nullable CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        serving.run(List.of(EntryPoint.ENCODE_IMAGE, EntryPoint.ENCODE_TEXT), this::measure);
        return 0;
    }

    private void measure(DatasetEmbedder embedder, MeshRank rank) throws IOException {
        var images = serving.images(embedder, data, rank);
        if (images.captions().stream().allMatch(List::isEmpty)) {
            throw new CliException(data + ": has no captions to retrieve");
        }
        var scores = Evaluations.retrieval(embedder, images);
        if (rank.isFirst()) {
            Scores.print(Objects.requireNonNull(spec).commandLine().getOut(), scores);
        }
    }
}
