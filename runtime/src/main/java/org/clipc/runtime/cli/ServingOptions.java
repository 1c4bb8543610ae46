package org.clipc.runtime.cli;

import java.io.IOException;
import java.util.List;
import org.clipc.runtime.device.MeshRank;
import org.clipc.runtime.model.ClipModel;
import org.clipc.runtime.model.DatasetEmbedder;
import org.clipc.runtime.model.DatasetEmbedder.Embedded;
import org.clipc.runtime.model.Preprocessing;
import org.clipc.runtime.model.Recipe;
import picocli.CommandLine.Mixin;

/** A program that embeds data, and the ranks that do it together. */
final class ServingOptions {

    @Mixin
    private ProgramOptions program = new ProgramOptions();

    @Mixin
    private DatasetOptions dataset = new DatasetOptions();

    @Mixin
    private ServingRanks ranks = new ServingRanks();

    /** What each rank does with a model that is loaded. */
    interface Work {
        void take(DatasetEmbedder embedder, MeshRank rank) throws IOException;
    }

    /** @param entries entry points that the work needs */
    void run(List<String> entries, Work work) throws IOException {
        try (var file = program.open()) {
            ranks.run(file.manifest(), (rank, neighbours) -> run(entries, work, rank, neighbours));
        }
    }

    private void run(List<String> entries, Work work, MeshRank rank, int neighbours) throws IOException {
        try (var file = program.open();
                var device = program.device(rank, neighbours);
                var model = ClipModel.load(file, device, entries, rank)) {
            var recipe = Recipe.of(file.manifest());
            program.fill(model.program(), recipe);
            work.take(new DatasetEmbedder(model, new Preprocessing(recipe, model), dataset.workers()), rank);
        }
    }

    /** Embeds the images of a data set. */
    Embedded images(DatasetEmbedder embedder, String data, MeshRank rank) throws IOException {
        return dataset.images(embedder, data, rank);
    }
}
