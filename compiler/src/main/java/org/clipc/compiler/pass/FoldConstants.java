package org.clipc.compiler.pass;

import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.Op;
import org.clipc.ir.ReduceFn;
import org.clipc.ir.ShapeRules;
import org.clipc.ir.Value;
import org.clipc.ir.interp.Scalars;

/** Ops whose operands are all constants, and whose result is filled with one number too. */
final class FoldConstants {

    private FoldConstants() {}

    static Optional<Value> apply(Op op, List<Value> operands, Rewriter r) {
        if (operands.isEmpty() || !operands.stream().allMatch(v -> r.op(v) instanceof Op.Constant)) {
            return Optional.empty();
        }
        var folded = fold(op, operands, r);
        if (folded.isEmpty()) {
            return Optional.empty();
        }
        var type = ShapeRules.infer(op, operands.stream().map(r::type).toList()).getFirst();
        return Optional.of(r.constant(type, Scalars.round(type.dtype(), folded.getAsDouble())));
    }

    private static OptionalDouble fold(Op op, List<Value> operands, Rewriter r) {
        var dtype = r.type(operands.getFirst()).dtype();
        return switch (op) {
            case Op.Unary(var fn) -> OptionalDouble.of(Scalars.unary(fn, dtype, number(operands, 0, r)));
            case Op.Binary(var fn) ->
                OptionalDouble.of(Scalars.binary(fn, dtype, number(operands, 0, r), number(operands, 1, r)));
            case Op.Compare(var comparison) ->
                OptionalDouble.of(Scalars.compare(comparison, number(operands, 0, r), number(operands, 1, r)) ? 1 : 0);
            case Op.Select _ -> r.constant(operands.get(number(operands, 0, r) != 0 ? 1 : 2));
            case Op.Convert(var to) -> OptionalDouble.of(Scalars.convert(dtype, to, number(operands, 0, r)));
            case Op.StopGradient _ -> OptionalDouble.empty();
            case Op.View _ -> r.constant(operands.getFirst());
            case Op.Pad(var _, var _, var value) -> same(number(operands, 0, r), Scalars.round(dtype, value));
            case Op.Concat _ -> {
                var first = number(operands, 0, r);
                var alike = operands.stream()
                        .allMatch(v -> same(first, number(v, r)).isPresent());
                yield alike ? OptionalDouble.of(first) : OptionalDouble.empty();
            }
            case Op.Reduce(var fn, var axes) -> {
                var count = axes.stream()
                        .mapToLong(r.shape(operands.getFirst())::dim)
                        .reduce(1, (a, b) -> a * b);
                var number = number(operands, 0, r);
                yield OptionalDouble.of(
                        fn == ReduceFn.SUM ? Scalars.binary(BinaryFn.MUL, dtype, number, (double) count) : number);
            }
            default -> OptionalDouble.empty();
        };
    }

    private static OptionalDouble same(double a, double b) {
        return Double.compare(a, b) == 0 ? OptionalDouble.of(a) : OptionalDouble.empty();
    }

    private static double number(List<Value> operands, int i, Rewriter r) {
        return number(operands.get(i), r);
    }

    private static double number(Value constant, Rewriter r) {
        return Scalars.round(r.type(constant).dtype(), r.constant(constant).orElseThrow());
    }
}
