package org.clipc.compiler.accumulate;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Predicate;
import org.clipc.compiler.autodiff.Autodiff;
import org.clipc.compiler.train.Optimizer;
import org.clipc.compiler.train.TrainStep;
import org.clipc.ir.DType;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.InputKind;
import org.clipc.ir.Location;
import org.clipc.ir.Op;
import org.clipc.ir.Output;
import org.clipc.ir.TensorType;
import org.clipc.ir.Value;
import org.clipc.program.EntryPoint;
import org.clipc.program.Parameter;

/**
 * A training step in four graphs, see {@link org.clipc.program.TrainingStep}, which together do what one would. They are
 * made for the whole batch, like any graph before it is divided; {@link org.clipc.compiler.shard.Partition#microBatches}
 * then takes the micro-batches apart. So what is random, which depends on the place in the whole batch, is the same however
 * many there are.
 */
public final class Accumulation {

    private final Cut cut;
    private final List<Parameter> all;
    private final Map<String, Parameter> byName = new HashMap<>();

    /** The parameters that the loss depends on, by a sample or without, and that are trained. */
    private final Set<String> trained = new HashSet<>();

    private Accumulation(Graph forward, int batch, List<Parameter> parameters) {
        all = parameters;
        parameters.forEach(p -> byName.put(p.name(), p));
        cut = Cut.of(forward, batch);
        for (var input : forward.inputs()) {
            if (isTrained(input)) {
                trained.add(input.name());
            }
        }
    }

    /**
     * @param forward the graph of a loss, with an output {@code loss}
     * @param batch samples of it
     * @param parameters all of the model's
     * @throws AccumulationException if samples meet before the last layer
     */
    public static Accumulation of(Graph forward, int batch, List<Parameter> parameters) {
        return new Accumulation(forward, batch, parameters);
    }

    private boolean isTrained(Op.Input input) {
        var parameter = byName.get(input.name());
        return input.kind() == InputKind.PARAMETER
                && input.type().dtype().isFloat()
                && parameter != null
                && parameter.trainable();
    }

    /** Types of the features, by number: what samples hand to the loss. */
    public List<TensorType> features() {
        return cut.rows();
    }

    /** The features {@code features.<number>} of the samples. */
    public Graph sampleFeatures() {
        return cut.samples();
    }

    /**
     * Outputs: those of the loss, and {@code grad.features.<number>} for features that trained parameters stand behind.
     * Sets the sums of gradients to what the loss itself adds to them.
     */
    public Graph loss() {
        var active = Autodiff.dependent(cut.samples(), this::isTrained);
        var loss = cut.loss();
        var gradients =
                Autodiff.gradients(loss, EntryPoint.LOSS, input -> isTrained(input) || active.contains(input.name()));
        var b = copy(gradients);
        loss.outputs().forEach(b::output);
        var computed = new HashSet<String>();
        for (var output : gradients.outputs()) {
            if (TrainStep.isRows(output.name())) {
                b.output(output);
            } else if (output.name().startsWith(Autodiff.PREFIX)) {
                var name = output.name().substring(Autodiff.PREFIX.length());
                computed.add(name);
                set(name, b.convert(output.value(), DType.F32), b);
            }
        }
        for (var parameter : all) {
            if (trained.contains(parameter.name()) && !computed.contains(parameter.name())) {
                set(parameter.name(), b.constant(sum(parameter), 0), b);
            }
        }
        return b.build();
    }

    /** Given {@code grad.features.<number>}, adds to the sums of gradients what the samples add. */
    public Graph backward() {
        var gradients = Autodiff.pullback(cut.samples(), this::isTrained);
        var b = copy(gradients);
        for (var output : gradients.outputs()) {
            if (!(gradients.op(output.value()) instanceof Op.Constant)) {
                var name = output.name().substring(Autodiff.PREFIX.length());
                var parameter = Objects.requireNonNull(byName.get(name));
                b.at(gradients.node(output.value()).location());
                var before = b.input(TrainStep.GRADIENT_SUM + name, InputKind.CARRIED, sum(parameter));
                var sum = b.add(before, b.convert(output.value(), DType.F32));
                b.output(new Output("next." + TrainStep.GRADIENT_SUM + name, sum, TrainStep.GRADIENT_SUM + name));
            }
        }
        return b.build();
    }

    /**
     * Clips the sums of gradients and updates the parameters. Takes {@code loss}, which tells whether that makes sense.
     *
     * @param hasMaster which parameters the optimizer's state holds as masters
     */
    public Graph update(Optimizer optimizer, Predicate<Parameter> hasMaster) {
        var b = new GraphBuilder("train_update");
        b.output(EntryPoint.LOSS, b.input(EntryPoint.LOSS, InputKind.SCALAR, TensorType.scalar(DType.F32)));
        for (var parameter : all) {
            if (trained.contains(parameter.name())) {
                b.at(new Location("optimizer." + parameter.name(), "", ""));
                b.input(parameter.name(), InputKind.PARAMETER, parameter.type());
                b.output(
                        Autodiff.PREFIX + parameter.name(),
                        b.input(TrainStep.GRADIENT_SUM + parameter.name(), InputKind.CARRIED, sum(parameter)));
            }
        }
        return TrainStep.update(b.build(), EntryPoint.LOSS, all, optimizer, hasMaster);
    }

    private static TensorType sum(Parameter parameter) {
        return parameter.type().withDtype(DType.F32);
    }

    private static GraphBuilder copy(Graph graph) {
        var b = new GraphBuilder(graph.name());
        graph.nodes().forEach(node -> b.at(node.location()).addAll(node.op(), node.operands()));
        return b;
    }

    private void set(String name, Value value, GraphBuilder b) {
        var parameter = Objects.requireNonNull(byName.get(name));
        b.input(TrainStep.GRADIENT_SUM + name, InputKind.CARRIED, sum(parameter));
        b.output(new Output("next." + TrainStep.GRADIENT_SUM + name, value, TrainStep.GRADIENT_SUM + name));
    }
}
