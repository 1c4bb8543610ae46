package org.clipc.compiler.elaborate;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.clipc.grammar.ast.Expr;
import org.clipc.grammar.diagnostic.SourceSpan;
import org.clipc.ir.DType;
import org.jspecify.annotations.Nullable;

/** The arguments of a built-in function, each checked when it is asked for. */
final class Args {
    private final Evaluator evaluator;
    private final String function;
    private final Expr.Call call;
    private final Map<String, Calls.Given> given;

    Args(Evaluator evaluator, String function, Expr.Call call, Map<String, Calls.Given> given) {
        this.evaluator = evaluator;
        this.function = function;
        this.call = call;
        this.given = given;
    }

    /** Where the call stands. */
    SourceSpan span() {
        return call.span();
    }

    /** Where an argument stands, or the call if it is left out. */
    SourceSpan span(String name) {
        Calls.Given argument = given.get(name);
        return argument == null ? call.span() : argument.argument().value().span();
    }

    String function() {
        return function;
    }

    Emission out() {
        return evaluator.emission(call.span());
    }

    boolean has(String name) {
        return given.containsKey(name);
    }

    /** An argument that must be there. */
    Val any(String name) {
        Calls.Given argument = given.get(name);
        if (argument == null) {
            throw new Fault(call.span(), "`" + function + "` needs a value for `" + name + "`");
        }
        return argument.value();
    }

    private Fault wrong(String name, String wanted) {
        return new Fault(
                span(name),
                "`" + name + "` of `" + function + "` must be " + wanted + ", but is "
                        + any(name).describe());
    }

    /** A tensor; a number becomes a scalar. */
    Val.Tensor tensor(String name) {
        return switch (any(name)) {
            case Val.Tensor t -> t;
            case Val.Real r -> Pointwise.number(out(), span(name), r, DType.F32, List.of());
            case Val.Int i -> Pointwise.number(out(), span(name), i, DType.I32, List.of());
            default -> throw wrong(name, "a tensor");
        };
    }

    Val.@Nullable Tensor optionalTensor(String name) {
        return has(name) ? tensor(name) : null;
    }

    List<Val.Tensor> tensors(String name) {
        List<Val> all = switch (any(name)) {
            case Val.Items(var elements) -> elements;
            case Val.Tuple(var elements) -> elements;
            default -> throw wrong(name, "a list of tensors");
        };
        List<Val.Tensor> tensors = new ArrayList<>();
        for (Val value : all) {
            if (!(value instanceof Val.Tensor t)) {
                throw wrong(name, "a list of tensors");
            }
            tensors.add(t);
        }
        if (tensors.isEmpty()) {
            throw wrong(name, "a list of at least one tensor");
        }
        return tensors;
    }

    long integer(String name) {
        if (any(name) instanceof Val.Int(long value)) {
            return value;
        }
        throw wrong(name, "an int");
    }

    long integer(String name, long otherwise) {
        return has(name) ? integer(name) : otherwise;
    }

    int positive(String name) {
        long value = integer(name);
        if (value < 1 || value > Integer.MAX_VALUE) {
            throw wrong(name, "a positive int");
        }
        return (int) value;
    }

    double number(String name) {
        if (Numbers.isNumber(any(name))) {
            return Numbers.number(any(name));
        }
        throw wrong(name, "a number");
    }

    double number(String name, double otherwise) {
        return has(name) ? number(name) : otherwise;
    }

    boolean flag(String name, boolean otherwise) {
        if (!has(name)) {
            return otherwise;
        }
        if (any(name) instanceof Val.Bool(boolean value)) {
            return value;
        }
        throw wrong(name, "a bool");
    }

    /** A list of ints, or one int; empty if left out. */
    List<Long> integers(String name) {
        if (!has(name)) {
            return List.of();
        }
        if (any(name) instanceof Val.Int(long value)) {
            return List.of(value);
        }
        if (any(name) instanceof Val.Items(var elements) && elements.stream().allMatch(v -> v instanceof Val.Int)) {
            return elements.stream().map(v -> ((Val.Int) v).value()).toList();
        }
        throw wrong(name, "a list of ints");
    }

    DType dtype(String name) {
        if (any(name) instanceof Val.Element(DType dtype)) {
            return dtype;
        }
        throw wrong(name, "an element type such as f32");
    }

    /** The axes of {@code x} that an argument names; all of them if it is left out. */
    List<Integer> axes(String name, Val.Tensor x) {
        return has(name) ? Axes.axes(span(name), integers(name), x) : Axes.all(x);
    }

    /** The axes of {@code x} that an argument names, in that order. */
    List<Integer> axesInOrder(String name, Val.Tensor x) {
        return integers(name).stream()
                .map(axis -> Axes.axis(span(name), axis, x.rank(), x.show()))
                .toList();
    }

    /** One axis of {@code x}. */
    int axis(String name, Val.Tensor x, long otherwise) {
        return Axes.axis(span(name), integer(name, otherwise), x.rank(), x.show());
    }

    /** A shape: sizes named after how they are written. */
    List<Dim> shape(String name) {
        List<Long> sizes = integers(name);
        Calls.Given argument = given.get(name);
        List<Expr> written = argument != null && argument.argument().value() instanceof Expr.ListLiteral l
                ? l.elements()
                : List.of();
        List<Dim> dims = new ArrayList<>();
        for (int i = 0; i < sizes.size(); i++) {
            boolean known = written.size() == sizes.size();
            SourceSpan at = known ? written.get(i).span() : span(name);
            dims.add(new Dim(Math.toIntExact(sizes.get(i)), known ? at.text() : "", at));
        }
        return dims;
    }
}
