package org.clipc.compiler.plan;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.clipc.compiler.config.ConfigException;
import org.clipc.compiler.config.Key;
import org.clipc.compiler.config.Key.Kind;
import org.clipc.compiler.config.Schema;
import org.clipc.ir.DType;
import org.clipc.ir.Mesh;
import org.clipc.ir.MeshAxis;

/**
 * Equal nodes of equal GPUs, as a small YAML file describes them.
 *
 * @param gpusPerNode that talk over {@code withinNode}
 * @param memory bytes of a GPU
 * @param reserved bytes of these that no program gets: the driver's, and the buffers of collectives
 * @param flops peak per second of matrix products, by the type of their operands
 * @param memoryBandwidth bytes per second of a GPU's memory
 * @param launch seconds that any kernel takes, whatever it does
 * @param betweenNodes what each GPU has for itself
 */
public record Cluster(
        String name,
        int gpusPerNode,
        long memory,
        long reserved,
        Map<DType, Double> flops,
        double memoryBandwidth,
        double launch,
        Efficiency efficiency,
        Link withinNode,
        Link betweenNodes) {

    /**
     * Shares of the peaks that programs reach.
     *
     * @param products of the peak of matrix products and attention
     * @param memory of the memory's bandwidth
     * @param links of the links' bandwidths
     * @param overlap share of an exchange between data-parallel ranks that kernels hide, as far as there are any that need
     *     not wait for it
     */
    public record Efficiency(double products, double memory, double links, double overlap) {}

    /**
     * A way from a GPU to others.
     *
     * @param bandwidth bytes per second and direction
     * @param latency seconds until a message of no bytes is there
     */
    public record Link(double bandwidth, double latency) {

        /** Seconds for {@code bytes} in {@code hops} messages one after the other. */
        double seconds(double bytes, int hops) {
            return bytes / bandwidth + hops * latency;
        }
    }

    private static final List<Key> KEYS = List.of(
            Key.text("name", null),
            Key.integer("gpus_per_node", null).atLeast(1),
            Key.of("memory", Kind.BYTES, null),
            Key.of("reserved", Kind.BYTES, null),
            Key.number("flops.f32", null).atLeast(1),
            Key.number("flops.bf16", null).atLeast(1),
            Key.of("memory_bandwidth", Kind.BYTES, null),
            Key.number("launch", 0.0).atLeast(0),
            Key.number("efficiency.products", null).atLeast(0),
            Key.number("efficiency.memory", null).atLeast(0),
            Key.number("efficiency.links", null).atLeast(0),
            Key.number("efficiency.overlap", 0.0).atLeast(0),
            Key.of("within_node.bandwidth", Kind.BYTES, null),
            Key.number("within_node.latency", null).atLeast(0),
            Key.of("between_nodes.bandwidth", Kind.BYTES, null),
            Key.number("between_nodes.latency", null).atLeast(0));

    private static final Schema SCHEMA = new Schema(KEYS);

    /** @throws ConfigException listing everything that is wrong with the file */
    public static Cluster read(Path file) {
        var values = SCHEMA.read(file);
        check(file, values);
        return new Cluster(
                (String) get(values, "name"),
                Math.toIntExact((Long) get(values, "gpus_per_node")),
                (Long) get(values, "memory"),
                (Long) get(values, "reserved"),
                Map.of(
                        DType.F32, number(values, "flops.f32"),
                        DType.BF16, number(values, "flops.bf16"),
                        DType.F16, number(values, "flops.bf16")),
                number(values, "memory_bandwidth"),
                number(values, "launch"),
                new Efficiency(
                        number(values, "efficiency.products"),
                        number(values, "efficiency.memory"),
                        number(values, "efficiency.links"),
                        number(values, "efficiency.overlap")),
                link(values, "within_node"),
                link(values, "between_nodes"));
    }

    private static void check(Path file, Map<String, Object> values) {
        var problems = new ArrayList<String>();
        for (var key : KEYS) {
            var value = values.get(key.name());
            if (value == null) {
                problems.add("%s: '%s' is missing: it must be %s"
                        .formatted(file, key.name(), key.kind().says()));
            } else if (key.name().startsWith("efficiency.") && !isShare(key, (Double) value)) {
                problems.add("%s: '%s' is %s, but must be a share of the peak, such as 0.6"
                        .formatted(file, key.name(), value));
            }
        }
        if (values.get("gpus_per_node") instanceof Long gpus && gpus > Mesh.MOST_RANKS) {
            problems.add("%s: 'gpus_per_node' is %d, but can be %d at most".formatted(file, gpus, Mesh.MOST_RANKS));
        }
        if (!problems.isEmpty()) {
            throw new ConfigException(problems);
        }
    }

    private static boolean isShare(Key key, double value) {
        return value <= 1 && (value > 0 || key.fallback() != null);
    }

    private static Object get(Map<String, Object> values, String key) {
        return Objects.requireNonNull(values.get(key), key);
    }

    private static double number(Map<String, Object> values, String key) {
        return ((Number) get(values, key)).doubleValue();
    }

    private static Link link(Map<String, Object> values, String group) {
        return new Link(number(values, group + ".bandwidth"), number(values, group + ".latency"));
    }

    /** The same GPUs with another memory. */
    public Cluster withMemory(long bytes) {
        return new Cluster(
                name,
                gpusPerNode,
                bytes,
                reserved,
                flops,
                memoryBandwidth,
                launch,
                efficiency,
                withinNode,
                betweenNodes);
    }

    /** Bytes that a program can have. */
    public long usable() {
        return memory - reserved;
    }

    /**
     * What a rank has to talk to the others along an axis of a mesh, ranks in order on the nodes. Ranks of one group that
     * share a node also share its links to other nodes, of which each GPU has one (NCCL makes a ring over each); those of
     * other groups on that node use theirs at the same time.
     */
    public Link link(Mesh mesh, MeshAxis axis) {
        var stride = axis == MeshAxis.DATA ? mesh.tensor() : 1;
        var together = Math.max(1, gpusPerNode / stride);
        if (mesh.size(axis) <= together) {
            return withinNode;
        }
        return new Link(Math.min(withinNode.bandwidth(), together * betweenNodes.bandwidth()), betweenNodes.latency());
    }
}
