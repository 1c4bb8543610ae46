/**
 * What the backward pass computes again rather than keep.
 *
 * <p>{@code recompute} regions of the source, which the standard transformer makes from
 * {@code activations_checkpoint_granularity} and its companions (names and meaning are Megatron's), keep nothing but what
 * leaves them. Everywhere else, and at the borders of regions, {@link org.clipc.compiler.recompute.Rematerialize} decides:
 * without a {@code memory_budget}, what is cheap for its size is computed again; with one, as little as fits. The copies
 * have the ops and operands of what they repeat, random numbers come from counters, and no kernel's sums depend on what is
 * fused into it or on how its operands lie: so not one bit changes.
 *
 * <p>What one layer of a transformer keeps, in numbers (4 bytes in f32), where a residual stream of s tokens, b samples and
 * width h has s·b·h, and there are a heads. Megatron is Korthikanti et al. 2022 (Reducing Activation Recomputation in Large
 * Transformer Models, arXiv:2205.05198, table 2, one rank), whose numbers are two bytes of bf16; masks of dropout, a byte
 * each, count as half a number.
 *
 * <table>
 *   <caption>Numbers kept per layer</caption>
 *   <tr><th>recomputed</th><th>here</th><th>Megatron</th></tr>
 *   <tr><td>nothing but what is cheap</td><td>10·s·b·h + s·b·a</td><td>17·s·b·h + 2.5·s²·b·a</td></tr>
 *   <tr><td>selective</td><td>9·s·b·h</td><td>17·s·b·h</td></tr>
 *   <tr><td>full, uniform, chunks of n layers</td><td>s·b·h / n</td><td>s·b·h / n</td></tr>
 *   <tr><td>full, block, n of l layers</td><td>a layer's s·b·h n times, the first row's l - n times</td><td>likewise</td></tr>
 * </table>
 *
 * <p>The ten streams are the layer's input, queries, keys and values (3), the result of attention, the stream between
 * attention and MLP, and what goes into the activation (4). Attention is computed in tiles and keeps a number a row instead
 * of its s² probabilities (Dao 2022, arXiv:2205.14135); normalisations, activations, sums and masks of dropout are cheap to
 * repeat. So selective recomputation, which took most of Megatron's activations away, saves a tenth here.
 *
 * <p>The choice within a budget is the following integer programme: find what to keep so that the kept bytes fit and the
 * time to repeat the rest is least. It is relaxed by a price on bytes (Lagrange), and for each price a minimum cut solves it
 * exactly ({@link org.clipc.compiler.recompute.SavedValues}). {@link org.clipc.compiler.recompute.Frontier} walks these
 * solutions; weak duality makes each of them a lower bound on the time of every choice whose kept values fit. The memory
 * plan needs more than the kept values, so the bytes are lowered until the whole plan fits; how far the result is from the
 * bound is reported, and bounds the distance to the best choice. The bound holds because everything that the backward pass
 * has of the forward pass is either in memory at the moment between them, when the budget holds too, or computed again.
 * Times are estimates ({@link org.clipc.compiler.recompute.RecomputeTime}).
 */
@NullMarked
package org.clipc.compiler.recompute;

import org.jspecify.annotations.NullMarked;
