package org.clipc.compiler.pack;

import java.util.List;
import org.clipc.ir.Graph;
import org.clipc.ir.InputKind;
import org.clipc.program.Parameter;

/** A model of one graph. */
record OneGraph(Graph graph) implements ModelSource {

    @Override
    public String name() {
        return graph.name();
    }

    @Override
    public List<Parameter> parameters() {
        var zeros = new Parameter.Initializer(Parameter.Kind.ZEROS, 0, 0);
        return graph.inputs().stream()
                .filter(input -> input.kind() == InputKind.PARAMETER)
                .map(input -> new Parameter(input.name(), input.type(), zeros, false, true, null, -1, 0))
                .toList();
    }

    @Override
    public List<String> entryNames() {
        return List.of(graph.name());
    }

    @Override
    public Graph entry(String name, int batch, boolean training) {
        return graph;
    }
}
