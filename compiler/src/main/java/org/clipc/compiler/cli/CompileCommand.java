package org.clipc.compiler.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.Callable;
import org.clipc.compiler.config.ByteSize;
import org.clipc.compiler.config.Suggestion;
import org.clipc.compiler.explain.PassTimes;
import org.clipc.compiler.explain.RecomputeText;
import org.clipc.compiler.pack.CompiledProgram;
import org.clipc.compiler.pack.ProgramBuilder;
import org.clipc.ir.Graph;
import org.clipc.ir.text.GraphPrinter;
import org.clipc.program.ProgramFile;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code clipc compile}: from a model to a program that clip-run runs. */
@Command(
        name = "compile",
        description = "Compiles a model to a program, which clip-run trains and serves.",
        mixinStandardHelpOptions = true)
final class CompileCommand implements Callable<Integer> {

    private static final String ALL = "all";

    @Mixin
    private ModelArguments model = new ModelArguments();

    @Option(
            names = {"-o", "--output"},
            paramLabel = "PROGRAM",
            required = true,
            description = "The program file to write, such as build/b32.bin.")
    private Path output = Path.of("");

    @Option(
            names = "--target",
            paramLabel = "TARGET",
            defaultValue = "jvm",
            description =
                    "What to compile for, separated by commas: jvm for the JVM whatever its vectors, or only jvm128,"
                            + " jvm256 or jvm512; tornado for TornadoVM's devices, or only tornadogpu or tornadocpu; tornadocuda for NVIDIA's GPUs (default: ${DEFAULT-VALUE}).")
    private String target = "jvm";

    @Option(
            names = "--batch",
            paramLabel = "N",
            description = "Short for model.micro_batch_size=N model.inference_batch_size=N.")
    private @Nullable Integer batch;

    @Option(
            names = "--no-training",
            description = "Leave out loss_grad and train_step: a smaller program, made sooner.")
    private boolean inferenceOnly;

    @Option(names = "--print-after", paramLabel = "PASS|all", description = "Print every graph after this pass.")
    private @Nullable String printAfter;

    @Option(names = "--verify-each", description = "Verify every graph after every pass.")
    private boolean verifyEach;

    @Option(names = "--time-passes", description = "Say how long each pass took.")
    private boolean timePasses;

    @Option(names = "--keep-sources", description = "Put the generated kernels' Java sources into the program.")
    private boolean keepSources;

    private final Set<String> passes = new LinkedHashSet<>();

    @Override
    public Integer call() throws IOException {
        var console = model.console();
        var targets = CompileSettings.targets(target);
        OutputFile.prepare(output);
        var loaded = model.load(batchOverrides());
        var settings = CompileSettings.of(loaded, targets)
                .training(!inferenceOnly)
                .verifyEach(verifyEach)
                .keepSources(keepSources)
                .observer((entry, pass, graph) -> passed(entry, pass, graph, console))
                .build();
        var compiled = ProgramBuilder.build(loaded.source(), settings);
        if (printAfter != null && !printAfter.equals(ALL) && !passes.contains(printAfter)) {
            throw new Failure("no pass is called '" + printAfter + "'" + Suggestion.among(printAfter, passes)
                    + " The passes are: " + String.join(", ", passes));
        }
        ProgramFile.write(output, compiled.program());
        if (timePasses) {
            console.err().print(PassTimes.table(compiled.report()));
        }
        CompileSettings.remarks(loaded).forEach(console::error);
        console.err().flush();
        console.out().println(summary(loaded, compiled));
        RecomputeText.line(compiled.report()).ifPresent(line -> console.out().println(output + ": " + line));
        return Clipc.OK;
    }

    private List<String> batchOverrides() {
        return batch == null
                ? List.of()
                : List.of("model.micro_batch_size=" + batch, "model.inference_batch_size=" + batch);
    }

    private void passed(String entry, String pass, Graph graph, Console console) {
        passes.add(pass);
        if (pass.equals(printAfter) || ALL.equals(printAfter)) {
            console.out().println("// " + entry + " after " + pass);
            console.out().println(GraphPrinter.print(graph));
        }
    }

    private String summary(LoadedModel loaded, CompiledProgram compiled) throws IOException {
        var manifest = compiled.program().manifest();
        var kernels = compiled.report().kernels().values().stream()
                .mapToInt(n -> n)
                .max()
                .orElse(0);
        return String.format(
                Locale.ROOT,
                "%s: %s with %s for %s; %d entry points, %d kernels, %s to train (%s parameters, %s workspace, %s"
                        + " optimizer); %s in %.1f s",
                output,
                manifest.model(),
                loaded.recipe().described(),
                String.join(", ", manifest.targets()),
                manifest.entries().size(),
                kernels,
                ByteSize.format(manifest.arenaBytes()),
                ByteSize.format(manifest.parameterBytes()),
                ByteSize.format(manifest.workspaceBytes()),
                ByteSize.format(manifest.stateBytes()),
                ByteSize.format(Files.size(output)),
                compiled.report().nanos() / 1e9);
    }
}
