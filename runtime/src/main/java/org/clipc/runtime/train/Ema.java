package org.clipc.runtime.train;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.stream.LongStream;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.device.DeviceTensors;
import org.clipc.runtime.device.MasterWeights;
import org.clipc.runtime.device.ShardedProgram;
import org.clipc.runtime.io.DataFormatException;
import org.clipc.runtime.tensor.HostTensor;
import org.clipc.runtime.tensor.SafetensorsFile;
import org.clipc.runtime.tensor.SafetensorsWriter;
import org.clipc.runtime.tensor.TensorDType;

/** An exponential moving average of the trainable parameters: average += (1 - decay) · (parameter - average). */
final class Ema implements AutoCloseable {

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    /** Elements at a time. */
    private static final int PART = 1 << 14;

    private final DeviceProgram program;
    private final double decay;
    private final Arena memory = Arena.ofShared();
    private final Map<String, HostTensor> averages = new LinkedHashMap<>();

    /** Starts from the parameters as they are. */
    Ema(DeviceProgram program, double decay) {
        this.program = program;
        this.decay = decay;
        var held = ShardedProgram.held(program);
        for (var parameter : held.manifest().parameters()) {
            averages.put(parameter.name(), held.read(tensor(parameter.name())).convert(TensorDType.F32, memory));
        }
    }

    /** Starts anew from the parameters as they are now. */
    void restart() {
        var held = ShardedProgram.held(program);
        averages.forEach((parameter, average) -> held.read(tensor(parameter)).copyTo(average));
    }

    private String tensor(String parameter) {
        return MasterWeights.tensor(program, parameter);
    }

    void update() {
        var held = ShardedProgram.held(program);
        var weight = (float) (1 - decay);
        // A program is read by one thread at a time.
        averages.forEach((parameter, average) -> update(average, held.read(tensor(parameter)), weight));
    }

    private static void update(HostTensor to, HostTensor from, float weight) {
        var elements = to.elementCount();
        LongStream.range(0, Math.ceilDiv(elements, (long) PART)).parallel().forEach(part -> {
            for (var i = part * PART; i < Math.min(elements, (part + 1) * PART); i++) {
                var old = to.data().get(FLOAT, 4 * i);
                to.data().set(FLOAT, 4 * i, old + weight * ((float) from.getDouble(i) - old));
            }
        });
    }

    /** Of the averages in their whole shapes, whatever this rank holds of them. */
    SafetensorsWriter writer() {
        var writer = new SafetensorsWriter().metadata("format", "pt");
        for (var parameter : program.manifest().parameters()) {
            var average = Objects.requireNonNull(averages.get(parameter.name()));
            writer.add(
                    parameter.name(),
                    TensorDType.F32,
                    DeviceTensors.hostShape(parameter.type().shape()),
                    () -> ShardedProgram.whole(program, tensor(parameter.name()), average));
        }
        return writer;
    }

    void load(Path path) throws IOException {
        try (var file = SafetensorsFile.open(path)) {
            for (var average : averages.entrySet()) {
                var whole = file.tensor(average.getKey());
                var stored = ShardedProgram.part(program, tensor(average.getKey()), whole);
                if (!stored.shape().equals(average.getValue().shape())) {
                    throw new DataFormatException(path, "holds '" + average.getKey() + "' in another shape");
                }
                stored.copyTo(average.getValue());
            }
        }
    }

    @Override
    public void close() {
        memory.close();
    }
}
