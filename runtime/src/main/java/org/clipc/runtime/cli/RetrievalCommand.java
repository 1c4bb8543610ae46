package org.clipc.runtime.cli;

import java.io.IOException;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.clipc.program.EntryPoint;
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
        try (var file = options.open();
                var device = options.device();
                var model = ClipModel.load(file, device, List.of(EntryPoint.ENCODE_IMAGE, EntryPoint.ENCODE_TEXT))) {
            var recipe = Recipe.of(file.manifest());
            options.fill(model.program(), recipe);
            var embedder = new DatasetEmbedder(model, new Preprocessing(recipe, model), dataset.workers());
            var images = dataset.images(embedder, data);
            if (images.captions().stream().allMatch(List::isEmpty)) {
                throw new CliException(data + ": has no captions to retrieve");
            }
            Scores.print(Objects.requireNonNull(spec).commandLine().getOut(), Evaluations.retrieval(embedder, images));
        }
        return 0;
    }
}
