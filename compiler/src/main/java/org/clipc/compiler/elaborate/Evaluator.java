package org.clipc.compiler.elaborate;

import java.util.ArrayList;
import java.util.List;
import org.clipc.compiler.config.Suggestion;
import org.clipc.grammar.ast.Expr;
import org.clipc.grammar.ast.Expr.BinaryOperator;
import org.clipc.grammar.ast.Identifier;
import org.clipc.grammar.diagnostic.Diagnostic;
import org.clipc.grammar.diagnostic.SourceSpan;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.Comparison;
import org.clipc.ir.UnaryFn;
import org.jspecify.annotations.Nullable;

/**
 * What expressions mean. An error is reported where it happens and yields {@link Val.Poison}, which swallows everything
 * that depends on it, so one run finds all independent errors.
 */
final class Evaluator {
    private final Reporter reporter;
    private final Limits limits = new Limits();
    private final @Nullable Emission emission;
    private final Types types = new Types(this);
    private final Calls calls = new Calls(this);
    private final Subscripts subscripts = new Subscripts(this);

    /** Where a module created now belongs; null where none can be. */
    private @Nullable Site site;

    /** @param emission the graph to build; null while modules are instantiated, when there are no tensors yet */
    Evaluator(Reporter reporter, @Nullable Emission emission) {
        this.reporter = reporter;
        this.emission = emission;
    }

    Reporter reporter() {
        return reporter;
    }

    Types types() {
        return types;
    }

    Calls calls() {
        return calls;
    }

    /** The graph under construction. */
    Emission emission(SourceSpan span) {
        if (emission == null) {
            throw new Fault(span, "there are no tensors here, only in functions");
        }
        return emission;
    }

    boolean emitting() {
        return emission != null;
    }

    /** Evaluates the value of a sub-module's declaration, whose instances belong at {@code where}. */
    Val evalAt(Site where, Expr expr, Scope scope) {
        Site before = site;
        site = where;
        try {
            return eval(expr, scope);
        } finally {
            site = before;
        }
    }

    /** Evaluates; an error is reported and gives {@link Val.Poison}. */
    Val eval(Expr expr, Scope scope) {
        limits.enter(expr.span());
        try {
            return evaluate(expr, scope);
        } catch (Fault fault) {
            reporter.report(fault.diagnostic());
            return Val.Poison.POISON;
        } catch (Poisoned e) {
            return Val.Poison.POISON;
        } catch (ArithmeticException e) {
            reporter.error(expr.span(), "a number is too large here");
            return Val.Poison.POISON;
        } finally {
            limits.leave();
        }
    }

    private Val evaluate(Expr expr, Scope scope) {
        return switch (expr) {
            case Expr.IntLiteral i -> new Val.Int(i.value());
            case Expr.FloatLiteral f -> new Val.Real(f.value());
            case Expr.BoolLiteral b -> new Val.Bool(b.value());
            case Expr.StringLiteral s -> new Val.Text(s.value());
            case Expr.Name n -> name(n, scope);
            case Expr.Field f -> field(f, scope);
            case Expr.Call c -> call(c, scope);
            case Expr.Index i -> {
                Val target = inner(i.target(), scope);
                yield target instanceof Val.Poison ? target : subscripts.index(target, i, scope);
            }
            case Expr.Unary u -> unary(u, scope);
            case Expr.Binary b -> binary(b, scope);
            case Expr.Conditional c -> {
                Boolean condition = condition(c.condition(), scope);
                yield condition == null ? Val.Poison.POISON : eval(condition ? c.then() : c.otherwise(), scope);
            }
            case Expr.Stack s -> stack(s, scope);
            case Expr.TupleLiteral t -> {
                List<Val> all = all(t.elements(), scope);
                yield poisoned(all) ? Val.Poison.POISON : new Val.Tuple(all);
            }
            case Expr.ListLiteral l -> {
                List<Val> all = all(l.elements(), scope);
                yield poisoned(all) ? Val.Poison.POISON : new Val.Items(all);
            }
        };
    }

    /** Evaluates a part of an expression, where no module can be created. */
    Val inner(Expr expr, Scope scope) {
        Site before = site;
        site = null;
        try {
            return eval(expr, scope);
        } finally {
            site = before;
        }
    }

    private List<Val> all(List<Expr> exprs, Scope scope) {
        List<Val> values = new ArrayList<>();
        exprs.forEach(e -> values.add(inner(e, scope)));
        return values;
    }

    static boolean poisoned(List<Val> values) {
        return values.stream().anyMatch(v -> v instanceof Val.Poison);
    }

    private Val name(Expr.Name name, Scope scope) {
        Val value = scope.find(name.text());
        if (value != null) {
            return usable(value);
        }
        if (name.text().equals("training")) {
            if (emission == null) {
                throw new Fault(name.span(), "`training` is known in functions only")
                        .note("parameters and modules are the same in training and inference");
            }
            return new Val.Bool(emission.training());
        }
        if (name.text().equals("data_ranks")) {
            if (emission == null) {
                throw new Fault(name.span(), "`data_ranks` is known in functions only")
                        .note("parameters and modules do not depend on how many ranks train them");
            }
            return new Val.Int(emission.dataRanks());
        }
        throw new Fault(
                name.span(), "there is no `" + name.text() + "` here" + Suggestion.among(name.text(), scope.names()));
    }

    private Val usable(Val value) {
        return value instanceof Val.Param p && emission != null ? emission.parameter(p) : value;
    }

    private Val field(Expr.Field field, Scope scope) {
        Val target = inner(field.target(), scope);
        Identifier name = field.name();
        return switch (target) {
            case Val.Poison p -> p;
            case Val.Config c -> {
                Val value = c.values().get(name.text());
                if (value == null) {
                    throw new Fault(
                            name.span(),
                            c.type() + " has no key `" + name + "`"
                                    + Suggestion.among(name.text(), c.values().keySet()));
                }
                yield value;
            }
            case Val.Module m -> {
                Scope inside = m.instance().scope();
                Val value = inside.own(name.text());
                if (value == null) {
                    throw new Fault(
                            name.span(),
                            m.instance().type() + " has no member `" + name + "`"
                                    + Suggestion.among(name.text(), inside.ownNames()));
                }
                yield usable(value);
            }
            default -> throw new Fault(field.span(), target.describe() + " has no fields");
        };
    }

    private Val call(Expr.Call call, Scope scope) {
        Val callee = inner(call.callee(), scope);
        if (callee instanceof Val.Poison) {
            call.arguments().forEach(a -> inner(a.value(), scope)); // for their own errors
            return callee;
        }
        List<Calls.Given> arguments = new ArrayList<>();
        call.arguments().forEach(a -> arguments.add(new Calls.Given(a, inner(a.value(), scope))));
        Site where = site;
        site = null;
        try {
            return calls.call(callee, arguments, call, where);
        } finally {
            site = where;
        }
    }

    private Val stack(Expr.Stack stack, Scope scope) {
        if (site == null) {
            throw new Fault(stack.span(), "stacked modules stand alone: `name = repeat i in count { Module(…) }`");
        }
        Val count = inner(stack.count(), scope);
        if (count instanceof Val.Poison) {
            return count;
        }
        if (!(count instanceof Val.Int(long n)) || n < 1 || n > Limits.MAX_REPEATS) {
            throw new Fault(
                    stack.count().span(),
                    "the count of `repeat` must be a positive int"
                            + (count instanceof Val.Int(long many) && many > 0 ? ", at most " + Limits.MAX_REPEATS : "")
                            + ", but is " + count.describe());
        }
        Site where = site;
        List<Instance> instances = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            var inside = new Scope(scope);
            inside.define(stack.variable(), new Val.Int(i));
            Val element = evalAt(where.child(String.valueOf(i)), stack.element(), inside);
            if (element instanceof Val.Poison) {
                return element;
            }
            if (!(element instanceof Val.Module(var instance))) {
                throw new Fault(stack.element().span(), "`repeat` stacks modules, but this is " + element.describe());
            }
            instances.add(instance);
        }
        return new Val.Stack(instances);
    }

    /** A compile-time condition; null if it is in error. */
    @Nullable
    Boolean condition(Expr expr, Scope scope) {
        Val value = inner(expr, scope);
        return switch (value) {
            case Val.Poison _ -> null;
            case Val.Bool b -> b.value();
            case Val.Tensor t -> {
                reporter.report(Diagnostic.error(
                                expr.span(), "a condition is decided at compile time, but this is " + t.describe())
                        .note("`where(condition, a, b)` chooses element by element"));
                yield null;
            }
            default -> {
                reporter.error(expr.span(), "a condition must be a bool, but is " + value.describe());
                yield null;
            }
        };
    }

    private Val unary(Expr.Unary unary, Scope scope) {
        Val x = inner(unary.operand(), scope);
        boolean negate = unary.operator() == Expr.UnaryOperator.NEGATE;
        return switch (x) {
            case Val.Poison p -> p;
            case Val.Int i when negate -> new Val.Int(Math.negateExact(i.value()));
            case Val.Real r when negate -> new Val.Real(-r.value());
            case Val.Bool b when !negate -> new Val.Bool(!b.value());
            case Val.Tensor t -> {
                UnaryFn fn = negate ? UnaryFn.NEG : UnaryFn.NOT;
                yield Pointwise.unary(
                        emission(unary.span()), unary.span(), unary.operator().text(), fn, t);
            }
            default -> throw new Fault(unary.span(), "`" + unary.operator().text() + "` cannot take " + x.describe());
        };
    }

    private Val binary(Expr.Binary b, Scope scope) {
        if (b.operator() == BinaryOperator.AND || b.operator() == BinaryOperator.OR) {
            return logical(b, scope);
        }
        Val left = inner(b.left(), scope);
        Val right = inner(b.right(), scope);
        if (left instanceof Val.Poison || right instanceof Val.Poison) {
            return Val.Poison.POISON;
        }
        if (!(left instanceof Val.Tensor) && !(right instanceof Val.Tensor)) {
            return Numbers.binary(b, left, right);
        }
        Emission out = emission(b.span());
        String name = b.operator().text();
        SourceSpan at = b.span();
        return switch (b.operator()) {
            case ADD -> Pointwise.binary(out, at, name, BinaryFn.ADD, left, right);
            case SUBTRACT -> Pointwise.binary(out, at, name, BinaryFn.SUB, left, right);
            case MULTIPLY -> Pointwise.binary(out, at, name, BinaryFn.MUL, left, right);
            case DIVIDE -> Pointwise.binary(out, at, name, BinaryFn.DIV, left, right);
            case MATMUL -> {
                if (left instanceof Val.Tensor x && right instanceof Val.Tensor y) {
                    yield Neural.matmul(out, at, x, y);
                }
                throw new Fault(
                        at, "`@` multiplies matrices, but these are " + left.describe() + " and " + right.describe());
            }
            case LESS -> Pointwise.compare(out, at, name, Comparison.LT, left, right);
            case LESS_EQUAL -> Pointwise.compare(out, at, name, Comparison.LE, left, right);
            case GREATER -> Pointwise.compare(out, at, name, Comparison.GT, left, right);
            case GREATER_EQUAL -> Pointwise.compare(out, at, name, Comparison.GE, left, right);
            case EQUAL -> Pointwise.compare(out, at, name, Comparison.EQ, left, right);
            case NOT_EQUAL -> Pointwise.compare(out, at, name, Comparison.NE, left, right);
            case REMAINDER, AND, OR ->
                throw new Fault(at, "`" + name + "` cannot take " + left.describe() + " and " + right.describe());
        };
    }

    /** {@code and}, {@code or}: the right side of compile-time bools counts only when it matters. */
    private Val logical(Expr.Binary b, Scope scope) {
        boolean and = b.operator() == BinaryOperator.AND;
        Val left = inner(b.left(), scope);
        if (left instanceof Val.Bool(boolean value) && value != and) {
            return left;
        }
        Val right = inner(b.right(), scope);
        if (left instanceof Val.Poison || right instanceof Val.Poison) {
            return Val.Poison.POISON;
        }
        if (left instanceof Val.Bool && right instanceof Val.Bool) {
            return right;
        }
        if (left instanceof Val.Tensor || right instanceof Val.Tensor) {
            BinaryFn fn = and ? BinaryFn.AND : BinaryFn.OR;
            return Pointwise.binary(emission(b.span()), b.span(), b.operator().text(), fn, left, right);
        }
        throw new Fault(
                b.span(),
                "`" + b.operator().text() + "` needs two bools, but these are " + left.describe() + " and "
                        + right.describe());
    }
}
