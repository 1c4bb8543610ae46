package org.clipc.tests;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.clipc.compiler.config.Setting;
import org.clipc.compiler.elaborate.ElaboratedModel;
import org.clipc.compiler.elaborate.Elaborator;
import org.clipc.ir.DType;
import org.clipc.ir.Shape;
import org.clipc.ir.TensorType;
import org.clipc.ir.interp.Tensor64;
import org.clipc.runtime.tensor.HostTensor;
import org.clipc.runtime.tensor.SafetensorsFile;

/** The reference values of open_clip, and the model they belong to. */
final class Golden {
    private Golden() {}

    /** A file of {@code golden/}: floats as f32 tensors (with all their 64 bits), integers as i32. */
    static Map<String, Tensor64> read(String name) {
        return read(file(name));
    }

    /** A file of tensors, likewise. */
    static Map<String, Tensor64> read(Path path) {
        try (var file = SafetensorsFile.open(path)) {
            Map<String, Tensor64> tensors = new LinkedHashMap<>();
            file.names().forEach(key -> tensors.put(key, tensor(file.tensor(key))));
            return tensors;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The same values: floats as f32, integers as i32. */
    static Tensor64 tensor(HostTensor host) {
        var shape = new Shape(host.shape().stream().map(Math::toIntExact).toList());
        boolean whole = host.dtype().name().startsWith("I");
        double[] data = new double[Math.toIntExact(host.elementCount())];
        for (int i = 0; i < data.length; i++) {
            data[i] = whole ? host.getLong(i) : host.getDouble(i);
        }
        return Tensor64.of(new TensorType(whole ? DType.I32 : DType.F32, shape), data);
    }

    /** Where a file of {@code golden/} lies. */
    static Path file(String golden) {
        var name = "golden/" + golden + ".safetensors";
        try {
            URL url = Objects.requireNonNull(Golden.class.getClassLoader().getResource(name), name);
            return Path.of(url.toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Weights and batch under the names that the tiny model's entries use. */
    static Map<String, Tensor64> inputs() {
        Map<String, Tensor64> inputs = read("weights");
        Map<String, Tensor64> batch = read("batch");
        inputs.put("images", Objects.requireNonNull(batch.get("images")));
        inputs.put("tokens", Objects.requireNonNull(batch.get("texts")));
        return inputs;
    }

    /** The tiny model with configuration keys set: {@code "vision.activation", "quick_gelu", …}. */
    static ElaboratedModel tiny(Object... keysAndValues) {
        return model("tiny", keysAndValues);
    }

    /** A model of the project, likewise. */
    static ElaboratedModel model(String name, Object... keysAndValues) {
        Map<String, Setting> settings = new LinkedHashMap<>();
        for (int i = 0; i < keysAndValues.length; i += 2) {
            settings.put((String) keysAndValues[i], new Setting(keysAndValues[i + 1], Setting.Origin.COMMAND_LINE));
        }
        return Elaborator.load(graphs().resolve(name + ".clip"), graphs(), settings)
                .orThrow();
    }

    /** The folder clip-graphs of the project. */
    static Path graphs() {
        Path folder = Path.of("").toAbsolutePath();
        while (!Files.isDirectory(folder.resolve("clip-graphs"))) {
            folder = Objects.requireNonNull(folder.getParent(), "no clip-graphs above the working directory");
        }
        return folder.resolve("clip-graphs");
    }
}
