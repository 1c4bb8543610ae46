package org.clipc.runtime.weights;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.function.LongFunction;
import java.util.stream.IntStream;
import java.util.zip.CRC32C;
import org.clipc.ir.Philox;
import org.clipc.program.Parameter;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.tensor.HostTensor;

/**
 * Initial values of parameters. Element i of a parameter depends on the seed, the parameter's name and i alone, so
 * neither the order of parameters nor that of layers matters, and a model with a layer more keeps the others' values.
 *
 * <p>The generator is {@link Philox}: key (seed, CRC-32C of the name), stream {@value #STREAM}. Word pairs (2j, 2j + 1)
 * make two normal numbers each by Box and Muller's transform in double precision. Numbers of a truncated normal that lie
 * beyond two standard deviations are drawn again from stream {@value #STREAM} + 1, + 2, and so on.
 */
public final class ParameterInitializer {

    private static final int STREAM = 0x1000_0000;
    private static final double TRUNCATION = 2;

    /** Elements at a time. */
    private static final int PART = 1 << 16;

    private ParameterInitializer() {}

    /** Fills every parameter of a program, part by part: the largest is as large as a heap should be. */
    public static void initialize(DeviceProgram program, long seed) {
        for (var parameter : program.manifest().parameters()) {
            var elements = parameter.type().elements();
            for (var from = 0L; from < elements; from += PART) {
                var part = initial(parameter, seed, from, (int) Math.min(PART, elements - from));
                program.write(parameter.name(), from, HostTensor.of(part, part.length));
            }
        }
    }

    /**
     * Elements {@code from} to {@code from + count}.
     *
     * @param from a multiple of 4
     */
    static float[] initial(Parameter parameter, long seed, long from, int count) {
        var values = new float[count];
        var generator = new Generator(Long.hashCode(seed), nameHash(parameter.name()));
        var a = parameter.initializer().a();
        var b = parameter.initializer().b();
        var first = from / 4;
        switch (parameter.initializer().kind()) {
            case ZEROS -> Arrays.fill(values, 0);
            case ONES -> Arrays.fill(values, 1);
            case CONSTANT -> Arrays.fill(values, (float) a);
            case UNIFORM -> fill(values, first, group -> generator.uniforms(group, a, b));
            case NORMAL -> fill(values, first, group -> generator.normals(group, a));
            case TRUNC_NORMAL -> fill(values, first, group -> generator.truncated(group, a));
        }
        return values;
    }

    /** Numbers 4g to 4g + 3 of a parameter are those of group g; {@code first} is the group of the first value. */
    private static void fill(float[] values, long first, LongFunction<double[]> groups) {
        IntStream.range(0, (values.length + 3) / 4).parallel().forEach(group -> {
            var numbers = groups.apply(first + group);
            for (var i = 4 * group; i < Math.min(4 * group + 4, values.length); i++) {
                values[i] = (float) numbers[i & 3];
            }
        });
    }

    private static int nameHash(String name) {
        var crc = new CRC32C();
        crc.update(name.getBytes(StandardCharsets.UTF_8));
        return (int) crc.getValue();
    }

    private record Generator(int key0, int key1) {

        private int[] words(long group, int stream) {
            return Philox.block((int) group, (int) (group >>> 32), stream, 0, key0, key1);
        }

        double[] uniforms(long group, double low, double high) {
            var words = words(group, STREAM);
            var numbers = new double[4];
            Arrays.setAll(numbers, i -> low + (high - low) * ((words[i] >>> 8) * 0x1p-24));
            return numbers;
        }

        double[] normals(long group, double deviation) {
            var numbers = standardNormals(group, STREAM);
            Arrays.setAll(numbers, i -> deviation * numbers[i]);
            return numbers;
        }

        double[] truncated(long group, double deviation) {
            var numbers = standardNormals(group, STREAM);
            for (var i = 0; i < 4; i++) {
                for (var stream = STREAM + 1; Math.abs(numbers[i]) > TRUNCATION; stream++) {
                    numbers[i] = standardNormals(group, stream)[i];
                }
                numbers[i] *= deviation;
            }
            return numbers;
        }

        /** StrictMath, so that a seed means the same weights on every machine. */
        private double[] standardNormals(long group, int stream) {
            var words = words(group, stream);
            var numbers = new double[4];
            for (var i = 0; i < 4; i += 2) {
                // In (0, 1], so that the logarithm is finite.
                var uniform = ((words[i] & 0xFFFFFFFFL) + 1) * 0x1p-32;
                var radius = Math.sqrt(-2 * StrictMath.log(uniform));
                var angle = 2 * Math.PI * (words[i + 1] & 0xFFFFFFFFL) * 0x1p-32;
                numbers[i] = radius * StrictMath.cos(angle);
                numbers[i + 1] = radius * StrictMath.sin(angle);
            }
            return numbers;
        }
    }
}
