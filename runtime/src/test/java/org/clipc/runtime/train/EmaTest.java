package org.clipc.runtime.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.clipc.program.ProgramFile;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.device.jvm.JvmDevice;
import org.clipc.runtime.tensor.SafetensorsFile;
import org.clipc.runtime.testing.ToyProgram;
import org.clipc.runtime.weights.ParameterInitializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EmaTest {

    @TempDir
    Path folder = Path.of("");

    /** The program, which takes so long to read that other threads get to do it too, if they may. */
    private static DeviceProgram watched(DeviceProgram program, Set<Thread> readers) {
        return (DeviceProgram) Proxy.newProxyInstance(
                DeviceProgram.class.getClassLoader(), new Class<?>[] {DeviceProgram.class}, (_, method, arguments) -> {
                    if (method.getName().equals("read")) {
                        readers.add(Thread.currentThread());
                        TimeUnit.MILLISECONDS.sleep(20);
                    }
                    try {
                        return method.invoke(program, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    @Test
    void averagesAllElementsOfWhatOneThreadReads() throws IOException {
        var readers = ConcurrentHashMap.<Thread>newKeySet();
        var path = ToyProgram.write(folder.resolve("toy.bin"), 3000);
        try (var device = new JvmDevice(1);
                var file = ProgramFile.open(path);
                var program = device.load(file, List.of("train_step"))) {
            ParameterInitializer.initialize(program, 1);
            var before = program.read("token_embedding.weight").toFloats();
            try (var ema = new Ema(watched(program, readers), 0.75)) {
                ParameterInitializer.initialize(program, 2);
                ema.update();
                ema.writer().writeTo(folder.resolve("ema.safetensors"));
            }
            var after = program.read("token_embedding.weight").toFloats();
            try (var averages = SafetensorsFile.open(folder.resolve("ema.safetensors"))) {
                var actual = averages.tensor("token_embedding.weight").toFloats();
                for (var i = 0; i < actual.length; i++) {
                    assertThat(actual[i]).as("element " + i).isEqualTo(before[i] + 0.25f * (after[i] - before[i]));
                }
            }
        }
        assertThat(readers).containsExactly(Thread.currentThread());
    }
}
