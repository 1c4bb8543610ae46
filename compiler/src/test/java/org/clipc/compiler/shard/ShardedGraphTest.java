package org.clipc.compiler.shard;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.clipc.compiler.shard.Sharding.Full;
import org.clipc.compiler.shard.Sharding.Split;
import org.clipc.compiler.train.TrainStep;
import org.clipc.ir.Graph;
import org.clipc.ir.Mesh;
import org.clipc.ir.MeshAxis;
import org.clipc.ir.Op;
import org.clipc.ir.Output;
import org.clipc.ir.TensorType;
import org.clipc.ir.Value;
import org.clipc.ir.interp.MeshInterpreter;
import org.clipc.ir.interp.Tensor64;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is said of the values of a divided training step is true of their numbers. */
class ShardedGraphTest {

    private static ShardedGraph divided(TinyClip model, Mesh mesh, boolean sequence, boolean zero) {
        var held = Shardings.held(model.parameters(), mesh, zero);
        var tensor = Partition.tensor(mesh.tensor(), Shardings.tensor(held), sequence, mesh.data())
                .divide(ShardedGraph.whole(MeshEquivalenceTest.step(model, mesh.data(), MeshEquivalenceTest.BATCH)));
        return Partition.data(mesh.data(), Shardings.data(held)).divide(tensor);
    }

    @ParameterizedTest
    @CsvSource({"2,2,false,false", "2,2,true,true", "1,4,true,false", "2,1,false,true"})
    void replicatedValuesAreEqualOnAllRanks(int data, int tensor, boolean sequence, boolean zero) {
        var model = new TinyClip();
        var mesh = new Mesh(data, tensor);
        var sharded = divided(model, mesh, sequence, zero).withoutUnused();
        var outputs = new ArrayList<>(sharded.graph().outputs());
        sharded.shardings().keySet().forEach(v -> outputs.add(new Output(v.toString(), v, null)));
        var shown = new Graph("step", sharded.graph().nodes(), outputs);
        var results = MeshInterpreter.run(mesh, shown, inputs(model, mesh, zero));
        var differing = 0;
        for (var entry : sharded.shardings().entrySet()) {
            for (var spread : entry.getValue().entrySet()) {
                var equal = equalAlong(spread.getKey(), mesh, results, entry.getKey());
                if (spread.getValue().equals(Full.REPLICATED)) {
                    assertThat(equal)
                            .as("%s %s", entry.getKey(), sharded.graph().node(entry.getKey()))
                            .isTrue();
                } else if (!equal) {
                    differing++;
                }
            }
        }
        assertThat(differing).isGreaterThan(sharded.shardings().size() / 4);
    }

    private static boolean equalAlong(MeshAxis axis, Mesh mesh, List<Map<String, Tensor64>> results, Value value) {
        for (var rank = 0; rank < mesh.size(); rank++) {
            var first = mesh.group(axis, rank).getFirst();
            if (!tensor(results, rank, value).equals(tensor(results, first, value))) {
                return false;
            }
        }
        return true;
    }

    private static Tensor64 tensor(List<Map<String, Tensor64>> results, int rank, Value value) {
        return Objects.requireNonNull(results.get(rank).get(value.toString()));
    }

    private static List<Map<String, Tensor64>> inputs(TinyClip model, Mesh mesh, boolean zero) {
        var step = MeshEquivalenceTest.step(model, mesh.data(), MeshEquivalenceTest.BATCH);
        var held = Shardings.held(model.parameters(), mesh, zero);
        var whole = new HashMap<>(TinyClip.inputs(step, 7));
        whole.put(TrainStep.STEP, Tensor64.scalar(TensorType.f32(), 1));
        whole.put(TrainStep.LEARNING_RATE, Tensor64.scalar(TensorType.f32(), 1e-2));
        var ranks = new ArrayList<Map<String, Tensor64>>();
        for (var rank = 0; rank < mesh.size(); rank++) {
            ranks.add(InterpretedRanks.shards(step, whole, held, mesh, rank));
        }
        return ranks;
    }

    @Test
    void collectivesTurnOneSpreadIntoAnother() {
        var sharded = divided(new TinyClip(), new Mesh(2, 2), true, true);
        var kinds = new ArrayList<Class<?>>();
        var nodes = sharded.graph().nodes();
        for (var i = 0; i < nodes.size(); i++) {
            switch (nodes.get(i).op()) {
                case Op.AllReduce(var axis, var _, var _) ->
                    expect(sharded, i, axis, Full.PARTIAL, Full.REPLICATED, kinds);
                case Op.AllGather(var axis, var _, var dim, var parts) ->
                    expect(sharded, i, axis, new Split(dim, parts), Full.REPLICATED, kinds);
                case Op.ReduceScatter(var axis, var _, var dim, var parts) ->
                    expect(sharded, i, axis, Full.PARTIAL, new Split(dim, parts), kinds);
                default -> {}
            }
        }
        assertThat(kinds).contains(Op.AllReduce.class, Op.AllGather.class, Op.ReduceScatter.class);
    }

    private static void expect(
            ShardedGraph sharded, int index, MeshAxis axis, Sharding from, Sharding to, List<Class<?>> kinds) {
        var node = sharded.graph().nodes().get(index);
        if (!sharded.of(node.operand(0)).containsKey(axis)) {
            return;
        }
        assertThat(sharded.of(node.operand(0))).as("%s", node).containsEntry(axis, from);
        assertThat(sharded.of(new Value(index, 0))).as("%s", node).containsEntry(axis, to);
        kinds.add(node.op().getClass());
    }
}
