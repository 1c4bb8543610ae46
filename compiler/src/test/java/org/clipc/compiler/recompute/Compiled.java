package org.clipc.compiler.recompute;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import org.clipc.compiler.config.Setting;
import org.clipc.compiler.elaborate.Elaborator;
import org.clipc.compiler.jvm.JvmTarget;
import org.clipc.compiler.pack.CompileOptions;
import org.clipc.compiler.pack.CompileReport.EntryReport;
import org.clipc.compiler.pack.CompiledProgram;
import org.clipc.compiler.pack.ModelSource;
import org.clipc.compiler.pack.ProgramBuilder;
import org.clipc.compiler.precision.Precision;
import org.clipc.compiler.train.Optimizer;
import org.clipc.ir.Graph;

/** The small model of {@code tiny.clip}, compiled to train, and its graphs by entry point and pass. */
record Compiled(CompiledProgram program, Map<String, Map<String, Graph>> graphs) {

    /** With kernels, for a batch of two. */
    static Compiled compile(String settings) {
        return compile(settings, Precision.F32);
    }

    static Compiled compile(String settings, Precision precision) {
        return compile(tiny(settings), 2, OptionalLong.empty(), true, precision);
    }

    /** Without kernels. */
    static Compiled plan(String settings) {
        return compile(settings, 2, OptionalLong.empty(), false);
    }

    /** @param settings {@code key=value} pairs, relative to the model */
    static Compiled compile(String settings, int batch, OptionalLong budget, boolean withKernels) {
        return compile(tiny(settings), batch, budget, withKernels, Precision.F32);
    }

    /** A model of its own, for a batch large enough for products to be dear; without kernels. */
    static Compiled plan(Path model, Path library) {
        var elaborated = Elaborator.load(model, library, Map.of());
        return compile(
                ModelSource.of(Objects.requireNonNull(elaborated.model(), elaborated.diagnostics()::toString)),
                64,
                OptionalLong.empty(),
                false,
                Precision.F32);
    }

    private static Compiled compile(
            ModelSource source, int batch, OptionalLong budget, boolean withKernels, Precision precision) {
        var graphs = new HashMap<String, Map<String, Graph>>();
        var options = CompileOptions.builder(List.of(new JvmTarget(256)))
                .microBatch(batch)
                .training(new Optimizer(0.9, 0.98, 1e-6, 0.2, 1.0))
                .precision(precision)
                .memoryBudget(budget)
                .verifyEach(true)
                .observer((entry, pass, graph) ->
                        graphs.computeIfAbsent(entry, _ -> new HashMap<>()).put(pass, graph))
                .build();
        return new Compiled(
                withKernels ? ProgramBuilder.build(source, options) : ProgramBuilder.plan(source, options), graphs);
    }

    private static ModelSource tiny(String settings) {
        var folder = Path.of("").toAbsolutePath();
        while (!Files.isDirectory(folder.resolve("clip-graphs"))) {
            folder = Objects.requireNonNull(folder.getParent());
        }
        var graphs = folder.resolve("clip-graphs");
        var values = new HashMap<String, Setting>();
        for (var pair : settings.strip().split(" +", -1)) {
            var name = pair.substring(0, pair.indexOf('='));
            var text = pair.substring(pair.indexOf('=') + 1);
            Object value = text.matches("\\d+")
                    ? (Object) Long.valueOf(text)
                    : text.matches("[\\d.]+") ? (Object) Double.valueOf(text) : text;
            values.put(name, new Setting(value, Setting.Origin.COMMAND_LINE));
        }
        return ModelSource.of(Objects.requireNonNull(
                Elaborator.load(graphs.resolve("tiny.clip"), graphs, values).model()));
    }

    Graph graph(String entry, String pass) {
        return Objects.requireNonNull(Objects.requireNonNull(graphs.get(entry)).get(pass));
    }

    private EntryReport step() {
        return program.report().entries().stream()
                .filter(e -> e.entry().equals("train_step"))
                .findFirst()
                .orElseThrow();
    }

    /** Bytes of a training step's workspace. */
    long peak() {
        return step().plan().bytes();
    }

    /** Of a training step. */
    RecomputeReport recompute() {
        return Objects.requireNonNull(step().recompute());
    }
}
