package org.clipc.compiler.shard;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.clipc.compiler.shard.Sharding.Full;
import org.clipc.compiler.shard.Sharding.Split;
import org.clipc.compiler.train.TrainStep;
import org.clipc.ir.Mesh;
import org.clipc.ir.Op;
import org.clipc.ir.Output;
import org.clipc.program.Parameter;

/** How the ranks of a mesh hold parameters, the optimizer's state and batches. */
public final class Shardings {

    /** Before the name of a parameter: what the optimizer keeps for it. */
    private static final List<String> STATE =
            List.of(TrainStep.FIRST_MOMENT, TrainStep.SECOND_MOMENT, Parameter.MASTER);

    private Shardings() {}

    /** The model's parameters as each rank holds them. One that does not divide evenly is whole on every rank. */
    public static List<Parameter> held(List<Parameter> parameters, Mesh mesh, boolean distributedOptimizer) {
        return parameters.stream().map(p -> held(p, mesh, distributedOptimizer)).toList();
    }

    private static Parameter held(Parameter p, Mesh mesh, boolean distributedOptimizer) {
        var split = new Split(Math.max(p.shardAxis(), 0), p.shardParts());
        var isSplit = mesh.tensor() > 1 && p.shardAxis() >= 0 && split.fits(p.type(), mesh.tensor());
        var type = isSplit ? split.local(p.type(), mesh.tensor()) : p.type();
        var stateAxis = -1;
        for (var axis = type.rank() - 1; axis >= 0 && distributedOptimizer && mesh.data() > 1; axis--) {
            stateAxis = type.dim(axis) % mesh.data() == 0 ? axis : stateAxis;
        }
        return new Parameter(
                p.name(),
                type,
                p.initializer(),
                p.decay(),
                p.trainable(),
                p.clamp(),
                isSplit ? p.shardAxis() : -1,
                isSplit ? p.shardParts() : 1,
                stateAxis,
                p.offset());
    }

    /**
     * Along the tensor axis: parameters and their state are split as they say.
     *
     * @param held as {@link #held} gives them
     */
    public static Function<Op.Input, Sharding> tensor(List<Parameter> held) {
        Map<String, Sharding> known = new HashMap<>();
        for (var p : held) {
            if (p.shardAxis() >= 0) {
                var split = new Split(p.shardAxis(), p.shardParts());
                known.put(p.name(), split);
                STATE.forEach(prefix -> known.put(prefix + p.name(), split));
                known.put(TrainStep.GRADIENT_SUM + p.name(), split);
            }
        }
        return input -> known.getOrDefault(input.name(), Full.REPLICATED);
    }

    /**
     * Along the data axis: batches are split by samples, and the state of a distributed optimizer (ZeRO stage 1: Rajbhandari
     * et al. 2020, arXiv:1910.02054). Gradients that are summed up over micro-batches are each rank's own until then.
     */
    public static Function<Op.Input, Sharding> data(List<Parameter> held) {
        Map<String, Sharding> known = new HashMap<>();
        for (var p : held) {
            if (p.stateAxis() >= 0) {
                STATE.forEach(prefix -> known.put(prefix + p.name(), new Split(p.stateAxis())));
            }
        }
        return input -> switch (input.kind()) {
            case DATA -> new Split(0);
            case CARRIED -> Full.PARTIAL;
            case PARAMETER, STATE, SCALAR, OPERAND -> known.getOrDefault(input.name(), Full.REPLICATED);
        };
    }

    /** Among the micro-batches of a rank. */
    public static Function<Op.Input, Sharding> microBatches() {
        return input -> switch (input.kind()) {
            case DATA -> new Split(0);
            case CARRIED -> Full.PARTIAL;
            case PARAMETER, STATE, SCALAR, OPERAND -> Full.REPLICATED;
        };
    }

    /** Outputs with a row for each sample stay with the rank, or the micro-batch, that has the sample. */
    public static Sharding rows(Output output) {
        return TrainStep.isRows(output.name()) ? new Split(0) : Full.REPLICATED;
    }
}
