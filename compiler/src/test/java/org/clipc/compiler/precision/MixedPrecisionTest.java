package org.clipc.compiler.precision;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.function.BiFunction;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.clipc.compiler.pass.Pass;
import org.clipc.compiler.pass.PassPipeline;
import org.clipc.compiler.pass.Simplify;
import org.clipc.compiler.shard.Partition;
import org.clipc.compiler.shard.Shardings;
import org.clipc.compiler.train.Optimizer;
import org.clipc.compiler.train.TrainStep;
import org.clipc.ir.DType;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.InputKind;
import org.clipc.ir.Mesh;
import org.clipc.ir.Op;
import org.clipc.ir.Shape;
import org.clipc.ir.TensorType;
import org.clipc.ir.UnaryFn;
import org.clipc.ir.Value;
import org.clipc.ir.interp.Interpreter;
import org.clipc.ir.interp.MeshInterpreter;
import org.clipc.ir.interp.Scalars;
import org.clipc.ir.interp.Tensor64;
import org.clipc.program.Parameter;

/** Training steps of a small network of two layers, in the interpreter. */
class MixedPrecisionTest {

    private static final Mesh MESH = new Mesh(2, 1);
    private static final int STEPS = 3;

    /** Samples, of which each of two ranks takes half: enough for gradients to be smaller than what they are made of. */
    private static final int BATCH = 64;

    /** No clipping: the norm's parts are added in another order where the optimizer is shared. */
    private static final Optimizer ADAM = new Optimizer(0.9, 0.98, 1e-6, 0.2, null);

    private static final Net NET = new Net();

    /** Two layers, a layer norm between. */
    private static final class Net {

        private final Map<String, Parameter> parameters = new LinkedHashMap<>();
        private final GraphBuilder b = new GraphBuilder("loss");
        private final Graph loss;

        Net() {
            var x = b.input("x", InputKind.DATA, TensorType.f32(BATCH, 6));
            var bias = b.broadcast(parameter("bias", 4), Shape.of(BATCH, 4), List.of(1));
            var h = b.unary(UnaryFn.TANH, b.add(b.dot(x, 1, parameter("v", 4, 6), 1), bias));
            var n = b.addAll(new Op.LayerNorm(1e-5), List.of(h, parameter("gain", 4), parameter("shift", 4)))
                    .getFirst();
            var y = b.dot(n, 1, parameter("w", 2, 4), 1);
            b.output("loss", b.mul(b.sum(b.mul(y, y), List.of(0, 1)), 1.0 / BATCH));
            loss = b.build();
        }

        private Value parameter(String name, int... dims) {
            var type = TensorType.f32(dims);
            var initializer = new Parameter.Initializer(Parameter.Kind.ZEROS, 0, 0);
            parameters.put(name, new Parameter(name, type, initializer, dims.length > 1, true, null, -1, 0));
            return b.input(name, InputKind.PARAMETER, type);
        }

        List<Parameter> parameters() {
            return List.copyOf(parameters.values());
        }

        Set<String> names() {
            return parameters.keySet();
        }
    }

    private static Graph step(Precision precision) {
        return PassPipeline.of(
                        new Simplify(),
                        Pass.of(
                                "train-step",
                                g -> TrainStep.build(g, "loss", NET.parameters(), ADAM, precision::hasMaster)),
                        new Simplify(),
                        new MixedPrecision(precision, "loss"),
                        new Simplify())
                .verifyingEach()
                .run(NET.loss)
                .graph();
    }

    /** Masters are what parameters are rounded from. */
    private static Map<String, Tensor64> inputs(Graph graph, long seed) {
        var inputs = new HashMap<String, Tensor64>();
        for (var input : graph.inputs()) {
            var name = input.name().replace(Parameter.MASTER, "");
            var random = new Random(seed + name.hashCode());
            var tensor = Tensor64.zeros(input.type());
            for (var i = 0; i < tensor.size() && !input.name().startsWith("adam."); i++) {
                tensor.data()[i] = Scalars.round(input.type().dtype(), (float) random.nextGaussian());
            }
            inputs.put(input.name(), tensor);
        }
        inputs.put(TrainStep.LEARNING_RATE, Tensor64.scalar(TensorType.f32(), 1e-2));
        return inputs;
    }

    private static void update(Graph graph, Map<String, Tensor64> outputs, Map<String, Tensor64> inputs) {
        for (var output : graph.outputs()) {
            if (output.updates() != null) {
                inputs.put(output.updates(), Objects.requireNonNull(outputs.get(output.name())));
            }
        }
    }

    @Property(tries = 20)
    void parametersAreTheirMastersRounded(@ForAll long seed) {
        var graph = step(Precision.BF16_O2);
        var inputs = inputs(graph, seed);
        for (var step = 0; step < STEPS; step++) {
            inputs.put(TrainStep.STEP, Tensor64.scalar(TensorType.f32(), step + 1));
            update(graph, Interpreter.run(graph, inputs), inputs);
            for (var name : NET.names()) {
                var held = Objects.requireNonNull(inputs.get(name));
                var master = Objects.requireNonNull(inputs.get(Parameter.MASTER + name));
                assertThat(held).isEqualTo(master.map(held.type(), x -> Scalars.round(DType.BF16, x)));
                assertThat(held.data()).isNotEqualTo(master.data());
            }
        }
    }

    /** What ranks hold, and how they do: {@code shared} splits the optimizer's state, masters included. */
    private static Map<String, Tensor64> train(Precision precision, boolean shared, long seed) {
        var whole = step(precision);
        var held = Shardings.held(precision.stored(NET.parameters()), MESH, shared);
        var divided = new Simplify()
                .apply(Partition.data(MESH.data(), Shardings.data(held)).apply(whole));
        var all = inputs(whole, seed);
        var ranks = new ArrayList<Map<String, Tensor64>>();
        for (var rank = 0; rank < MESH.size(); rank++) {
            var inputs = new HashMap<>(all);
            for (var input : divided.inputs()) {
                inputs.computeIfPresent(input.name(), cut(rank, input));
            }
            ranks.add(inputs);
        }
        for (var step = 0; step < STEPS; step++) {
            for (var inputs : ranks) {
                inputs.put(TrainStep.STEP, Tensor64.scalar(TensorType.f32(), step + 1));
            }
            var outputs = MeshInterpreter.run(MESH, divided, ranks);
            for (var rank = 0; rank < MESH.size(); rank++) {
                update(divided, outputs.get(rank), ranks.get(rank));
            }
        }
        var trained = new HashMap<>(ranks.getFirst());
        trained.keySet().retainAll(NET.names());
        return trained;
    }

    /** Batches by samples; of what the optimizer keeps, rows, or what each parameter is split by. */
    private static BiFunction<String, Tensor64, Tensor64> cut(int rank, Op.Input input) {
        return (_, tensor) -> {
            var axis = 0;
            while (axis < tensor.type().rank()
                    && tensor.shape().dim(axis) == input.type().dim(axis)) {
                axis++;
            }
            if (axis == tensor.type().rank()) {
                return tensor;
            }
            var coordinate = Tensor64.scalar(TensorType.scalar(DType.I32), rank);
            var slice = new Op.RankSlice(MESH.data(), axis, 1);
            return Interpreter.apply(slice, List.of(tensor, coordinate), List.of(input.type()))
                    .getFirst();
        };
    }

    @Property(tries = 10)
    void sharingTheOptimizerChangesNoBit(@ForAll Precision precision, @ForAll long seed) {
        assertThat(train(precision, true, seed))
                .isEqualTo(train(precision, false, seed))
                .hasSize(5);
    }
}
