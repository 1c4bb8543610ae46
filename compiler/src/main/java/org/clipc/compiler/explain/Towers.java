package org.clipc.compiler.explain;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.clipc.compiler.elaborate.ElaboratedModel;
import org.clipc.compiler.elaborate.ModelParameter;
import org.clipc.ir.Graph;
import org.clipc.ir.InputKind;
import org.clipc.ir.MatrixFlops;
import org.clipc.ir.Op;

/** The graphs of one image and of one caption, and so which parameters belong to which tower. */
final class Towers {

    private final List<ModelParameter> parameters;
    private final Graph image;
    private final Graph text;

    private Towers(List<ModelParameter> parameters, Graph image, Graph text) {
        this.parameters = parameters;
        this.image = image;
        this.text = text;
    }

    static Towers of(ElaboratedModel model) {
        return new Towers(model.parameters(), tower(model, "encode_image"), tower(model, "encode_text"));
    }

    private static Graph tower(ElaboratedModel model, String entry) {
        return model.entryNames().contains(entry)
                ? model.entry(entry, 1, false)
                : new Graph(entry, List.of(), List.of());
    }

    Explanation.Parameters count() {
        var images = names(image);
        var texts = names(text);
        var shared = new HashSet<>(images);
        shared.retainAll(texts);
        images.removeAll(shared);
        texts.removeAll(shared);
        return new Explanation.Parameters(
                elements(p -> images.contains(p.name())),
                elements(p -> texts.contains(p.name())),
                elements(_ -> true),
                elements(ModelParameter::trainable));
    }

    private static Set<String> names(Graph graph) {
        return graph.inputs().stream()
                .filter(input -> input.kind() == InputKind.PARAMETER)
                .map(Op.Input::name)
                .collect(Collectors.toCollection(HashSet::new));
    }

    private long elements(Predicate<ModelParameter> which) {
        return parameters.stream()
                .filter(which)
                .mapToLong(p -> p.type().elements())
                .sum();
    }

    long imageFlops() {
        return MatrixFlops.of(image);
    }

    long textFlops() {
        return MatrixFlops.of(text);
    }

    ModuleCosts modules() {
        var costs = new ModuleCosts();
        parameters.forEach(p -> costs.parameter(p.name(), p.type().elements()));
        costs.flops(image);
        costs.flops(text);
        return costs;
    }
}
