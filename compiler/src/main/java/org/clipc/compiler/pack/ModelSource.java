package org.clipc.compiler.pack;

import java.util.Collections;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import org.clipc.compiler.elaborate.ElaboratedModel;
import org.clipc.ir.Graph;
import org.clipc.program.Parameter;

/** A model to compile. */
public interface ModelSource {

    String name();

    /** All parameters, in the order in which the program keeps them; their offsets are not looked at. */
    List<Parameter> parameters();

    /** Names of the entry points that the model declares. */
    List<String> entryNames();

    /**
     * The graph of an entry point. An entry point {@code loss} has an output {@code loss}, a float scalar.
     *
     * @param training whether dropout and the like are active
     */
    Graph entry(String name, int batch, boolean training);

    /**
     * The same, for a batch that several ranks share.
     *
     * @param batch of all ranks together
     */
    default Graph entry(String name, int batch, boolean training, int dataRanks) {
        return entry(name, batch, training);
    }

    /** The same model, with the same parameters, for texts of fewer tokens, by how many. */
    default SortedMap<Integer, ModelSource> forShorterTexts() {
        return Collections.emptySortedMap();
    }

    static ModelSource of(ElaboratedModel model) {
        return of(model, new TreeMap<>());
    }

    /** @param shorter the same model for texts of fewer tokens, by how many */
    static ModelSource of(ElaboratedModel model, SortedMap<Integer, ElaboratedModel> shorter) {
        record Elaborated(ElaboratedModel model, SortedMap<Integer, ElaboratedModel> shorter) implements ModelSource {

            @Override
            public SortedMap<Integer, ModelSource> forShorterTexts() {
                var sources = new TreeMap<Integer, ModelSource>();
                shorter.forEach((length, m) -> sources.put(length, of(m)));
                return sources;
            }

            @Override
            public String name() {
                return model.name();
            }

            @Override
            public List<Parameter> parameters() {
                return model.parameters().stream()
                        .map(p -> new Parameter(
                                p.name(),
                                p.type(),
                                p.initializer(),
                                p.decay(),
                                p.trainable(),
                                p.clamp(),
                                p.shardAxis(),
                                p.shardParts(),
                                -1,
                                0))
                        .toList();
            }

            @Override
            public List<String> entryNames() {
                return model.entryNames();
            }

            @Override
            public Graph entry(String name, int batch, boolean training) {
                return model.entry(name, batch, training);
            }

            @Override
            public Graph entry(String name, int batch, boolean training, int dataRanks) {
                return model.entry(name, batch, training, dataRanks);
            }
        }
        return new Elaborated(model, shorter);
    }
}
