package org.clipc.compiler.elaborate;

import java.util.ArrayList;
import java.util.List;
import org.clipc.grammar.ast.Expr;
import org.clipc.grammar.ast.Expr.Subscript;
import org.clipc.grammar.diagnostic.Diagnostic;
import org.clipc.grammar.diagnostic.SourceSpan;
import org.jspecify.annotations.Nullable;

/** {@code x[:, 1:, 0]} and {@code list[2]}. */
final class Subscripts {
    private final Evaluator evaluator;

    Subscripts(Evaluator evaluator) {
        this.evaluator = evaluator;
    }

    Val index(Val target, Expr.Index index, Scope scope) {
        return switch (target) {
            case Val.Tensor t -> tensor(t, index, scope);
            case Val.Items(var all) -> sequence(all, index, scope, true);
            case Val.Tuple(var all) -> sequence(all, index, scope, false);
            case Val.Stack s -> {
                List<Val> modules = new ArrayList<>();
                s.instances().forEach(i -> modules.add(new Val.Module(i)));
                yield sequence(modules, index, scope, false);
            }
            default -> throw new Fault(index.span(), target.describe() + " cannot be indexed");
        };
    }

    private Val sequence(List<Val> all, Expr.Index index, Scope scope, boolean sliceable) {
        Subscript only = index.subscripts().getFirst();
        if (index.subscripts().size() == 1 && only instanceof Subscript.At at) {
            return all.get(position(integer(at.index(), scope), all.size(), at.span()));
        }
        if (index.subscripts().size() == 1 && only instanceof Subscript.Slice slice && sliceable) {
            int from = bound(slice.from(), 0, all.size(), scope);
            int to = bound(slice.to(), all.size(), all.size(), scope);
            return new Val.Items(from >= to ? List.of() : all.subList(from, to));
        }
        throw new Fault(index.span(), "this is indexed by one number");
    }

    private Val tensor(Val.Tensor x, Expr.Index index, Scope scope) {
        Emission out = evaluator.emission(index.span());
        long rests = index.subscripts().stream()
                .filter(s -> s instanceof Subscript.Rest)
                .count();
        long taken = index.subscripts().size() - rests;
        if (rests > 1) {
            throw new Fault(index.span(), "`..` can stand only once in an index");
        }
        if (taken > x.rank()) {
            throw new Fault(Diagnostic.error(index.span(), taken + " subscripts are too many for a tensor " + x.show())
                    .note("its shape is " + Dim.show(x.dims())));
        }
        Val.Tensor result = x;
        int axis = 0;
        for (Subscript subscript : index.subscripts()) {
            switch (subscript) {
                case Subscript.Rest _ -> axis += x.rank() - (int) taken;
                case Subscript.At at -> {
                    int size = result.dims().get(axis).size();
                    int position = position(integer(at.index(), scope), size, at.span());
                    result = Axes.slice(out, at.span(), result, axis, position, position + 1);
                    result = Axes.dropAxis(out, at.span(), result, axis);
                }
                case Subscript.Slice slice -> {
                    int size = result.dims().get(axis).size();
                    int from = bound(slice.from(), 0, size, scope);
                    int to = bound(slice.to(), size, size, scope);
                    result = Axes.slice(out, slice.span(), result, axis, from, to);
                    axis++;
                }
            }
        }
        return result;
    }

    private long integer(Expr expr, Scope scope) {
        Val value = evaluator.inner(expr, scope);
        return switch (value) {
            case Val.Int i -> i.value();
            case Val.Poison _ -> throw new Poisoned();
            case Val.Tensor t ->
                throw new Fault(expr.span(), "an index is a number known at compile time, but this is " + t.describe())
                        .note("`take(x, index, axis)` looks up by a tensor of i32");
            default -> throw new Fault(expr.span(), "an index must be an int, but is " + value.describe());
        };
    }

    private static int position(long index, int size, SourceSpan span) {
        if (index < -size || index >= size) {
            throw new Fault(span, "the index " + index + " is outside of 0 to " + (size - 1));
        }
        return (int) (index < 0 ? index + size : index);
    }

    private int bound(@Nullable Expr expr, int otherwise, int size, Scope scope) {
        if (expr == null) {
            return otherwise;
        }
        long value = integer(expr, scope);
        if (value < -size || value > size) {
            throw new Fault(expr.span(), "the bound " + value + " is outside of 0 to " + size);
        }
        return (int) (value < 0 ? value + size : value);
    }
}
