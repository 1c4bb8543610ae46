package org.clipc.compiler.pack;

import java.util.List;
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
}
