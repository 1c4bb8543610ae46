package org.clipc.compiler.elaborate;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.clipc.grammar.ast.Function;
import org.clipc.grammar.diagnostic.SourceFile;
import org.clipc.ir.Graph;

/** A checked model: its configuration, its parameters, and a graph for each entry point and batch size on demand. */
public final class ElaboratedModel {
    private final String name;
    private final Map<String, Object> config;
    private final List<ConfigKey> schema;
    private final List<ModelParameter> parameters;
    private final Instance root;
    private final Map<String, Function> entries;
    private final java.util.function.Function<SourceFile, String> fileNames;

    ElaboratedModel(
            String name,
            Map<String, Object> config,
            List<ConfigKey> schema,
            List<ModelParameter> parameters,
            Instance root,
            Map<String, Function> entries,
            java.util.function.Function<SourceFile, String> fileNames) {
        this.name = name;
        this.config = config;
        this.schema = List.copyOf(schema);
        this.parameters = List.copyOf(parameters);
        this.root = root;
        this.entries = entries;
        this.fileNames = fileNames;
    }

    public String name() {
        return name;
    }

    /** The resolved configuration: nested, ordered maps with Long, Double, Boolean and String leaves. */
    public Map<String, Object> config() {
        return config;
    }

    /** Every key that a recipe may set, with its value here. */
    public List<ConfigKey> configSchema() {
        return schema;
    }

    /** In the order of the source. */
    public List<ModelParameter> parameters() {
        return parameters;
    }

    public List<String> entryNames() {
        return List.copyOf(entries.keySet());
    }

    /** What the doc comment says of an entry point; empty if it has none. */
    public Optional<String> doc(String entry) {
        return Optional.ofNullable(entries.get(entry)).map(Function::doc).filter(doc -> !doc.isEmpty());
    }

    /**
     * The graph of an entry point. Its inputs are the parameters it uses (kind PARAMETER), the entry's own parameters
     * (DATA, with {@code B} standing for the batch), and {@code seed: i32[2]} (SCALAR) if it draws random numbers. Its
     * output is named after the entry, or several as its result type names them.
     *
     * @param training what {@code training} means in the source
     * @throws IllegalArgumentException if there is no such entry
     * @throws ElaborationException if the source has an error for this batch size only
     */
    public Graph entry(String entry, int batch, boolean training) {
        return entry(entry, batch, training, 1);
    }

    /**
     * Like {@link #entry(String, int, boolean)}, for a batch that several ranks share.
     *
     * @param batch of all ranks together
     * @param dataRanks what {@code data_ranks} means in the source
     */
    public Graph entry(String entry, int batch, boolean training, int dataRanks) {
        Function function = entries.get(entry);
        if (function == null) {
            throw new IllegalArgumentException(
                    "model " + name + " has no entry '" + entry + "', only " + entries.keySet());
        }
        if (batch < 1) {
            throw new IllegalArgumentException("a batch of " + batch);
        }
        var reporter = new Reporter();
        Graph graph = EntryBuilder.build(function, root, batch, training, dataRanks, fileNames, reporter);
        if (graph == null) {
            throw new ElaborationException(reporter.all());
        }
        return graph;
    }
}
