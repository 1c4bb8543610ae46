package org.clipc.runtime.device.jvm;

import com.sun.management.HotSpotDiagnosticMXBean;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import jdk.incubator.vector.VectorShape;
import org.clipc.runtime.io.DataFormatException;

/** Which of a program's JVM targets, {@code jvm128}, {@code jvm256} and {@code jvm512}, this machine runs best. */
final class JvmTargets {

    private static final String PREFIX = "jvm";
    private static final String UNNAMED = "the CPU";

    /** C2's order of instructions for low register pressure, which makes gemm's 6x2 vectors spill instead. */
    private static final String SCHEDULING = "OptoRegScheduling";

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

    /**
     * What makes the kernels of a target slow in this JVM, and the way out; empty if nothing does.
     *
     * @param scheduling whether the JVM has {@link #SCHEDULING} on
     */
    static Optional<String> slowdown(String target, boolean scheduling) {
        return scheduling && bits(target) == 256
                ? Optional.of("matrix products with 256-bit vectors run at half of their speed without -XX:-"
                        + SCHEDULING + ": start java with it")
                : Optional.empty();
    }

    /** Whether this JVM has {@link #SCHEDULING} on: its default, where there is a C2. */
    static boolean scheduling() {
        var vm = ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
        try {
            return vm != null && Boolean.parseBoolean(vm.getVMOption(SCHEDULING).getValue());
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    /** The CPU's name, as its maker gives it, where the system tells. */
    static String cpu() {
        var info = Path.of("/proc/cpuinfo");
        if (!Files.isReadable(info)) {
            return UNNAMED;
        }
        try (var lines = Files.lines(info)) {
            return lines.filter(line -> line.startsWith("model name"))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .filter(name -> !name.isEmpty())
                    .findFirst()
                    .orElse(UNNAMED);
        } catch (IOException | UncheckedIOException e) {
            return UNNAMED;
        }
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
