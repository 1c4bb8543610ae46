package org.clipc.compiler.shard;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.clipc.compiler.elaborate.Elaborator;
import org.clipc.compiler.pack.ModelSource;
import org.clipc.compiler.train.TrainStep;
import org.clipc.ir.Graph;
import org.clipc.ir.Mesh;
import org.clipc.ir.Verifier;
import org.clipc.ir.interp.MeshInterpreter;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Models that are no CLIP train alike on any mesh, too: parameters that are normalised, shared, or split along any axis. */
class OddModelsTest {

    private static final int BATCH = 6;
    private static final int STEPS = 2;

    private static final Map<String, String> MODELS =
            Map.of("normalised parameters", """
            module Norm(w: int) { param g: [w] = ones param b: [w] = zeros fn (x: [D.., w]) = layer_norm(x, g, b) }
            model M {
              param q: [1, 6] = zeros
              param k: [3, 6] = zeros
              own = Norm(6)
              n = Norm(6)
              param w: [6, 6] = zeros shard(tp, 0)
              param s: [] = zeros clamp(-1, 1)
              entry loss(x: [B, 6]) -> [] {
                let t = n(k) + own(q)
                let y = linear(n(x), w) @ transpose(t)
                return mean(softmax_xent(y, argmax(x, 1) / 2)) * s + sum(t * t)
              }
            }
            """, "one tower for two texts", """
            model M {
              param emb: [12, 6] = zeros shard(tp, 0)
              param q: [6, 18] = zeros shard(tp, 1, 3)
              param o: [6, 6] = zeros shard(tp, 0)
              param s: [] = zeros
              fn block(x: [N, T, 6]) -> [N, T, 6] {
                let (a, b, c) = split(x @ q, 2, 3)
                recompute { let h = attention(a, b, c, 3, true, dropout = if training then 0.2 else 0.0) }
                return x + h @ o
              }
              fn tower(ids: i32[N, T]) -> [N, 6] {
                var x = gather(emb, ids)
                repeat i in 2 { x = block(x) }
                let p = mean(x, 1)
                return p * rsqrt(sum(p * p, 1, true) + 0.01)
              }
              entry loss(ids: i32[B, 5], other: i32[B, 4]) -> [] {
                let l = tower(ids) @ transpose(tower(other)) * exp(s)
                return (mean(softmax_xent(l, iota(B))) + mean(softmax_xent(transpose(l), iota(B)))) / 2
              }
            }
            """, "contractions and pieces", """
            model M {
              param w: [3, 6, 6] = zeros shard(tp, 0)
              param r: [6, 2, 6] = zeros shard(tp, 2)
              param b: [6] = zeros
              param h: [2, 2, 6, 2] = zeros shard(tp, 2)
              frozen param f: [6, 6] = zeros shard(tp, 1)
              entry loss(x: [B, 6], t: [B, 6], k: i32[B]) -> [] {
                var h1 = x
                repeat k in [2, 0, 1] { h1 = softplus(h1 @ w[k] + b) }
                let e = h1 @ f - stop_gradient(t)
                let halves = concat([max(e, 0), min(e, 0)], -1)
                let p = pad(halves, [0, 1], [0, 2])[:, 1:]
                let z = dot(x, r, [1], [0])
                let g = take(z, min(k, 1), 1)
                let u = uniform([]) + sum(uniform([3])) + mean(uniform([B]))
                return mean(p * p) + sum(pow(abs(b) + 1, 1.5)) + max_reduce(abs(w), [0, 2])[0] + sum(h * h) + mean(g * u)
                  + mean(where(uniform([B, 2, 1]) < 0.5, z * 2, 0.0))
              }
            }
            """);

    @TempDir
    Path folder = Path.of("");

    static Stream<Arguments> ways() {
        var meshes =
                List.of(new Mesh(2, 1), new Mesh(3, 1), new Mesh(1, 2), new Mesh(1, 3), new Mesh(2, 2), new Mesh(3, 2));
        return MODELS.keySet().stream()
                .sorted()
                .flatMap(model -> meshes.stream()
                        .flatMap(mesh -> Stream.of(false, true)
                                .map(all -> Arguments.of(model, new MeshEquivalenceTest.Setup(mesh, all, all)))));
    }

    @ParameterizedTest
    @MethodSource("ways")
    void everyMeshTrainsAlike(String name, MeshEquivalenceTest.Setup setup) throws IOException {
        var file = Files.writeString(folder.resolve("m.clip"), MODELS.get(name));
        var model = ModelSource.of(Elaborator.load(file, folder, Map.of()).orThrow());
        var mesh = setup.mesh();
        var step = step(model, 1);
        var held = Shardings.held(model.parameters(), mesh, setup.zero());
        var divided = Verifier.check(MeshEquivalenceTest.divide(step(model, mesh.data()), held, setup));
        var ranks = new InterpretedRanks(step, held, mesh);
        for (var i = 1; i <= STEPS; i++) {
            ranks.check(i, inputs -> {
                var outputs = MeshInterpreter.run(mesh, divided, inputs);
                InterpretedRanks.commit(divided, outputs, inputs);
                return outputs;
            });
        }
    }

    private static Graph step(ModelSource model, int dataRanks) {
        var loss = model.entry("loss", BATCH, true, dataRanks);
        return InterpretedRanks.simplified(TrainStep.build(loss, "loss", model.parameters(), InterpretedRanks.ADAM));
    }
}
