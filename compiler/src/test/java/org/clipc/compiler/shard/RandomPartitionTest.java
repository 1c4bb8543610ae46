package org.clipc.compiler.shard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.clipc.ir.testing.Numbers.assertClose;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import org.clipc.compiler.shard.Sharding.Full;
import org.clipc.compiler.shard.Sharding.Split;
import org.clipc.ir.DType;
import org.clipc.ir.Graph;
import org.clipc.ir.Mesh;
import org.clipc.ir.MeshAxis;
import org.clipc.ir.Op;
import org.clipc.ir.TensorType;
import org.clipc.ir.Verifier;
import org.clipc.ir.interp.Interpreter;
import org.clipc.ir.interp.MeshInterpreter;
import org.clipc.ir.interp.Tensor64;
import org.clipc.ir.testing.RandomGraphs;
import org.clipc.program.TrainingStep;
import org.junit.jupiter.api.Test;

/** Random graphs, whose inputs are split in any way, compute on all ranks what they compute on one. */
class RandomPartitionTest {

    /** They are fixed because a rounding could turn a tie, in a comparison say, the other way. */
    private static final int FIRST_SEED = -400;

    private static final int SEEDS = 1000;

    private static final Set<Class<? extends Op>> LEFT_OUT = Set.of(
            Op.Fused.class,
            Op.AllReduce.class,
            Op.AllGather.class,
            Op.ReduceScatter.class,
            Op.Permute.class,
            Op.RankSlice.class);

    private static final List<Class<? extends Op>> OPS = RandomGraphs.ops().stream()
            .filter(op -> !LEFT_OUT.contains(op))
            .sorted((a, b) -> a.getName().compareTo(b.getName()))
            .toList();

    @Test
    void ranksComputeWhatOneDoes() {
        for (var seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
            ranksComputeWhatOneDoes(seed);
        }
    }

    private static void ranksComputeWhatOneDoes(long seed) {
        var random = new Random(seed);
        var sample = RandomGraphs.graph(seed, 4 + random.nextInt(16), List.of(DType.F32), OPS);
        var ranks = 2 + random.nextInt(2);
        var axis = random.nextBoolean() ? MeshAxis.DATA : MeshAxis.TENSOR;
        var mesh = axis == MeshAxis.DATA ? new Mesh(ranks, 1) : new Mesh(1, ranks);
        Map<String, Sharding> shardings = new HashMap<>();
        sample.graph().inputs().forEach(input -> shardings.put(input.name(), sharding(input.type(), ranks, random)));
        var partition = axis == MeshAxis.DATA
                ? Partition.data(ranks, input -> of(shardings, input.name()))
                : Partition.tensor(ranks, input -> of(shardings, input.name()), random.nextBoolean(), 1);
        var divided = Verifier.check(partition.apply(sample.graph()));
        var expected = Interpreter.run(sample.graph(), sample.inputs());
        var inputs = new ArrayList<Map<String, Tensor64>>();
        for (var rank = 0; rank < ranks; rank++) {
            var held = new HashMap<String, Tensor64>();
            for (var input : sample.graph().inputs()) {
                held.put(
                        input.name(),
                        part(
                                InterpretedRanks.get(sample.inputs(), input.name()),
                                of(shardings, input.name()),
                                ranks,
                                rank));
            }
            inputs.add(held);
        }
        var actual = MeshInterpreter.run(mesh, divided, inputs);
        for (var output : sample.graph().outputs()) {
            for (var rank = 0; rank < ranks; rank++) {
                var sharding = output.updates() == null ? Full.REPLICATED : of(shardings, output.updates());
                assertClose(
                        "seed " + seed + ", " + output.name() + " on rank " + rank,
                        InterpretedRanks.get(actual.get(rank), output.name()).data(),
                        part(InterpretedRanks.get(expected, output.name()), sharding, ranks, rank)
                                .data(),
                        1e-9);
            }
        }
    }

    /** What micro-batches compute one after the other adds up to what they compute at once, where they can do that at all. */
    @Test
    void microBatchesAddUp() {
        var divided = 0;
        for (var seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
            divided += microBatchesAddUp(seed) ? 1 : 0;
        }
        assertThat(divided).isGreaterThan(SEEDS / 3);
    }

    /** Answers whether the graph can be cut. */
    private static boolean microBatchesAddUp(long seed) {
        var random = new Random(seed);
        var sample = RandomGraphs.graph(seed, 4 + random.nextInt(16), List.of(DType.F32), OPS);
        var count = 2 + random.nextInt(2);
        var graph = new Graph(
                sample.graph().name(),
                sample.graph().nodes(),
                sample.graph().outputs().stream()
                        .filter(output -> output.updates() == null
                                && sample.graph().type(output.value()).dtype() == DType.F32)
                        .toList());
        Map<String, Sharding> shardings = new HashMap<>();
        graph.inputs().forEach(input -> shardings.put(input.name(), sharding(input.type(), count, random)));
        Graph divided;
        try {
            divided = Verifier.check(
                    Partition.microBatches(count, input -> of(shardings, input.name()), _ -> Full.PARTIAL)
                            .apply(graph));
        } catch (PartitionException e) {
            return false;
        }
        var expected = Interpreter.run(graph, sample.inputs());
        var sums = new HashMap<String, double[]>();
        for (var i = 0; i < count; i++) {
            var held = new HashMap<String, Tensor64>();
            for (var input : graph.inputs()) {
                held.put(
                        input.name(),
                        part(
                                InterpretedRanks.get(sample.inputs(), input.name()),
                                of(shardings, input.name()),
                                count,
                                i));
            }
            held.put(TrainingStep.MICRO_BATCH, Tensor64.scalar(TensorType.scalar(DType.I32), i));
            Interpreter.run(divided, held).forEach((name, summand) -> {
                var sum = sums.computeIfAbsent(name, _ -> new double[summand.size()]);
                for (var at = 0; at < sum.length; at++) {
                    sum[at] += summand.get(at);
                }
            });
        }
        expected.forEach((name, whole) ->
                assertClose("seed " + seed + ", " + name, Objects.requireNonNull(sums.get(name)), whole.data(), 1e-9));
        return true;
    }

    private static Sharding of(Map<String, Sharding> shardings, String name) {
        return Objects.requireNonNull(shardings.get(name), name);
    }

    private static Sharding sharding(TensorType type, int ranks, Random random) {
        var splits = new ArrayList<Sharding>(List.of(Full.REPLICATED));
        for (var axis = 0; axis < type.rank(); axis++) {
            for (var parts = 1; parts <= 2; parts++) {
                var split = new Split(axis, parts);
                if (split.fits(type, ranks)) {
                    splits.add(split);
                    splits.add(split);
                }
            }
        }
        return splits.get(random.nextInt(splits.size()));
    }

    private static Tensor64 part(Tensor64 x, Sharding sharding, int ranks, int rank) {
        if (!(sharding instanceof Split(var dim, var parts))) {
            return x;
        }
        var coordinate = Tensor64.scalar(TensorType.scalar(DType.I32), rank);
        return Interpreter.apply(
                        new Op.RankSlice(ranks, dim, parts),
                        List.of(x, coordinate),
                        List.of(sharding.local(x.type(), ranks)))
                .getFirst();
    }
}
