package org.clipc.runtime.cli;

import java.io.IOException;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.clipc.program.EntryPoint;
import org.clipc.runtime.device.MeshRank;
import org.clipc.runtime.model.ClipModel;
import org.clipc.runtime.model.DatasetEmbedder;
import org.clipc.runtime.model.Evaluations;
import org.clipc.runtime.model.Preprocessing;
import org.clipc.runtime.model.Recipe;
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
    private ProgramOptions options = new ProgramOptions();

    @Mixin
    private DatasetOptions dataset = new DatasetOptions();

    @Mixin
    private ServingRanks ranks = new ServingRanks();

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
        try (var file = options.open()) {
            ranks.run(file.manifest(), this::measure);
        }
        return 0;
    }

    private void measure(MeshRank rank, int neighbours) throws IOException {
        var entries = List.of(EntryPoint.ENCODE_IMAGE, EntryPoint.ENCODE_TEXT);
        try (var file = options.open();
                var device = options.device(rank, neighbours);
                var model = ClipModel.load(file, device, entries, rank)) {
            var recipe = Recipe.of(file.manifest());
            options.fill(model.program(), recipe);
            var embedder = new DatasetEmbedder(model, new Preprocessing(recipe, model), dataset.workers());
            var images = dataset.images(embedder, data, rank);
            if (images.captions().stream().allMatch(List::isEmpty)) {
                throw new CliException(data + ": has no captions to retrieve");
            }
            var scores = Evaluations.retrieval(embedder, images);
            if (rank.isFirst()) {
                Scores.print(Objects.requireNonNull(spec).commandLine().getOut(), scores);
            }
        }
    }
}
