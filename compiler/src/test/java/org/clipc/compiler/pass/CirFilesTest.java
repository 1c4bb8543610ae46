package org.clipc.compiler.pass;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.clipc.compiler.autodiff.Autodiff;
import org.clipc.compiler.fuse.Fuse;
import org.clipc.compiler.precision.MixedPrecision;
import org.clipc.compiler.precision.Precision;
import org.clipc.ir.InputKind;
import org.clipc.ir.Verifier;
import org.clipc.ir.text.GraphParser;
import org.clipc.ir.text.GraphPrinter;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/**
 * Runs the files under {@code src/test/resources/cir}: comments, among them {@code // RUN: pass, pass}; a graph; a line
 * {@code // EXPECT}; the graph that the passes make of it. {@code -Dcir.update=true} writes what they make.
 */
class CirFilesTest {

    private static final Path FOLDER = Path.of("src/test/resources/cir");
    private static final String RUN = "// RUN: ";
    private static final String EXPECT = "// EXPECT\n";

    /** A new pass gets a line here and a folder of files. */
    private static final Map<String, Pass> PASSES = Stream.of(
                    new Simplify(),
                    new DeadCode(),
                    Erase.STOP_GRADIENTS,
                    Erase.REPLICATES,
                    new NarrowRows(),
                    new Fuse(),
                    new MixedPrecision(Precision.BF16, "loss"),
                    Pass.of("mixed-precision-o2", new MixedPrecision(Precision.BF16_O2, "loss")::apply),
                    Pass.of(
                            "autodiff",
                            g -> Autodiff.gradients(g, "loss", input -> input.kind() == InputKind.PARAMETER)))
            .collect(Collectors.toUnmodifiableMap(Pass::name, p -> p));

    @TestFactory
    List<DynamicTest> files() throws IOException {
        try (var files = Files.walk(FOLDER)) {
            return files.filter(f -> f.toString().endsWith(".cir"))
                    .sorted()
                    .map(f -> DynamicTest.dynamicTest(FOLDER.relativize(f).toString(), f.toUri(), () -> run(f)))
                    .toList();
        }
    }

    private static void run(Path file) throws IOException {
        var text = Files.readString(file);
        var split = text.indexOf(EXPECT);
        var before = split < 0 ? text : text.substring(0, split);
        var expected = split < 0 ? "" : text.substring(split + EXPECT.length());
        var graph = Verifier.check(GraphParser.parse(file.toString(), before));
        var made = GraphPrinter.print(
                PassPipeline.of(passes(file, before)).verifyingEach().run(graph).graph());
        if (Boolean.getBoolean("cir.update")) {
            Files.writeString(file, before.stripTrailing() + "\n\n" + EXPECT + made);
        } else {
            assertThat(made).isEqualTo(expected);
        }
    }

    private static Pass[] passes(Path file, String text) {
        var names = text.lines()
                .filter(line -> line.startsWith(RUN))
                .findFirst()
                .orElseThrow(() -> new AssertionError(file + " has no line " + RUN + "pass"));
        return Arrays.stream(names.substring(RUN.length()).split(",", -1))
                .map(name -> Optional.ofNullable(PASSES.get(name.strip()))
                        .orElseThrow(() -> new AssertionError(file + " names an unknown pass " + name)))
                .toArray(Pass[]::new);
    }
}
