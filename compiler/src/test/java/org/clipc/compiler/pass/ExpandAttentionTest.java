package org.clipc.compiler.pass;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.clipc.ir.DType;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.InputKind;
import org.clipc.ir.Op;
import org.clipc.ir.TensorType;
import org.clipc.ir.Value;
import org.clipc.ir.Verifier;
import org.clipc.ir.interp.Interpreter;
import org.clipc.ir.interp.Tensor64;
import org.junit.jupiter.api.Test;

class ExpandAttentionTest {

    private static final double TOLERANCE = 1e-12;

    @Test
    void meansTheSameForwardAndBackward() {
        var seed = System.nanoTime();
        var random = new Random(seed);
        for (var round = 0; round < 40; round++) {
            var heads = 1 + random.nextInt(3);
            var width = heads * (1 + random.nextInt(4));
            var batch = 1 + random.nextInt(3);
            var queries = 1 + random.nextInt(5);
            var causal = random.nextBoolean();
            var keys = causal ? queries : 1 + random.nextInt(5);
            var dropout = random.nextBoolean() ? 0.0 : 0.3;
            var b = new GraphBuilder("attention");
            var inputs = new HashMap<String, Tensor64>();
            var q = input(b, inputs, random, "q", TensorType.f32(batch, queries, width));
            var k = input(b, inputs, random, "k", TensorType.f32(batch, keys, width));
            var v = input(b, inputs, random, "v", TensorType.f32(batch, keys, width));
            var dOut = input(b, inputs, random, "do", TensorType.f32(batch, queries, width));
            var key = b.input("seed", InputKind.SCALAR, TensorType.i32(2));
            inputs.put("seed", Tensor64.of(TensorType.i32(2), random.nextInt(1000), random.nextInt(1000)));
            var forward = new Op.Attention(heads, causal, 0.7, dropout, 3);
            var results = b.addAll(forward, dropout > 0 ? List.of(q, k, v, key) : List.of(q, k, v));
            var o = results.get(0);
            var lse = results.get(1);
            var backward = new Op.AttentionGrad(heads, causal, 0.7, dropout, 3);
            var gradients = b.addAll(
                    backward, dropout > 0 ? List.of(dOut, q, k, v, o, lse, key) : List.of(dOut, q, k, v, o, lse));
            b.output("o", o);
            b.output("lse", lse);
            b.output("dq", gradients.get(0));
            b.output("dk", gradients.get(1));
            b.output("dv", gradients.get(2));
            var graph = b.build();
            var expanded = new ExpandAttention().apply(graph);
            Verifier.check(expanded);
            assertThat(expanded.nodes())
                    .noneMatch(n -> n.op() instanceof Op.Attention || n.op() instanceof Op.AttentionGrad);
            var want = Interpreter.run(graph, inputs);
            var got = Interpreter.run(expanded, inputs);
            for (var name : want.keySet()) {
                var expected = want.get(name).data();
                var actual = Objects.requireNonNull(got.get(name)).data();
                for (var i = 0; i < expected.length; i++) {
                    assertThat(Math.abs(actual[i] - expected[i]))
                            .as("%s[%d], seed %d, round %d", name, i, seed, round)
                            .isLessThanOrEqualTo(TOLERANCE * Math.max(1, Math.abs(expected[i])));
                }
            }
        }
    }

    private static Value input(
            GraphBuilder b, Map<String, Tensor64> inputs, Random random, String name, TensorType type) {
        assertThat(type.dtype()).isEqualTo(DType.F32);
        inputs.put(
                name, Tensor64.of(type, random.doubles(type.elements(), -1, 1).toArray()));
        return b.input(name, InputKind.DATA, type);
    }
}
