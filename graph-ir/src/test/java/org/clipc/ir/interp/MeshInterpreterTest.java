package org.clipc.ir.interp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.clipc.ir.DType;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.InputKind;
import org.clipc.ir.Mesh;
import org.clipc.ir.MeshAxis;
import org.clipc.ir.Op;
import org.clipc.ir.ReduceFn;
import org.clipc.ir.Shape;
import org.clipc.ir.TensorType;
import org.clipc.ir.Value;
import org.junit.jupiter.api.Test;

class MeshInterpreterTest {

    private static final Mesh MESH = new Mesh(2, 3);

    @Test
    void ranksAlongAnAxisAreThoseThatDifferInItsCoordinate() {
        assertThat(MESH.group(MeshAxis.TENSOR, 4)).containsExactly(3, 4, 5);
        assertThat(MESH.group(MeshAxis.DATA, 4)).containsExactly(1, 4);
        assertThat(MESH.coordinate(MeshAxis.DATA, 4)).isEqualTo(1);
        assertThat(MESH.coordinate(MeshAxis.TENSOR, 4)).isEqualTo(1);
    }

    @Property(tries = 50)
    void aReducedSumIsTheSumAlongItsAxisOnly(@ForAll long seed) {
        var operands = operands(seed, MESH, TensorType.f32(2, 3));
        for (var axis : MeshAxis.values()) {
            var results = run(MESH, operands, new Op.AllReduce(axis, ReduceFn.SUM, MESH.size(axis)));
            for (var rank = 0; rank < MESH.size(); rank++) {
                var group = MESH.group(axis, rank);
                for (var i = 0; i < 6; i++) {
                    var at = i;
                    var sum = group.stream()
                            .mapToDouble(r -> operands.get(r).get(at))
                            .sum();
                    assertThat(results.get(rank).get(i)).isEqualTo(sum);
                }
            }
        }
    }

    @Property(tries = 50)
    void gatheringUndoesSlicing(
            @ForAll long seed,
            @ForAll @IntRange(min = 1, max = 3) int parts,
            @ForAll @IntRange(min = 0, max = 2) int dim) {
        var mesh = new Mesh(1, 3);
        var type = TensorType.f32(2, 2, 2);
        var whole = random(seed, type.withShape(type.shape().with(dim, 3 * parts * 2)));
        var b = new GraphBuilder("g");
        var x = b.input("x", InputKind.DATA, whole.type());
        var rank = b.input(Mesh.rankInput(MeshAxis.TENSOR), InputKind.SCALAR, TensorType.scalar(DType.I32));
        var shard = b.add(new Op.RankSlice(3, dim, parts), x, rank);
        b.output("y", b.add(new Op.AllGather(MeshAxis.TENSOR, 3, dim, parts), shard));
        MeshInterpreter.run(mesh, b.build(), List.of(Map.of("x", whole), Map.of("x", whole), Map.of("x", whole)))
                .forEach(outputs -> assertThat(outputs.get("y")).isEqualTo(whole));
    }

    /** Rank r's result is slice r of the sum, so gathering the results gives what an all-reduce gives. */
    @Property(tries = 50)
    void scatteringThenGatheringIsReducing(@ForAll long seed, @ForAll @IntRange(min = 1, max = 2) int parts) {
        var operands = operands(seed, MESH, TensorType.f32(2, 12));
        var b = new GraphBuilder("g");
        var x = b.input("x", InputKind.DATA, TensorType.f32(2, 12));
        var shard = b.add(new Op.ReduceScatter(MeshAxis.TENSOR, 3, 1, parts), x);
        b.output("gathered", b.add(new Op.AllGather(MeshAxis.TENSOR, 3, 1, parts), shard));
        b.output("reduced", b.add(new Op.AllReduce(MeshAxis.TENSOR, ReduceFn.SUM, 3), x));
        MeshInterpreter.run(MESH, b.build(), inputs(operands))
                .forEach(outputs -> assertThat(outputs.get("gathered")).isEqualTo(outputs.get("reduced")));
    }

    @Test
    void aRingPassesTensorsOn() {
        var operands = operands(7, MESH, TensorType.f32(1));
        var results = run(MESH, operands, new Op.Permute(MeshAxis.TENSOR, 3, 1));
        assertThat(results.get(3)).isEqualTo(operands.get(5));
        assertThat(results.get(4)).isEqualTo(operands.get(3));
    }

    @Test
    void severalTensorsAreReducedEachByItself() {
        var b = new GraphBuilder("g");
        var x = b.input("x", InputKind.DATA, TensorType.f32(1));
        var y = b.mul(b.broadcast(x, Shape.of(3), List.of(0)), 2);
        var sums = b.addAll(new Op.AllReduce(MeshAxis.DATA, ReduceFn.MAX, 2), List.of(x, y));
        b.output("x", sums.get(0));
        b.output("y", sums.get(1));
        var operands = IntStream.range(0, 2)
                .mapToObj(r -> Tensor64.of(TensorType.f32(1), r))
                .toList();
        var outputs =
                MeshInterpreter.run(new Mesh(2, 1), b.build(), inputs(operands)).getFirst();
        assertThat(Objects.requireNonNull(outputs.get("x")).data()).containsExactly(1);
        assertThat(Objects.requireNonNull(outputs.get("y")).data()).containsExactly(2, 2, 2);
    }

    @Test
    void sumsOfIntegersWrapAroundAsOnOneRank() {
        var operands = Collections.nCopies(2, Tensor64.of(TensorType.i32(1), Integer.MAX_VALUE));
        run(new Mesh(2, 1), operands, new Op.AllReduce(MeshAxis.DATA, ReduceFn.SUM, 2))
                .forEach(sum -> assertThat(sum.data()).containsExactly(-2));
    }

    @Test
    void anOpThatCountsOtherRanksThanTheMeshIsRefused() {
        var operands = operands(7, MESH, TensorType.f32(1));
        assertThatThrownBy(() -> run(MESH, operands, new Op.AllReduce(MeshAxis.DATA, ReduceFn.SUM, 4)))
                .hasMessage("an op counts 4 ranks along data, the mesh 2");
    }

    private static List<Tensor64> run(Mesh mesh, List<Tensor64> operands, Op op) {
        var b = new GraphBuilder("g");
        Value x = b.input("x", InputKind.DATA, operands.getFirst().type());
        b.output("y", b.add(op, x));
        return MeshInterpreter.run(mesh, b.build(), inputs(operands)).stream()
                .map(outputs -> Objects.requireNonNull(outputs.get("y")))
                .toList();
    }

    private static List<Map<String, Tensor64>> inputs(List<Tensor64> operands) {
        return operands.stream().map(x -> Map.of("x", x)).toList();
    }

    private static List<Tensor64> operands(long seed, Mesh mesh, TensorType type) {
        return IntStream.range(0, mesh.size())
                .mapToObj(r -> random(seed + r, type))
                .toList();
    }

    private static Tensor64 random(long seed, TensorType type) {
        var random = new Random(seed);
        var x = Tensor64.zeros(type);
        Arrays.setAll(x.data(), _ -> random.nextInt(1000));
        return x;
    }
}
