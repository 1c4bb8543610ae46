package org.clipc.compiler.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.clipc.compiler.explain.Explainer;
import org.clipc.compiler.explain.ExplanationJson;
import org.clipc.compiler.explain.ExplanationText;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code clipc explain}: what a model takes. */
@Command(
        name = "explain",
        description = "Tells what a model takes: parameters, arithmetic, memory, kernels, compile time.",
        mixinStandardHelpOptions = true)
final class ExplainCommand implements Callable<Integer> {

    @Mixin
    private ModelArguments model = new ModelArguments();

    @Option(names = "--json", description = "Print JSON instead of tables.")
    private boolean json;

    @Option(
            names = "--memory",
            paramLabel = "PICTURE.svg",
            description = "Draw the memory plan: what lies where, and when.")
    private @Nullable Path memory;

    @Option(
            names = "--communication",
            description = "List what ranks exchange in a training step: each collective, its bytes and whose it is.")
    private boolean communication;

    @Option(
            names = "--entry",
            paramLabel = "NAME",
            description = "Whose memory plan to draw (default: train_step, if the model can be trained).")
    private @Nullable String entry;

    @Override
    public Integer call() throws IOException {
        var console = model.console();
        if (memory != null) {
            OutputFile.prepare(memory);
        }
        var loaded = model.load();
        var explainer = Explainer.of(loaded.model(), CompileSettings.planned(loaded));
        if (memory != null) {
            var drawn = loaded.entry(entry, explainer.entries(), explainer::largest);
            OutputFile.write(memory, explainer.memoryChart(drawn).getBytes(StandardCharsets.UTF_8));
        }
        var explanation = explainer.explain(loaded.recipe().described());
        var text = communication ? ExplanationText.ofCommunication(explanation) : ExplanationText.of(explanation);
        console.out().print(json ? ExplanationJson.of(explanation) : text);
        console.out().flush();
        return Clipc.OK;
    }
}
