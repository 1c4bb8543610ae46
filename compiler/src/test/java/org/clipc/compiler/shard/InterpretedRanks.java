package org.clipc.compiler.shard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.clipc.ir.testing.Numbers.assertClose;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.clipc.compiler.pass.Erase;
import org.clipc.compiler.pass.Simplify;
import org.clipc.compiler.train.Optimizer;
import org.clipc.compiler.train.TrainStep;
import org.clipc.ir.DType;
import org.clipc.ir.Graph;
import org.clipc.ir.Mesh;
import org.clipc.ir.MeshAxis;
import org.clipc.ir.Op;
import org.clipc.ir.TensorType;
import org.clipc.ir.interp.Interpreter;
import org.clipc.ir.interp.Tensor64;
import org.clipc.program.Parameter;

/**
 * The ranks of a mesh in training, each by the inputs that it holds, beside one rank that trains alike and holds all of
 * each.
 */
final class InterpretedRanks {

    static final Optimizer ADAM = new Optimizer(0.9, 0.98, 1e-6, 0.2, 0.5);

    private static final double RATE = 1e-2;

    private static final double TOLERANCE = 1e-9;

    private final Graph step;
    private final List<Parameter> held;
    private final Mesh mesh;
    private final Map<String, Tensor64> whole;
    private final List<Map<String, Tensor64>> ranks = new ArrayList<>();

    /**
     * @param step of the one rank
     * @param held the parameters as ranks hold them
     */
    InterpretedRanks(Graph step, List<Parameter> held, Mesh mesh) {
        this.step = step;
        this.held = held;
        this.mesh = mesh;
        this.whole = TinyClip.inputs(step, 42);
        for (var rank = 0; rank < mesh.size(); rank++) {
            ranks.add(shards(step, whole, held, mesh, rank));
        }
    }

    /** A step on ranks that hold these inputs, which it updates. */
    @FunctionalInterface
    interface Step {
        List<Map<String, Tensor64>> run(List<Map<String, Tensor64>> ranks);
    }

    /** A step of the one and of all, which leaves all ranks with the same numbers and with their parts of the one's state. */
    void check(int number, Step divided) {
        whole.putAll(scalars(number));
        ranks.forEach(inputs -> inputs.putAll(scalars(number)));
        var expected = Interpreter.run(step, whole);
        commit(step, expected, whole);
        var actual = divided.run(ranks);
        for (var rank = 0; rank < mesh.size(); rank++) {
            for (var name : List.of("loss", TrainStep.GRAD_NORM, TrainStep.SKIPPED)) {
                close(name, get(actual.get(rank), name), get(expected, name));
            }
            var inputs = ranks.get(rank);
            shards(step, whole, held, mesh, rank).forEach((name, part) -> close(name, get(inputs, name), part));
        }
    }

    private static Map<String, Tensor64> scalars(int step) {
        return Map.of(TrainStep.STEP, scalar(step), TrainStep.LEARNING_RATE, scalar(RATE));
    }

    private static Tensor64 scalar(double value) {
        return Tensor64.scalar(TensorType.f32(), value);
    }

    private static void close(String name, Tensor64 actual, Tensor64 expected) {
        assertThat(actual.type()).as(name).isEqualTo(expected.type());
        assertClose(name, actual.data(), expected.data(), TOLERANCE);
    }

    /** A training step's graph, fit to be divided. */
    static Graph simplified(Graph graph) {
        return new Simplify().apply(Erase.STOP_GRADIENTS.apply(graph));
    }

    static Tensor64 get(Map<String, Tensor64> tensors, String name) {
        return Objects.requireNonNull(tensors.get(name), name);
    }

    /** Makes what a run of all ranks updates the next run's inputs. */
    static void commit(Graph graph, List<Map<String, Tensor64>> outputs, List<Map<String, Tensor64>> inputs) {
        for (var rank = 0; rank < inputs.size(); rank++) {
            commit(graph, outputs.get(rank), inputs.get(rank));
        }
    }

    private static void commit(Graph graph, Map<String, Tensor64> outputs, Map<String, Tensor64> inputs) {
        for (var output : graph.outputs()) {
            if (output.updates() != null) {
                inputs.put(output.updates(), get(outputs, output.name()));
            }
        }
    }

    /** What a rank holds of each input. */
    static Map<String, Tensor64> shards(
            Graph step, Map<String, Tensor64> whole, List<Parameter> held, Mesh mesh, int rank) {
        var shards = new HashMap<String, Tensor64>();
        for (var input : step.inputs()) {
            var tensor = get(whole, input.name());
            tensor = shard(tensor, Shardings.tensor(held).apply(input), mesh, MeshAxis.TENSOR, rank);
            shards.put(input.name(), shard(tensor, Shardings.data(held).apply(input), mesh, MeshAxis.DATA, rank));
        }
        return shards;
    }

    private static Tensor64 shard(Tensor64 x, Sharding sharding, Mesh mesh, MeshAxis axis, int rank) {
        if (!(sharding instanceof Sharding.Split(var dim, var parts))) {
            return x;
        }
        var op = new Op.RankSlice(mesh.size(axis), dim, parts);
        var coordinate = Tensor64.scalar(TensorType.scalar(DType.I32), mesh.coordinate(axis, rank));
        var type = sharding.local(x.type(), mesh.size(axis));
        return Interpreter.apply(op, List.of(x, coordinate), List.of(type)).getFirst();
    }
}
