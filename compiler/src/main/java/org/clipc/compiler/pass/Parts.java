package org.clipc.compiler.pass;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.Op;
import org.clipc.ir.Shape;
import org.clipc.ir.Value;

/** Slices, pads and concats: what cuts a tensor into parts and puts parts together. */
final class Parts {

    private Parts() {}

    static Optional<Value> apply(Op op, List<Value> in, Rewriter r) {
        return switch (op) {
            case Op.Slice(var starts, var limits) -> slice(starts, limits, in.get(0), r);
            case Op.Pad pad -> pad(pad, in.get(0), r);
            case Op.Concat(var axis) -> concat(axis, in, r);
            case Op.Binary(var fn) when fn == BinaryFn.ADD -> sumOfPads(in.get(0), in.get(1), r);
            default -> Optional.empty();
        };
    }

    private static Optional<Value> slice(List<Integer> starts, List<Integer> limits, Value x, Rewriter r) {
        if (starts.stream().allMatch(s -> s == 0) && limits.equals(r.shape(x).dims())) {
            return Optional.of(x);
        }
        return switch (r.op(x)) {
            case Op.Slice(var first, var _) ->
                Optional.of(r.add(new Op.Slice(plus(starts, first), plus(limits, first)), r.operand(x, 0)));
            case Op.Pad(var low, var _, var _) -> {
                var dims = r.shape(r.operand(x, 0)).dims();
                var inside = axes(dims.size())
                        .allMatch(a -> starts.get(a) >= low.get(a) && limits.get(a) <= low.get(a) + dims.get(a));
                yield inside
                        ? Optional.of(r.add(new Op.Slice(minus(starts, low), minus(limits, low)), r.operand(x, 0)))
                        : Optional.empty();
            }
            case Op.Concat(var axis) -> sliceOfConcat(starts, limits, axis, r.operands(x), r);
            case Op.Broadcast(var _, var axes) -> {
                var from = axes.stream().map(starts::get).toList();
                var to = axes.stream().map(limits::get).toList();
                var shape = new Shape(minus(limits, starts));
                var part = r.add(new Op.Slice(from, to), r.operand(x, 0));
                yield Optional.of(r.add(new Op.Broadcast(shape, axes), part));
            }
            default -> Optional.empty();
        };
    }

    private static Optional<Value> sliceOfConcat(
            List<Integer> starts, List<Integer> limits, int axis, List<Value> parts, Rewriter r) {
        var at = 0;
        for (var part : parts) {
            var end = at + r.shape(part).dim(axis);
            if (starts.get(axis) >= at && limits.get(axis) <= end) {
                var slice = new Op.Slice(shifted(starts, axis, -at), shifted(limits, axis, -at));
                return Optional.of(r.add(slice, part));
            }
            at = end;
        }
        return Optional.empty();
    }

    private static Optional<Value> pad(Op.Pad op, Value x, Rewriter r) {
        if (r.shape(x).dims().equals(plus(plus(op.low(), r.shape(x).dims()), op.high()))) {
            return Optional.of(x);
        }
        if (r.op(x) instanceof Op.Pad(var low, var high, var value) && Double.compare(value, op.value()) == 0) {
            var merged = new Op.Pad(plus(low, op.low()), plus(high, op.high()), value);
            return Optional.of(r.add(merged, r.operand(x, 0)));
        }
        return Optional.empty();
    }

    private static Optional<Value> concat(int axis, List<Value> parts, Rewriter r) {
        if (parts.size() == 1) {
            return Optional.of(parts.getFirst());
        }
        var flat = new ArrayList<Value>();
        for (var part : parts) {
            var pieces = r.op(part) instanceof Op.Concat(var inner) && inner == axis ? r.operands(part) : List.of(part);
            pieces.forEach(piece -> append(flat, piece, axis, r));
        }
        return flat.equals(parts) ? Optional.empty() : Optional.of(r.add(new Op.Concat(axis), flat));
    }

    /** Adds a piece to a concat, joining two neighbouring slices of one tensor. */
    private static void append(List<Value> flat, Value piece, int axis, Rewriter r) {
        if (!flat.isEmpty()
                && r.op(flat.getLast()) instanceof Op.Slice(var starts, var limits)
                && r.op(piece) instanceof Op.Slice(var nextStarts, var nextLimits)
                && r.operand(piece, 0).equals(r.operand(flat.getLast(), 0))
                && axes(starts.size())
                        .allMatch(a -> a == axis
                                ? nextStarts.get(a).equals(limits.get(a))
                                : nextStarts.get(a).equals(starts.get(a))
                                        && nextLimits.get(a).equals(limits.get(a)))) {
            var source = r.operand(piece, 0);
            flat.set(flat.size() - 1, r.add(new Op.Slice(starts, nextLimits), source));
        } else {
            flat.add(piece);
        }
    }

    /** pad(a) + pad(b), with zeros along one axis where the other has its elements: a and b side by side. */
    private static Optional<Value> sumOfPads(Value x, Value y, Rewriter r) {
        if (!(r.op(x) instanceof Op.Pad padX) || !(r.op(y) instanceof Op.Pad padY)) {
            return Optional.empty();
        }
        var axis = onlyAxis(padX);
        if (axis < 0 || axis != onlyAxis(padY) || padX.value() != 0 || padY.value() != 0) {
            return Optional.empty();
        }
        var extent = r.shape(x).dim(axis);
        if (padX.low().get(axis) + padY.high().get(axis) == extent) {
            return Optional.of(sideBySide(axis, r.operand(y, 0), padY, r.operand(x, 0), padX, r));
        }
        return padY.low().get(axis) + padX.high().get(axis) == extent
                ? Optional.of(sideBySide(axis, r.operand(x, 0), padX, r.operand(y, 0), padY, r))
                : Optional.empty();
    }

    private static Value sideBySide(int axis, Value first, Op.Pad before, Value second, Op.Pad behind, Rewriter r) {
        var both = r.add(new Op.Concat(axis), first, second);
        return r.add(new Op.Pad(before.low(), behind.high(), 0), both);
    }

    /** The axis along which alone there is padding, or -1. */
    private static int onlyAxis(Op.Pad pad) {
        var padded = axes(pad.low().size())
                .filter(a -> pad.low().get(a) + pad.high().get(a) > 0)
                .toArray();
        return padded.length == 1 ? padded[0] : -1;
    }

    private static IntStream axes(int rank) {
        return IntStream.range(0, rank);
    }

    private static List<Integer> plus(List<Integer> a, List<Integer> b) {
        return axes(a.size()).mapToObj(i -> a.get(i) + b.get(i)).toList();
    }

    private static List<Integer> minus(List<Integer> a, List<Integer> b) {
        return axes(a.size()).mapToObj(i -> a.get(i) - b.get(i)).toList();
    }

    private static List<Integer> shifted(List<Integer> index, int axis, int by) {
        var copy = new ArrayList<>(index);
        copy.set(axis, copy.get(axis) + by);
        return Collections.unmodifiableList(copy);
    }
}
