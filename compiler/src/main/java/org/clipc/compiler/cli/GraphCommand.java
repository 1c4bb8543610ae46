package org.clipc.compiler.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.clipc.compiler.draw.Diagram;
import org.clipc.compiler.draw.DotWriter;
import org.clipc.compiler.draw.GraphDiagram;
import org.clipc.compiler.draw.HtmlWriter;
import org.clipc.compiler.draw.SvgWriter;
import org.clipc.compiler.pack.EntryGraphs;
import org.clipc.compiler.shard.ShardedGraph;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code clipc graph}: a picture of any entry point, as each of several ranks runs it where the recipe asks for them. */
@Command(
        name = "graph",
        description = "Draws the graph of an entry point, as SVG, DOT, or a page to pan, zoom and filter.",
        mixinStandardHelpOptions = true)
final class GraphCommand implements Callable<Integer> {

    @Mixin
    private ModelArguments model = new ModelArguments();

    @Option(
            names = "--entry",
            paramLabel = "NAME",
            description = "The entry point to draw, also loss_grad and train_step (default: the first).")
    private @Nullable String entry;

    @Option(
            names = "--depth",
            paramLabel = "N",
            description = "How many levels of modules to open; 0 opens none (default: as many as stay readable).")
    private @Nullable Integer depth;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FILE",
            required = true,
            description = "The picture; its ending decides: .svg, .dot or .html.")
    private Path output = Path.of("");

    private enum Form {
        SVG,
        DOT,
        HTML;

        String write(Diagram diagram) {
            return switch (this) {
                case SVG -> SvgWriter.write(diagram);
                case DOT -> DotWriter.write(diagram);
                case HTML -> HtmlWriter.write(diagram);
            };
        }
    }

    @Override
    public Integer call() throws IOException {
        var console = model.console();
        var form = form();
        OutputFile.prepare(output);
        var loaded = model.load();
        var graph = graph(loaded);
        var diagram = depth == null ? GraphDiagram.of(graph) : GraphDiagram.of(graph, depth);
        OutputFile.write(output, form.write(diagram).getBytes(StandardCharsets.UTF_8));
        console.out().println("%s: %s, %s".formatted(output, diagram.title(), diagram.subtitle()));
        return Clipc.OK;
    }

    private Form form() {
        if (depth != null && depth < 0) {
            throw new Failure("--depth counts levels of modules; it cannot be " + depth);
        }
        var name = output.toString().toLowerCase(Locale.ROOT);
        for (var form : Form.values()) {
            if (name.endsWith("." + form.name().toLowerCase(Locale.ROOT))) {
                return form;
            }
        }
        throw new Failure(output + ": a picture's name ends in .svg, .dot or .html");
    }

    private ShardedGraph graph(LoadedModel loaded) {
        var names = EntryGraphs.names(loaded.source());
        var name = loaded.entry(entry, names, names::getFirst);
        return EntryGraphs.of(loaded.source(), name, CompileSettings.planned(loaded));
    }
}
