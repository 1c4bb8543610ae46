package org.clipc.compiler.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Random;
import org.clipc.compiler.config.ConfigException;
import org.clipc.compiler.plan.Cluster.Link;
import org.clipc.ir.DType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ClusterTest {

    private static final String GOOD = """
            name: small
            gpus_per_node: 4
            memory: 16GiB
            reserved: 1GiB
            flops: {f32: 1e12, bf16: 4e12}
            memory_bandwidth: 1TB
            efficiency: {products: 0.5, memory: 0.8, links: 0.9}
            within_node: {bandwidth: 100GB, latency: 1e-6}
            between_nodes: {bandwidth: 10GB, latency: 0}
            """;

    @TempDir
    Path folder = Path.of("");

    private Cluster read(String yaml) throws IOException {
        return Cluster.read(Files.writeString(folder.resolve("c.yaml"), yaml));
    }

    @Test
    void readsWhatIsWritten() throws IOException {
        var cluster = read(GOOD);
        assertThat(cluster.gpusPerNode()).isEqualTo(4);
        assertThat(cluster.usable()).isEqualTo(15L << 30);
        assertThat(cluster.flops()).containsEntry(DType.F32, 1e12).containsEntry(DType.BF16, 4e12);
        assertThat(cluster.memoryBandwidth()).isEqualTo(1e12);
        assertThat(cluster.launch()).isZero();
        assertThat(read(GOOD + "launch: 2e-6\n").launch()).isEqualTo(2e-6);
        assertThat(cluster.efficiency()).isEqualTo(new Cluster.Efficiency(0.5, 0.8, 0.9, 0));
        assertThat(cluster.withinNode()).isEqualTo(new Link(1e11, 1e-6));
        assertThat(cluster.betweenNodes()).isEqualTo(new Link(1e10, 0));
        assertThat(cluster.withMemory(1L << 31).usable()).isEqualTo(1L << 30);
    }

    @ParameterizedTest
    @ValueSource(strings = {"h100", "a100"})
    void readsTheClustersOfTheProject(String name) {
        var folderAbove = Path.of("").toAbsolutePath();
        while (!Files.isDirectory(folderAbove.resolve("clip-graphs"))) {
            folderAbove = Objects.requireNonNull(folderAbove.getParent());
        }
        var cluster = Cluster.read(folderAbove.resolve("configs/clusters/" + name + ".yaml"));
        assertThat(cluster.withinNode().bandwidth())
                .isGreaterThan(cluster.betweenNodes().bandwidth());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '~',
            value = {
                "reserved: 1GiB ~ resreved: 1GiB ~ c.yaml:4:1: there is no key 'resreved'; did you mean 'reserved'?",
                "reserved: 1GiB ~ '' ~ c.yaml: 'reserved' is missing: it must be a number of bytes such as 40GiB",
                "16GiB ~ much ~ c.yaml:3:1: 'memory' must be a number of bytes such as 40GiB, not 'much'",
                "node: 4 ~ node: 0 ~ c.yaml:2:1: 'gpus_per_node' is 0, but must be at least 1",
                "node: 4 ~ node: 4000000 ~ c.yaml: 'gpus_per_node' is 4000000, but can be 65536 at most",
                "f32: 1e12 ~ f32: fast ~ 'flops.f32' must be a number, not 'fast'",
                "products: 0.5 ~ products: 1.5 ~ 'efficiency.products' is 1.5, but must be a share of the peak",
                "products: 0.5 ~ products: 0 ~ 'efficiency.products' is 0.0, but must be a share of the peak",
                "latency: 1e-6 ~ latency: -1 ~ 'within_node.latency' is -1.0, but must be at least 0",
                "name: small ~ launch: -1 ~ 'launch' is -1.0, but must be at least 0",
                "memory: 16GiB ~ memory: {x: 1} ~ c.yaml:3:10: there is no key 'memory.x'",
                "name: small ~ efficiency: 1 ~ efficiency is a group of keys and has no value of its own",
            })
    void saysWhatIsWrong(String part, String instead, String message) {
        assertThatThrownBy(() -> read(GOOD.replace(part, instead)))
                .isInstanceOf(ConfigException.class)
                .hasMessageContaining(message);
    }

    @Test
    void saysAllThatIsWrongAtOnce() {
        var yaml = GOOD.replace("reserved", "resreved").replace("1TB", "wide");
        assertThatThrownBy(() -> read(yaml))
                .isInstanceOfSatisfying(
                        ConfigException.class,
                        e -> assertThat(e.problems())
                                .hasSize(2)
                                .anyMatch(p -> p.contains("resreved"))
                                .anyMatch(p -> p.contains("memory_bandwidth")));
    }

    /** Whatever is in the file, either it is a cluster or the message says why it is none. */
    @Test
    void damagedFilesAreRefusedOrRead() throws IOException {
        var random = new Random(11);
        var refused = 0;
        for (var i = 0; i < 300; i++) {
            var text = new StringBuilder(GOOD);
            for (var j = 0; j < 3; j++) {
                text.setCharAt(random.nextInt(text.length()), (char) (' ' + random.nextInt(95)));
            }
            try {
                assertThat(read(text.toString()).usable()).isNotNegative();
            } catch (ConfigException e) {
                refused++;
                assertThat(e.problems()).isNotEmpty().allMatch(p -> p.contains("c.yaml"));
            }
        }
        assertThat(refused).isGreaterThan(100);
    }
}
