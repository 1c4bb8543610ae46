package org.clipc.compiler.train;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Predicate;
import org.clipc.compiler.autodiff.Autodiff;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.Comparison;
import org.clipc.ir.DType;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.InputKind;
import org.clipc.ir.Location;
import org.clipc.ir.Op;
import org.clipc.ir.Output;
import org.clipc.ir.Shape;
import org.clipc.ir.TensorType;
import org.clipc.ir.UnaryFn;
import org.clipc.ir.Value;
import org.clipc.program.Parameter;
import org.jspecify.annotations.Nullable;

/**
 * Builds the training step around a loss: forward, backward, clipping of the global gradient norm as
 * {@code torch.nn.utils.clip_grad_norm_} does it, AdamW, and the clamping of parameters that ask for it. When the loss or
 * the norm is not finite, parameters and state stay as they are.
 */
public final class TrainStep {

    public static final String FIRST_MOMENT = "adam.m.";
    public static final String SECOND_MOMENT = "adam.v.";

    /** Before the name of a parameter: the sum of its gradients over the micro-batches that have been, f32. */
    public static final String GRADIENT_SUM = "gradient.";

    /** Before a number: what the loss sees of the samples, a row each. */
    public static final String FEATURES = "features.";

    /** Names of the scalar inputs, f32, besides those of the loss. */
    public static final String LEARNING_RATE = "lr";

    /** The number of the step, from 1 on. */
    public static final String STEP = "step";

    /** Name of the output, f32, that is 1 when the step changed nothing and 0 when it did. */
    public static final String SKIPPED = "skipped";

    public static final String GRAD_NORM = "grad_norm";

    private static final TensorType SCALAR = TensorType.scalar(DType.F32);

    private final Graph gradients;
    private final Optimizer optimizer;
    private final Predicate<Parameter> hasMaster;
    private final GraphBuilder b;
    private final Map<String, Value> inputs = new HashMap<>();

    private TrainStep(Graph gradients, Optimizer optimizer, Predicate<Parameter> hasMaster) {
        this.gradients = gradients;
        this.optimizer = optimizer;
        this.hasMaster = hasMaster;
        b = new GraphBuilder("train_step");
    }

    /**
     * Outputs: those of {@code forward}, {@value #GRAD_NORM}, {@value #SKIPPED}, every scalar parameter as it is after
     * the step, and the updates of parameters and state, named {@code next.<input>}.
     *
     * @param forward the loss as a graph
     * @param loss name of the output that is minimised
     * @param parameters all of the model's; those that {@code forward} does not use are left alone
     */
    public static Graph build(Graph forward, String loss, List<Parameter> parameters, Optimizer optimizer) {
        return build(forward, loss, parameters, optimizer, _ -> false);
    }

    /**
     * The same where the optimizer's state holds some parameters as masters: it updates these, and the parameters become
     * what the masters are.
     */
    public static Graph build(
            Graph forward,
            String loss,
            List<Parameter> parameters,
            Optimizer optimizer,
            Predicate<Parameter> hasMaster) {
        var byName = new HashMap<String, Parameter>();
        parameters.forEach(p -> byName.put(p.name(), p));
        var gradients = Autodiff.gradients(forward, loss, input -> isTrained(input, byName));
        return new TrainStep(gradients, optimizer, hasMaster).run(forward, loss, byName);
    }

    /**
     * The last part of a step whose gradients are there. Outputs and updates as {@link #build} has them.
     *
     * @param gradients has an output {@code grad.<name>} for every parameter among its inputs that is trained, and an
     *     output {@code loss}; its inputs are the parameters and where the outputs come from
     * @param loss name of that output
     */
    public static Graph update(
            Graph gradients,
            String loss,
            List<Parameter> parameters,
            Optimizer optimizer,
            Predicate<Parameter> hasMaster) {
        var byName = new HashMap<String, Parameter>();
        parameters.forEach(p -> byName.put(p.name(), p));
        var forward = new Graph(gradients.name(), gradients.nodes(), List.of(gradients.output(loss)));
        return new TrainStep(gradients, optimizer, hasMaster).run(forward, loss, byName);
    }

    /** Whether an output holds a row for each sample: what the loss sees of it, or the gradient by that. */
    public static boolean isRows(String output) {
        return output.startsWith(FEATURES) || output.startsWith(Autodiff.PREFIX + FEATURES);
    }

    static boolean isTrained(Op.Input input, Map<String, Parameter> parameters) {
        return input.kind() == InputKind.PARAMETER
                && Objects.requireNonNull(parameters.get(input.name()), input.name())
                        .trainable();
    }

    private Graph run(Graph forward, String loss, Map<String, Parameter> parameters) {
        for (var node : gradients.nodes()) {
            var value = b.at(node.location()).addAll(node.op(), node.operands()).getFirst();
            if (node.op() instanceof Op.Input(var name, var _, var _)) {
                inputs.put(name, value);
            }
        }
        forward.outputs().forEach(b::output);
        b.at(Location.of("optimizer"));
        var trained = new ArrayList<Parameter>();
        var grads = new ArrayList<Value>();
        for (var input : gradients.inputs()) {
            if (isTrainedInput(input, parameters)) {
                trained.add(Objects.requireNonNull(parameters.get(input.name())));
                grads.add(gradients.output(Autodiff.PREFIX + input.name()).value());
            }
        }
        var norm = b.unary(UnaryFn.SQRT, sumOfSquares(grads));
        var finite = b.binary(
                BinaryFn.AND, isFinite(norm), isFinite(gradients.output(loss).value()));
        // AdamW leaves everything as it is when told to scale by NaN.
        var scale = b.select(finite, clipFactor(norm), b.constant(SCALAR, Double.NaN));
        var lr = b.input(LEARNING_RATE, InputKind.SCALAR, SCALAR);
        var step = b.input(STEP, InputKind.SCALAR, SCALAR);
        b.output(GRAD_NORM, norm);
        b.output(SKIPPED, b.convert(b.unary(UnaryFn.NOT, finite), DType.F32));
        for (var i = 0; i < trained.size(); i++) {
            update(trained.get(i), grads.get(i), List.of(lr, step, scale));
        }
        return b.build();
    }

    private static boolean isTrainedInput(Op.Input input, Map<String, Parameter> parameters) {
        return isTrained(input, parameters) && input.type().dtype().isFloat();
    }

    /** The sum over all gradients: one number each, side by side, and the sum of these, however many there are. */
    private Value sumOfSquares(List<Value> grads) {
        var parts = new ArrayList<Value>();
        for (var grad : grads) {
            var row = b.reshape(
                    b.convert(grad, DType.F32),
                    new Shape(List.of(1, Math.toIntExact(b.shape(grad).elements()))));
            parts.add(b.sum(b.mul(row, row), List.of(1)));
        }
        return parts.isEmpty() ? b.constant(SCALAR, 0) : b.sum(b.concat(parts, 0), List.of(0));
    }

    private Value isFinite(Value x) {
        return b.compare(Comparison.LT, b.unary(UnaryFn.ABS, x), b.constantLike(x, Double.POSITIVE_INFINITY));
    }

    private Value clipFactor(Value norm) {
        var one = b.constant(SCALAR, 1);
        if (optimizer.clip() == null) {
            return one;
        }
        var factor = b.div(b.constant(SCALAR, optimizer.clip()), b.add(norm, b.constant(SCALAR, 1e-6)));
        return b.binary(BinaryFn.MIN, one, factor);
    }

    private void update(Parameter parameter, Value grad, List<Value> scalars) {
        var name = parameter.name();
        b.at(new Location("optimizer." + name, "", ""));
        var state = parameter.type().withDtype(DType.F32);
        var operands = new ArrayList<Value>();
        var held = hasMaster.test(parameter) ? Parameter.MASTER + name : name;
        operands.add(
                held.equals(name) ? Objects.requireNonNull(inputs.get(name)) : b.input(held, InputKind.STATE, state));
        operands.add(grad);
        operands.add(b.input(FIRST_MOMENT + name, InputKind.STATE, state));
        operands.add(b.input(SECOND_MOMENT + name, InputKind.STATE, state));
        operands.addAll(scalars);
        var decay = parameter.decay() ? optimizer.weightDecay() : 0;
        var op = new Op.AdamW(optimizer.beta1(), optimizer.beta2(), optimizer.epsilon(), decay);
        var results = b.addAll(op, operands);
        var next = clamped(results.getFirst(), parameter.clamp());
        b.output(new Output("next." + name, next, name));
        if (!held.equals(name)) {
            b.output(new Output("next." + held, next, held));
        }
        b.output(new Output("next." + FIRST_MOMENT + name, results.get(1), FIRST_MOMENT + name));
        b.output(new Output("next." + SECOND_MOMENT + name, results.get(2), SECOND_MOMENT + name));
        if (parameter.type().rank() == 0) {
            b.output(name, next);
        }
    }

    private Value clamped(Value x, @Nullable List<Double> bounds) {
        return bounds == null
                ? x
                : b.binary(
                        BinaryFn.MIN,
                        b.binary(BinaryFn.MAX, x, b.constantLike(x, bounds.getFirst())),
                        b.constantLike(x, bounds.getLast()));
    }
}
