package org.clipc.compiler.elaborate;

import java.util.ArrayList;
import java.util.List;
import org.clipc.grammar.ast.Expr;
import org.clipc.grammar.ast.Function;
import org.clipc.grammar.ast.Identifier;
import org.clipc.grammar.ast.Statement;
import org.clipc.grammar.ast.TypeRef;
import org.clipc.grammar.diagnostic.Diagnostic;
import org.clipc.grammar.diagnostic.SourceSpan;
import org.jspecify.annotations.Nullable;

/** Bodies of functions, statement by statement. */
final class Blocks {
    private final Evaluator evaluator;

    Blocks(Evaluator evaluator) {
        this.evaluator = evaluator;
    }

    /**
     * What a {@code return} gave, and where.
     *
     * @param unsure whether an error hides if there was one at all
     */
    private record Returned(Val value, SourceSpan at, boolean unsure) {
        Returned(Val value, SourceSpan at) {
            this(value, at, false);
        }
    }

    /** The value of a function whose parameters are bound in {@code scope}, held against its declared result. */
    Val body(Function function, Scope scope) {
        Returned returned = switch (function.body()) {
            case Function.Body.Value(Expr expr) -> new Returned(evaluator.inner(expr, scope), expr.span());
            case Function.Body.Block block -> block(block.statements(), scope);
        };
        if (returned == null) {
            throw new Fault(function.name().span(), "this function can end without a `return`");
        }
        TypeRef result = function.result();
        if (result == null) {
            return returned.value;
        }
        String name = function.isAnonymous() ? "the result" : "the result of `" + function.name() + "`";
        return evaluator
                .reporter()
                .guard(() -> evaluator.types().match(result, returned.value, scope, name, returned.at));
    }

    /** Runs statements; null unless one of them returned. */
    private @Nullable Returned block(List<Statement> statements, Scope scope) {
        Returned perhaps = null;
        for (int i = 0; i < statements.size(); i++) {
            Returned returned = null;
            try {
                returned = statement(statements.get(i), scope);
            } catch (Fault fault) {
                evaluator.reporter().report(fault.diagnostic());
            } catch (Poisoned e) {
                // Reported where it arose; the statements after it are still worth checking.
                returned = new Returned(Val.Poison.POISON, statements.get(i).span(), true);
            }
            if (returned != null && returned.unsure) {
                perhaps = returned;
            } else if (returned != null) {
                if (i + 1 < statements.size() && statements.get(i) instanceof Statement.Return) {
                    evaluator.reporter().error(statements.get(i + 1).span(), "this is never reached");
                }
                return returned;
            }
        }
        return perhaps;
    }

    private @Nullable Returned statement(Statement statement, Scope scope) {
        switch (statement) {
            case Statement.Let let -> let(let, scope);
            case Statement.Assign assign -> scope.assign(assign.name(), evaluator.inner(assign.value(), scope));
            case Statement.Return r -> {
                return new Returned(evaluator.inner(r.value(), scope), r.value().span());
            }
            case Statement.If choice -> {
                Boolean condition = evaluator.condition(choice.condition(), scope);
                if (condition == null) {
                    throw new Poisoned();
                }
                return block(condition ? choice.then() : choice.otherwise(), new Scope(scope));
            }
            case Statement.Repeat repeat -> {
                return repeat(repeat, scope);
            }
            case Statement.Recompute recompute -> {
                return recompute(recompute, scope);
            }
            case Statement.Assert check -> check(evaluator, check.condition(), check.message(), scope);
        }
        return null;
    }

    /** Reports an assertion that does not hold. */
    static void check(Evaluator evaluator, Expr condition, @Nullable String message, Scope scope) {
        Boolean holds = evaluator.condition(condition, scope);
        if (holds != null && !holds) {
            throw new Fault(condition.span(), message == null ? "this does not hold" : message);
        }
    }

    private void let(Statement.Let let, Scope scope) {
        Val value = evaluator.inner(let.value(), scope);
        List<Val> values = new ArrayList<>();
        Fault mismatch = null;
        if (!let.tuple()) {
            values.add(value);
        } else if (value instanceof Val.Tuple(var all)
                && all.size() == let.names().size()) {
            values.addAll(all);
        } else {
            let.names().forEach(_ -> values.add(Val.Poison.POISON));
            if (!(value instanceof Val.Poison)) {
                mismatch = new Fault(
                        let.value().span(),
                        "this must be a tuple of " + let.names().size() + ", but is " + value.describe());
            }
        }
        for (int i = 0; i < values.size(); i++) {
            Identifier name = let.names().get(i);
            scope.define(name.text(), values.get(i), let.mutable(), name.span());
        }
        if (mismatch != null) {
            throw mismatch;
        }
    }

    private @Nullable Returned repeat(Statement.Repeat repeat, Scope scope) {
        Val range = evaluator.inner(repeat.range(), scope);
        List<Val> values = new ArrayList<>();
        switch (range) {
            case Val.Poison _ -> throw new Poisoned();
            case Val.Int(long n)
            when n >= 0 && n <= Limits.MAX_REPEATS -> {
                for (long i = 0; i < n; i++) {
                    values.add(new Val.Int(i));
                }
            }
            case Val.Stack s -> s.instances().forEach(i -> values.add(new Val.Module(i)));
            case Val.Items(var all) -> values.addAll(all);
            default ->
                throw new Fault(Diagnostic.error(
                        repeat.range().span(),
                        "`repeat` runs over a count, a list or stacked modules, but this is " + range.describe()));
        }
        for (Val value : values) {
            var inside = new Scope(scope);
            inside.define(repeat.variable(), value);
            Returned returned = block(repeat.body(), inside);
            if (returned != null) {
                return returned;
            }
        }
        return null;
    }

    private @Nullable Returned recompute(Statement.Recompute recompute, Scope scope) {
        Emission out = evaluator.emission(recompute.span());
        String before = out.enterRegion();
        try {
            return block(recompute.body(), scope);
        } finally {
            out.leaveRegion(before);
        }
    }
}
