package org.clipc.compiler.pack;

import java.util.ArrayList;
import java.util.List;
import org.clipc.compiler.pass.Pass;
import org.clipc.compiler.shard.ShardedGraph;
import org.clipc.ir.Graph;
import org.clipc.program.EntryPoint;

/** Entry points as graphs that still show what the source says: divided among ranks, but not fused. For pictures. */
public final class EntryGraphs {

    private EntryGraphs() {}

    /** The entry points that the model declares and, if it can be trained, {@code loss_grad} and {@code train_step}. */
    public static List<String> names(ModelSource model) {
        var names = new ArrayList<>(model.entryNames());
        if (names.contains(EntryPoint.LOSS)) {
            names.addAll(List.of(EntryPoint.LOSS_GRAD, EntryPoint.TRAIN_STEP));
        }
        return names;
    }

    /**
     * The graph of one of the entry points for a micro-batch, as each rank runs it. Data-parallel ranks share the samples of
     * a loss only. What one rank runs alone is as it was elaborated, or differentiated.
     */
    public static ShardedGraph of(ModelSource model, String name, CompileOptions options) {
        var parameters = model.parameters();
        return switch (name) {
            case EntryPoint.LOSS_GRAD -> differentiated(model, false, EntryPasses.differentiate(parameters), options);
            case EntryPoint.TRAIN_STEP ->
                differentiated(
                        model,
                        true,
                        EntryPasses.trainStep(parameters, options.optimizer(), ranks(model, options)),
                        options);
            default -> declared(model, name, options);
        };
    }

    private static ShardedGraph differentiated(
            ModelSource model, boolean training, Pass differentiate, CompileOptions options) {
        return divided(
                loss(model, training, options), EntryPasses.undivided(differentiate), ranks(model, options), true);
    }

    private static ShardedGraph declared(ModelSource model, String name, CompileOptions options) {
        var ranks = ranks(model, options);
        var isLoss = name.equals(EntryPoint.LOSS);
        if (ranks.mesh().tensor() == 1 && (ranks.mesh().data() == 1 || !isLoss)) {
            return ShardedGraph.whole(model.entry(name, options.microBatch(), false));
        }
        var graph = isLoss ? loss(model, false, options) : model.entry(name, options.microBatch(), false);
        return divided(graph, EntryPasses.undivided(), ranks, isLoss);
    }

    private static Graph loss(ModelSource model, boolean training, CompileOptions options) {
        var dataRanks = options.parallelism().mesh().data();
        var batch = Math.multiplyExact(options.microBatch(), dataRanks);
        return model.entry(EntryPoint.LOSS, batch, training, dataRanks);
    }

    private static EntryPasses.Ranks ranks(ModelSource model, CompileOptions options) {
        return EntryPasses.Ranks.of(model, options);
    }

    private static ShardedGraph divided(
            Graph graph, List<Pass> passes, EntryPasses.Ranks ranks, boolean sharesSamples) {
        var current = graph;
        for (var pass : passes) {
            current = pass.apply(current);
        }
        var divided = ranks.tensor().divide(ShardedGraph.whole(current));
        return (sharesSamples ? ranks.data().divide(divided) : divided).withoutUnused();
    }
}
