package org.clipc.runtime.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.clipc.program.ProgramFile;
import org.clipc.runtime.train.CheckpointFolder;
import org.clipc.runtime.weights.WeightExport;
import org.clipc.runtime.weights.WeightFormat;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Writes weights for other software to load. */
@Command(
        name = "export",
        mixinStandardHelpOptions = true,
        description = {
            "Writes a model's weights under the names that open_clip or Hugging Face's transformers give them.",
            "Element types stay as they are; nothing is computed."
        })
final class ExportCommand implements Callable<Integer> {

    @Option(
            names = "--graph",
            required = true,
            paramLabel = "PROGRAM",
            description = "The compiled program that the weights are for, which tells what they must be.")
    private Path graph = Path.of("");

    @Option(
            names = "--weights",
            required = true,
            paramLabel = "FILE",
            description =
                    "Safetensors under open_clip's or Hugging Face's names, a checkpoint, or a training's folder.")
    private Path weights = Path.of("");

    @Option(
            names = "--format",
            required = true,
            paramLabel = "NAMES",
            description = "huggingface, for transformers' CLIPModel, or open_clip.")
    private WeightFormat format = WeightFormat.OPEN_CLIP;

    @Option(names = "--out", required = true, paramLabel = "FILE", description = "Safetensors to write.")
    private Path out = Path.of("");

    @Override
    public Integer call() throws IOException {
        try (var program = ProgramFile.open(graph)) {
            WeightExport.write(CheckpointFolder.parameters(weights), program.manifest(), format, out);
        }
        return 0;
    }
}
