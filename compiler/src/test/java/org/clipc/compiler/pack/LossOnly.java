package org.clipc.compiler.pack;

import java.util.List;
import org.clipc.compiler.train.TwoTowers;
import org.clipc.ir.Graph;
import org.clipc.program.Parameter;

/** A model with the entry point {@code loss} alone, of a fixed batch. */
record LossOnly(TwoTowers.Model model) implements ModelSource {

    @Override
    public String name() {
        return "two_towers";
    }

    @Override
    public List<Parameter> parameters() {
        return model.parameters();
    }

    @Override
    public List<String> entryNames() {
        return List.of("loss");
    }

    @Override
    public Graph entry(String name, int batch, boolean training) {
        return model.loss();
    }
}
