package org.clipc.compiler.shard;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.clipc.compiler.shard.Sharding.Full;
import org.clipc.compiler.shard.Sharding.Split;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.Comparison;
import org.clipc.ir.DType;
import org.clipc.ir.MeshAxis;
import org.clipc.ir.Op;
import org.clipc.ir.ReduceFn;
import org.clipc.ir.Shape;
import org.clipc.ir.UnaryFn;

/**
 * The sharding rule of every op: the ways to compute it on all ranks of an axis that its operands' shardings suggest. Of
 * equally cheap ones the first is taken. Sums that may wait come before everything else, all ranks doing the same last.
 */
final class ShardingRules {

    private static final Sharding R = Full.REPLICATED;
    private static final Sharding P = Full.PARTIAL;

    private final ShardedNode n;
    private final Parts parts;
    private final List<Strategy> strategies = new ArrayList<>();

    private ShardingRules(ShardedNode n, Parts parts) {
        this.n = n;
        this.parts = parts;
    }

    static List<Strategy> of(ShardedNode n, Parts parts) {
        var rules = new ShardingRules(n, parts);
        if (parts.isOneAfterTheOther()) {
            rules.waitingInProducts();
        }
        rules.apply();
        rules.strategies.add(n.replicated());
        return rules.strategies;
    }

    private void apply() {
        switch (n.op()) {
            // Cheap to make as the shards that users ask for.
            case Op.Input _, Op.Constant _, Op.Iota _, Op.Uniform _, Op.RandomSubset _ -> {}
            case Op.Elementwise _, Op.StopGradient _ -> pointwise();
            case Op.Reshape(var shape) -> reshape(shape);
            case Op.Transpose(var permutation) -> {
                waiting();
                n.splits(0)
                        .forEach(s ->
                                strategies.add(Strategy.of(n.op(), List.of(s), Relayout.transpose(s, permutation))));
            }
            case Op.Broadcast(var shape, var axes) ->
                n.splits(0).forEach(s -> {
                    var split = new Split(axes.get(s.axis()), s.parts());
                    var local = new Op.Broadcast(Relayout.local(shape, split, n.ranks()), axes);
                    strategies.add(Strategy.of(local, List.of(s), split));
                });
            case Op.Slice slice -> slice(slice);
            case Op.Pad pad -> pad(pad);
            case Op.Concat(var along) -> concat(along);
            case Op.Reduce(var fn, var axes) -> reduce(fn, axes);
            case Op.ArgMax(var along) ->
                n.splits(0).stream()
                        .filter(s -> s.axis() != along)
                        .forEach(s -> add(List.of(s), without(s, List.of(along))));
            case Op.DotGeneral dot -> dot(dot);
            case Op.Gather(var batchDims) -> gather(batchDims);
            case Op.ScatterAdd(var batchDims, var size) -> scatterAdd(batchDims, size);
            case Op.LayerNorm _ -> rows(0).forEach(s -> add(List.of(s, R, R), s, s, s));
            case Op.LayerNormGrad _ -> rows(0, 1).forEach(s -> add(List.of(s, s, R, s, s), s, P, P));
            case Op.Softmax _ -> rows(0).forEach(s -> add(List.of(s), s));
            case Op.SoftmaxGrad _ -> rows(0, 1).forEach(s -> add(List.of(s, s), s));
            case Op.SoftmaxXent _ -> rows(0).forEach(s -> add(List.of(s, s), s, s));
            case Op.SoftmaxXentGrad _ -> rows(1).forEach(s -> add(List.of(s, s, s, s), s));
            case Op.Attention attention -> attention(attention);
            case Op.AttentionGrad attention -> attentionGrad(attention);
            case Op.AdamW _ -> {
                if (n.have().get(2) instanceof Split s) {
                    add(List.of(s, s, s, s, R, R, R), s, s, s);
                }
            }
            case Op.Fused _ -> throw new IllegalStateException("partitioning comes before fusion");
            case Op.AllReduce(var _, var fn, var _) -> {
                var kept = n.have().stream()
                        .map(have -> have.equals(P) && fn != ReduceFn.SUM ? R : have)
                        .toList();
                strategies.add(Strategy.of(n.op(), kept, kept));
            }
            case Op.AllGather(var other, var size, var dim, var parts) ->
                resharding(dim, parts, p -> new Op.AllGather(other, size, dim, p));
            case Op.ReduceScatter(var other, var size, var dim, var parts) ->
                resharding(dim, parts, p -> new Op.ReduceScatter(other, size, dim, p));
            case Op.RankSlice(var size, var dim, var parts) ->
                resharding(dim, parts, p -> new Op.RankSlice(size, dim, p));
            case Op.Permute(var along, var _, var _) -> permute(along);
            case Op.Replicate(var over) -> {
                if (parts.axis().equals(Optional.of(over))) {
                    strategies.add(new Strategy(List.of(R), List.of(R), (_, values) -> values));
                } else {
                    pointwise();
                }
            }
        }
    }

    /** Along its own axis each rank sends the section that it has; along another the sections stay whole. */
    private void permute(MeshAxis along) {
        if (parts.axis().equals(Optional.of(along))) {
            add(List.of(new Split(0)), new Split(0));
        } else {
            n.splits(0).stream().filter(s -> s.axis() > 0).forEach(s -> add(List.of(s), s));
        }
    }

    private void add(List<Sharding> operands, Sharding... results) {
        strategies.add(Strategy.of(n.op(), operands, List.of(results)));
    }

    private void pointwise() {
        waiting();
        n.splits().forEach(s -> add(Collections.nCopies(n.in().size(), s), s));
    }

    /** The op of sums that are not complete yet, if that is the same. */
    private void waiting() {
        linear().ifPresent(operands -> add(operands, P));
    }

    /**
     * Further ops of sums that cannot be completed yet, such as what leads from the gradient of a computed weight to those
     * of its parameters. Ranks complete a sum before these, where it is smallest.
     */
    private void waitingInProducts() {
        switch (n.op()) {
            case Op.DotGeneral _, Op.Gather _, Op.ScatterAdd _, Op.SoftmaxGrad _
            when n.mayWait(0) && n.isReplicated(1) -> add(List.of(P, R), P);
            case Op.DotGeneral _ when n.mayWait(1) && n.isReplicated(0) -> add(List.of(R, P), P);
            case Op.Broadcast _ when n.mayWait(0) -> add(List.of(P), P);
            case Op.Convert(var dtype) when dtype.isFloat() && n.mayWait(0) -> add(List.of(P), P);
            default -> {}
        }
    }

    private Optional<List<Sharding>> linear() {
        return switch (n.op()) {
            case Op.Unary(var fn) -> Optional.of(List.of(P)).filter(_ -> fn == UnaryFn.NEG && n.mayWait(0));
            // Sums wait as bf16 and are completed so, at half the bytes, as Megatron does it.
            case Op.Convert(var dtype) ->
                Optional.of(List.of(P)).filter(_ -> narrows(n.in().getFirst().dtype(), dtype) && n.mayWait(0));
            case Op.Binary(var fn) -> linear(fn);
            case Op.Select _ ->
                Optional.of(List.of(R, P, P))
                        .filter(_ -> n.isReplicated(0)
                                && n.mayWaitOrIsZero(1)
                                && n.mayWaitOrIsZero(2)
                                && (n.mayWait(1) || n.mayWait(2)));
            case Op.StopGradient _, Op.Replicate _, Op.Reshape _, Op.Transpose _, Op.Slice _ ->
                Optional.of(List.of(P)).filter(_ -> n.mayWait(0));
            case Op.Pad(var _, var _, var value) -> Optional.of(List.of(P)).filter(_ -> value == 0 && n.mayWait(0));
            case Op.Reduce(var fn, var _) -> Optional.of(List.of(P)).filter(_ -> fn == ReduceFn.SUM && n.mayWait(0));
            default -> Optional.empty();
        };
    }

    private static boolean narrows(DType from, DType to) {
        return from.isFloat() && to.isFloat() && to.bytes() < from.bytes();
    }

    private Optional<List<Sharding>> linear(BinaryFn fn) {
        return switch (fn) {
            case ADD, SUB ->
                Optional.of(List.of(P, P))
                        .filter(_ -> n.mayWaitOrIsZero(0) && n.mayWaitOrIsZero(1) && (n.mayWait(0) || n.mayWait(1)));
            case MUL ->
                n.mayWait(0) && n.isReplicated(1)
                        ? Optional.of(List.of(P, R))
                        : Optional.of(List.of(R, P)).filter(_ -> n.mayWait(1) && n.isReplicated(0));
            case DIV -> Optional.of(List.of(P, R)).filter(_ -> n.mayWait(0) && n.isReplicated(1));
            default -> Optional.empty();
        };
    }

    private void reshape(Shape shape) {
        waiting();
        for (var s : n.splits(0)) {
            Relayout.reshape(s, n.in().getFirst().shape(), shape, n.ranks())
                    .ifPresent(to -> strategies.add(
                            Strategy.of(new Op.Reshape(Relayout.local(shape, to, n.ranks())), List.of(s), to)));
        }
    }

    private void slice(Op.Slice slice) {
        waiting();
        var x = n.in().getFirst();
        for (var s : n.splits(0)) {
            int start = slice.starts().get(s.axis());
            int limit = slice.limits().get(s.axis());
            var to = Relayout.slice(s, x, slice);
            if (to.isPresent()) {
                var local = new Op.Slice(
                        Relayout.with(slice.starts(), s.axis(), start / n.ranks()),
                        Relayout.with(slice.limits(), s.axis(), limit / n.ranks()));
                strategies.add(Strategy.of(local, List.of(s), to.get()));
            } else if (s.parts() == 1) {
                sliceOfOneRank(slice, s, x.dim(s.axis()) / n.ranks());
            }
        }
    }

    /** What one rank has all of: there it is the slice, elsewhere zeros. */
    private void sliceOfOneRank(Op.Slice slice, Split s, int share) {
        int start = slice.starts().get(s.axis());
        int limit = slice.limits().get(s.axis());
        var owner = start / share;
        if (owner != (limit - 1) / share) {
            return;
        }
        var local = new Op.Slice(
                Relayout.with(slice.starts(), s.axis(), start - owner * share),
                Relayout.with(slice.limits(), s.axis(), limit - owner * share));
        strategies.add(new Strategy(List.of(s), List.of(P), (l, values) -> {
            var b = l.b();
            var part = b.add(local, values.getFirst());
            var rank = l.rank().get();
            var mine = b.compare(Comparison.EQ, rank, b.constantLike(rank, owner));
            return List.of(b.select(b.broadcast(mine, b.shape(part), List.of()), part, b.constantLike(part, 0)));
        }));
    }

    private void pad(Op.Pad pad) {
        waiting();
        for (var s : n.splits(0)) {
            Relayout.pad(s, n.in().getFirst(), pad)
                    .ifPresent(to -> strategies.add(Strategy.of(
                            new Op.Pad(
                                    Relayout.with(pad.low(), s.axis(), pad.low().get(s.axis()) / n.ranks()),
                                    Relayout.with(
                                            pad.high(), s.axis(), pad.high().get(s.axis()) / n.ranks()),
                                    pad.value()),
                            List.of(s),
                            to)));
        }
    }

    private void concat(int along) {
        var operands = IntStream.range(0, n.in().size());
        if (operands.anyMatch(n::mayWait)) {
            add(Collections.nCopies(n.in().size(), P), P);
        }
        for (var i = 0; i < n.in().size(); i++) {
            for (var s : n.splits(i)) {
                concat(along, s, n.in().get(i).dim(s.axis()) / s.parts());
            }
        }
    }

    /** @param section extent, along its axis, of what the split divides among the ranks */
    private void concat(int along, Split s, int section) {
        if (s.axis() != along) {
            add(Collections.nCopies(n.in().size(), s), s);
        } else if (n.in().stream().allMatch(x -> x.dim(along) % section == 0)) {
            var operands = n.in().stream()
                    .map(x -> (Sharding) new Split(along, x.dim(along) / section))
                    .toList();
            add(operands, new Split(along, n.out().getFirst().dim(along) / section));
        }
    }

    private void reduce(ReduceFn fn, List<Integer> axes) {
        waiting();
        for (var s : n.splits(0)) {
            if (!axes.contains(s.axis())) {
                add(List.of(s), without(s, axes));
            } else if (fn == ReduceFn.SUM) {
                add(List.of(s), P);
            } else {
                parts.axis()
                        .ifPresent(axis -> strategies.add(new Strategy(List.of(s), List.of(R), (l, values) -> {
                            var local = l.b().add(n.op(), values.getFirst());
                            return List.of(l.b().add(new Op.AllReduce(axis, fn, n.ranks()), local));
                        })));
            }
        }
    }

    /** The split of what lacks some axes. */
    private static Split without(Split s, List<Integer> axes) {
        var before = (int) axes.stream().filter(a -> a < s.axis()).count();
        return new Split(s.axis() - before, s.parts());
    }

    private void dot(Op.DotGeneral dot) {
        var lhs = n.in().get(0);
        var rhs = n.in().get(1);
        var batch = dot.lhsBatch().size();
        var lhsFree = lhs.rank() - batch - dot.lhsContract().size();
        for (var s : n.splits(0)) {
            pairedAxis(s, dot.lhsBatch(), dot.rhsBatch())
                    .ifPresent(other ->
                            add(List.of(s, other), new Split(dot.lhsBatch().indexOf(s.axis()), s.parts())));
            pairedAxis(s, dot.lhsContract(), dot.rhsContract()).ifPresent(other -> add(List.of(s, other), P));
            var at = Relayout.freeAxis(s.axis(), lhs, dot.lhsBatch(), dot.lhsContract(), batch);
            if (at >= 0) {
                add(List.of(s, R), new Split(at, s.parts()));
            }
        }
        for (var s : n.splits(1)) {
            pairedAxis(s, dot.rhsBatch(), dot.lhsBatch())
                    .ifPresent(other ->
                            add(List.of(other, s), new Split(dot.rhsBatch().indexOf(s.axis()), s.parts())));
            pairedAxis(s, dot.rhsContract(), dot.lhsContract()).ifPresent(other -> add(List.of(other, s), P));
            var at = Relayout.freeAxis(s.axis(), rhs, dot.rhsBatch(), dot.rhsContract(), batch + lhsFree);
            if (at >= 0) {
                add(List.of(R, s), new Split(at, s.parts()));
            }
        }
    }

    /** The same split of the other operand, if the axis is one of {@code axes}. */
    private static Optional<Split> pairedAxis(Split s, List<Integer> axes, List<Integer> others) {
        var at = axes.indexOf(s.axis());
        return at < 0 ? Optional.empty() : Optional.of(new Split(others.get(at), s.parts()));
    }

    private void gather(int batchDims) {
        var table = n.in().get(0);
        var rank = n.in().get(1).rank();
        for (var s : n.splits(0)) {
            if (s.axis() < batchDims) {
                add(List.of(s, s), s);
            } else if (s.axis() > batchDims) {
                add(List.of(s, R), new Split(s.axis() - batchDims - 1 + rank, s.parts()));
            } else if (s.parts() == 1) {
                // Megatron's vocabulary-parallel embedding: what is on another rank is looked up as zeros.
                var share = table.dim(batchDims) / n.ranks();
                strategies.add(new Strategy(List.of(s, R), List.of(P), (l, values) -> {
                    var ids = l.localIds(values.get(1), share);
                    return List.of(ids.mask(l.b().add(n.op(), values.getFirst(), ids.index()), l.b()));
                }));
            }
        }
        for (var s : n.splits(1)) {
            add(List.of(s.axis() < batchDims ? s : R, s), s);
        }
    }

    private void scatterAdd(int batchDims, int size) {
        var rank = n.in().get(1).rank();
        n.wanted()
                .filter(s -> s.equals(new Split(batchDims)))
                .ifPresent(s -> strategies.add(new Strategy(List.of(R, R), List.of(s), (l, values) -> {
                    var ids = l.localIds(values.get(1), size / n.ranks());
                    var updates = ids.mask(values.getFirst(), l.b());
                    return List.of(l.b().add(new Op.ScatterAdd(batchDims, size / n.ranks()), updates, ids.index()));
                })));
        for (var s : n.splits(0)) {
            if (s.axis() < batchDims) {
                add(List.of(s, s), s);
            } else if (s.axis() < rank) {
                add(List.of(s, s), P);
            } else {
                add(List.of(s, R), new Split(s.axis() - rank + batchDims + 1, s.parts()));
            }
        }
    }

    /** Splits of matrices of rows that leave rows whole. */
    private List<Split> rows(int... operands) {
        return IntStream.of(operands)
                .boxed()
                .flatMap(i -> n.splits(i).stream()
                        .filter(s -> s.axis() < n.in().get(i).rank() - 1))
                .distinct()
                .collect(Collectors.toList());
    }

    private void attention(Op.Attention op) {
        for (var s : attentionSplits(3, op.heads())) {
            var operands = new ArrayList<Sharding>(List.of(s, s, s));
            operands.addAll(Collections.nCopies(n.in().size() - 3, R));
            var local = new Op.Attention(heads(op.heads(), s), op.causal(), op.scale(), op.dropout(), op.stream());
            attention(local, op.heads(), s, operands, List.of(s, logSumExp(s)));
        }
    }

    private void attentionGrad(Op.AttentionGrad op) {
        for (var s : attentionSplits(5, op.heads())) {
            var operands = new ArrayList<Sharding>(List.of(s, s, s, s, s, logSumExp(s)));
            operands.addAll(Collections.nCopies(n.in().size() - 6, R));
            var local = new Op.AttentionGrad(heads(op.heads(), s), op.causal(), op.scale(), op.dropout(), op.stream());
            attention(local, op.heads(), s, operands, List.of(s, s, s));
        }
    }

    /** With dropout, every rank draws its part of the mask that one rank alone would draw. */
    private void attention(Op local, int heads, Split s, List<Sharding> operands, List<Sharding> results) {
        var tensors = n.op() instanceof Op.Attention ? 3 : 6;
        var batch = n.in().getFirst().dim(0);
        strategies.add(new Strategy(operands, results, (l, values) -> {
            var given = new ArrayList<>(values);
            if (values.size() > tensors) {
                given.set(tensors, l.maskSeed(values.get(tensors), s.axis() == 2, heads, batch));
            }
            return l.b().addAll(local, given);
        }));
    }

    /**
     * By samples, or by heads if there are as many for each rank: else every rank has all of them, gathered. Queries that are
     * no sample's own, as a pooling's are, leave it to keys and values.
     *
     * @param tensors so many operands are [batch, rows, width]
     */
    private List<Split> attentionSplits(int tensors, int heads) {
        return IntStream.range(0, tensors)
                .mapToObj(n::splits)
                .flatMap(Collection::stream)
                .filter(s -> s.parts() == 1 && s.axis() != 1 && (s.axis() == 0 || heads % n.ranks() == 0))
                .distinct()
                .toList();
    }

    private int heads(int heads, Split s) {
        return s.axis() == 2 ? heads / n.ranks() : heads;
    }

    /** Of the softmax's denominators [batch, heads, queries]. */
    private static Split logSumExp(Split s) {
        return new Split(s.axis() == 2 ? 1 : 0);
    }

    /** Collectives of the mesh's other axis, and slices for them. */
    private void resharding(int dim, int parts, java.util.function.IntFunction<Op> withParts) {
        var others = Collections.nCopies(n.in().size() - 1, R);
        if (n.mayWait(0)) {
            strategies.add(Strategy.of(n.op(), joined(P, others), P));
        }
        for (var s : n.splits(0)) {
            if (s.axis() != dim) {
                strategies.add(Strategy.of(n.op(), joined(s, others), s));
            } else if (s.parts() == 1 && parts % n.ranks() == 0) {
                strategies.add(Strategy.of(withParts.apply(parts / n.ranks()), joined(s, others), s));
            }
        }
    }

    private static List<Sharding> joined(Sharding first, List<Sharding> others) {
        var all = new ArrayList<>(List.of(first));
        all.addAll(others);
        return all;
    }
}
