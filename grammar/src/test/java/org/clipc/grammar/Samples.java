package org.clipc.grammar;

import java.util.List;

/** Sources that use every form of the language. */
public final class Samples {
    private Samples() {}

    public static final String FULL = """
            import std.vision
            import "other/file.clip"

            /// Everything a tower needs.
            config VisionConfig {
              img_size: int = 224
              hidden_size: int = 768 // width
              heads: int = hidden_size / 64
              /// How it bends.
              activation: "gelu" | "quick_gelu" = "gelu"
              rate: float = 1.5e-3
              pre: bool = not false
              must: string
            }

            module Linear(in: int, out: int, bias: bool = true) {
              let scale = if bias then 1.0 else in / 2.0
              assert in > 0 and out > 0 or bias, "sizes are \\"positive\\""
              param weight: [out, in] = normal(0.02 * scale) shard(tp, 0) decay
              if bias {
                param bias: f32[out] = zeros no_decay
              } else if out == 3 {
                frozen param other: [] = constant(ln(1 / 0.07)) clamp(0, ln(100)) name("else")
              } else {
              }
              fn (x: [B.., in]) -> [B.., out] = linear(x, weight, bias)
              fn split_it(x: i32[B, S], n: int = 2) -> ([B], [S]) {
                let (a, b) = split(x, axis = -1, parts = n,)
                var y = a @ b + -a * (b - a) % 3
                y = y[:, 0] + y[1:] - y[.., :n] / y[0, 1:2]
                if n != 2 { return (y, b) } else if n >= 1 and not (n < 0) { y = b } else { assert false }
                repeat i in n {
                  y = y + i
                }
                recompute {
                  let z = f.g.h(y)(x)[0]
                }
                return (if training then z else y, [1, 2.0, "x", true])
              }
            }

            config TextConfig: VisionConfig {
              heads: int = 8
            }

            fn gelu(x: [D..]) = x

            fn both(x: [B]) -> (loss: [], [B]) = (1.0, x)

            model Clip {
              config vision: VisionConfig { hidden_size = 512 must = "x" }
              config output_dim: int = 512
              config text: VisionConfig
              frozen(vision.pre) visual = Linear(3, 4)
              frozen inline textual = Linear(vision.img_size, out = 4)
              blocks = repeat i in 12 { Linear(i, i + 1) }
              /* block comment */
              entry loss(images: [B, 3], tokens: i32[B, T]) -> [] =
                contrastive_loss(
                  visual(images), // first
                  // then
                  textual(tokens)
                )
            }
            """;

    public static final List<String> ALL =
            List.of(FULL, "", "// only a comment", "fn f()=1", "model M{}", "config C{a:int=1 b:int=2}", """
            model   M {  config v : V { a = 1  b = 2 } /* x */ entry e ( x:[B , 2] )->[ ]=x [ 0 ,1 : ]
              // last
            }
            // end
            """);
}
