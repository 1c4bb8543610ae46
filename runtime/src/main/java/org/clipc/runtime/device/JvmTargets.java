package org.clipc.runtime.device;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import jdk.incubator.vector.VectorShape;
import org.clipc.runtime.io.DataFormatException;

/** Which of a program's JVM targets, {@code jvm128}, {@code jvm256} and {@code jvm512}, this machine runs best. */
final class JvmTargets {

    private static final String PREFIX = "jvm";

    private JvmTargets() {}

    /** Width in bits of the vectors that the CPU has and the JVM uses. */
    static int machineBits() {
        return VectorShape.preferredShape().vectorBitSize();
    }

    /**
     * The widest target whose vectors the machine has: wider ones would be emulated, a hundred times slower.
     *
     * @throws DataFormatException if there is none
     */
    static String choose(Path program, List<String> targets, int machineBits) {
        var best = 0;
        for (var target : targets) {
            var bits = bits(target);
            if (bits <= machineBits && bits > best) {
                best = bits;
            }
        }
        if (best == 0) {
            throw new DataFormatException(
                    program,
                    "has kernels for " + String.join(", ", targets) + ", but this CPU has " + machineBits
                            + "-bit vectors: compile it with a target among "
                            + List.of(128, 256, 512).stream()
                                    .filter(b -> b <= machineBits)
                                    .map(b -> PREFIX + b)
                                    .collect(Collectors.joining(", ")));
        }
        return PREFIX + best;
    }

    /** 0 for what is no target of this device. */
    private static int bits(String target) {
        return switch (target) {
            case "jvm128" -> 128;
            case "jvm256" -> 256;
            case "jvm512" -> 512;
            default -> 0;
        };
    }
}
