package org.clipc.compiler.shard;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.clipc.compiler.config.Setting;
import org.clipc.compiler.elaborate.ElaboratedModel;
import org.clipc.compiler.elaborate.Elaborator;
import org.clipc.compiler.pack.ModelSource;
import org.clipc.ir.DType;
import org.clipc.ir.Graph;
import org.clipc.ir.InputKind;
import org.clipc.ir.interp.Tensor64;
import org.clipc.program.Parameter;

/** A CLIP small enough to train in the interpreter, which every mesh up to 2 x 4 divides. */
public final class TinyClip {

    private final ModelSource source;

    public TinyClip(Object... keysAndValues) {
        var settings = new LinkedHashMap<String, Setting>();
        set(
                settings,
                "vision.img_h",
                8,
                "vision.img_w",
                8,
                "vision.patch_dim",
                4,
                "vision.class_token_length",
                4,
                "vision.hidden_size",
                8,
                "vision.num_layers",
                2,
                "vision.num_attention_heads",
                4,
                "text.vocab_size",
                12,
                "text.encoder_seq_length",
                4,
                "text.hidden_size",
                8,
                "text.num_layers",
                2,
                "text.num_attention_heads",
                4,
                "output_dim",
                6);
        set(settings, keysAndValues);
        source = ModelSource.of(load(settings));
    }

    /** One that drops whatever can be dropped. */
    static TinyClip dropping() {
        return new TinyClip(
                "vision.hidden_dropout",
                0.2,
                "vision.attention_dropout",
                0.3,
                "vision.drop_path_rate",
                0.3,
                "vision.drop_patch_rate",
                0.5,
                "text.hidden_dropout",
                0.2,
                "text.attention_dropout",
                0.3);
    }

    private static void set(Map<String, Setting> settings, Object... keysAndValues) {
        for (var i = 0; i < keysAndValues.length; i += 2) {
            var value =
                    keysAndValues[i + 1] instanceof Integer number ? (Object) number.longValue() : keysAndValues[i + 1];
            settings.put((String) keysAndValues[i], new Setting(value, Setting.Origin.COMMAND_LINE));
        }
    }

    private static ElaboratedModel load(Map<String, Setting> settings) {
        return Elaborator.load(graphs().resolve("tiny.clip"), graphs(), settings)
                .orThrow();
    }

    /** The folder of the models' sources. */
    static Path graphs() {
        var folder = Path.of("").toAbsolutePath();
        while (!Files.isDirectory(folder.resolve("clip-graphs"))) {
            folder = Objects.requireNonNull(folder.getParent(), "no clip-graphs above the working directory");
        }
        return folder.resolve("clip-graphs");
    }

    List<Parameter> parameters() {
        return source.parameters();
    }

    public ModelSource source() {
        return source;
    }

    Graph loss(int batch, int dataRanks) {
        return source.entry("loss", batch, true, dataRanks);
    }

    /** Numbers for the inputs of a graph that do not change from step to step, zeros for the optimizer's state. */
    static Map<String, Tensor64> inputs(Graph graph, long seed) {
        var inputs = new LinkedHashMap<String, Tensor64>();
        for (var input : graph.inputs()) {
            var random = new Random(seed + input.name().hashCode());
            var tensor = Tensor64.zeros(input.type());
            for (var i = 0; i < tensor.size() && input.kind() != InputKind.STATE; i++) {
                tensor.data()[i] = input.type().dtype() == DType.I32 ? random.nextInt(12) : 0.3 * random.nextGaussian();
            }
            inputs.put(input.name(), tensor);
        }
        return inputs;
    }
}
