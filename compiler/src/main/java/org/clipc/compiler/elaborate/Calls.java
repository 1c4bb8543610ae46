package org.clipc.compiler.elaborate;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.clipc.compiler.config.Suggestion;
import org.clipc.grammar.ast.Argument;
import org.clipc.grammar.ast.Expr;
import org.clipc.grammar.ast.Function;
import org.clipc.grammar.ast.Identifier;
import org.clipc.grammar.ast.Parameter;
import org.clipc.grammar.ast.TypeRef;
import org.clipc.grammar.diagnostic.Diagnostic;
import org.clipc.grammar.diagnostic.SourceSpan;
import org.jspecify.annotations.Nullable;

/** Calls of functions, built-ins, module instances and stacks of them; creation of modules. */
final class Calls {
    private final Evaluator evaluator;
    private final Blocks blocks;

    Calls(Evaluator evaluator) {
        this.evaluator = evaluator;
        this.blocks = new Blocks(evaluator);
    }

    /** An argument as written and what it evaluates to. */
    record Given(Argument argument, Val value) {}

    Val call(Val callee, List<Given> arguments, Expr.Call call, @Nullable Site site) {
        return switch (callee) {
            case Val.Callable f -> function(f, arguments, call);
            case Val.Primitive p -> p.builtin().apply(evaluator, arguments, call);
            case Val.ModuleType m -> {
                if (site == null) {
                    throw Site.nowhere(call.span());
                }
                yield site.create(m, arguments, call);
            }
            case Val.Module m -> instance(m.instance(), arguments, call);
            case Val.Stack s -> {
                List<Given> fed = arguments;
                Val result = Val.Poison.POISON;
                for (Instance instance : s.instances()) {
                    if (result != Val.Poison.POISON) {
                        int first = first(instance, arguments, call);
                        fed = new ArrayList<>(arguments);
                        fed.set(first, new Given(arguments.get(first).argument(), result));
                    }
                    result = instance(instance, fed, call);
                    if (result instanceof Val.Poison) {
                        break;
                    }
                }
                yield result;
            }
            default -> throw new Fault(call.callee().span(), callee.describe() + " cannot be called");
        };
    }

    /** Which argument is that of the first parameter, which each of a stack's modules takes from the one before. */
    private static int first(Instance instance, List<Given> arguments, Expr.Call call) {
        Function callable = instance.callable();
        if (callable != null && !callable.parameters().isEmpty()) {
            String name = callable.parameters().getFirst().name().text();
            for (int i = 0; i < arguments.size(); i++) {
                Identifier given = arguments.get(i).argument().name();
                if (given == null || given.text().equals(name)) {
                    return i;
                }
            }
        }
        throw new Fault(
                call.span(),
                "each of a stack's modules takes, as its first argument, what the one before gives, but this call has none");
    }

    private Val instance(Instance instance, List<Given> arguments, Expr.Call call) {
        Function callable = instance.callable();
        if (callable == null) {
            throw new Fault(call.callee().span(), "an instance of " + instance.type() + " cannot be called")
                    .note("a module becomes callable by a function without a name: `fn (x: …) -> … = …`");
        }
        return function(new Val.Callable(callable, instance.scope(), instance.path()), arguments, call);
    }

    private Val function(Val.Callable f, List<Given> arguments, Expr.Call call) {
        if (Evaluator.poisoned(arguments.stream().map(Given::value).toList())) {
            return Val.Poison.POISON;
        }
        var scope = new Scope(f.scope());
        String name = f.function().isAnonymous()
                ? call.callee().span().text()
                : f.function().name().text();
        if (!bind(f.function().parameters(), arguments, scope, name, call)) {
            return Val.Poison.POISON;
        }
        return run(f, scope, call.span());
    }

    /** Runs a function whose parameters are bound in {@code scope}. */
    Val run(Val.Callable f, Scope scope, SourceSpan at) {
        Emission out = evaluator.emitting() ? evaluator.emission(at) : null;
        String before = out == null ? "" : out.path();
        if (out != null && f.path() != null) {
            out.path(f.path());
        }
        try {
            Val result = blocks.body(f.function(), scope);
            return result instanceof Val.Poison ? standIn(f.function().result(), scope) : result;
        } finally {
            if (out != null) {
                out.path(before);
            }
        }
    }

    /** After an error in a function, a value of its declared type keeps its callers checkable. */
    private Val standIn(@Nullable TypeRef type, Scope scope) {
        if (type instanceof TypeRef.Tensor tensor && evaluator.emitting()) {
            List<Dim> dims = evaluator.types().known(tensor, scope);
            if (dims != null) {
                return evaluator
                        .emission(type.span())
                        .constant(type.span(), evaluator.types().dtype(tensor), dims, 0);
            }
        }
        return Val.Poison.POISON;
    }

    /**
     * Binds arguments to parameters, positional ones first. Numbers go before tensors, so that a tensor's type can use
     * any of them, but for defaults that use a tensor themselves. Answers whether all are bound; errors are reported.
     */
    boolean bind(List<Parameter> parameters, List<Given> arguments, Scope scope, String callee, Expr.Call call) {
        Map<String, Given> byName = assign(parameters, arguments, callee);
        boolean complete = true;
        for (Parameter parameter : parameters) {
            String name = parameter.name().text();
            if (parameter.value() == null && !byName.containsKey(name)) {
                evaluator
                        .reporter()
                        .report(Diagnostic.error(call.span(), "`" + callee + "` needs a value for `" + name + "`")
                                .label(parameter.span(), "declared here"));
                scope.define(parameter.name(), Val.Poison.POISON);
                complete = false;
            }
        }
        List<Parameter> later = new ArrayList<>();
        for (Parameter parameter : parameters) {
            Given given = byName.get(parameter.name().text());
            if (given == null && parameter.value() == null) {
                continue;
            }
            boolean number = !(parameter.type() instanceof TypeRef.Tensor);
            if (number && (given != null || isKnown(parameter.value(), parameters, scope))) {
                complete &= bind(parameter, given, scope, callee);
            } else {
                later.add(parameter);
            }
        }
        for (Parameter parameter : later) {
            complete &= bind(parameter, byName.get(parameter.name().text()), scope, callee);
        }
        return complete;
    }

    /** Whether a default mentions no parameter, and no size, that has no value yet. */
    private static boolean isKnown(@Nullable Expr value, List<Parameter> parameters, Scope scope) {
        return NamesIn.expr(value)
                .allMatch(name -> scope.own(name) != null
                        || (scope.find(name) != null
                                && parameters.stream()
                                        .noneMatch(p -> p.name().text().equals(name))));
    }

    private boolean bind(Parameter parameter, @Nullable Given given, Scope scope, String callee) {
        String name = parameter.name().text();
        Val bound = evaluator.reporter().guard(() -> {
            Val value =
                    given != null ? given.value() : evaluator.inner(Objects.requireNonNull(parameter.value()), scope);
            SourceSpan at = given != null
                    ? given.argument().span()
                    : Objects.requireNonNull(parameter.value()).span();
            return evaluator.types().match(parameter.type(), value, scope, "`" + name + "` of `" + callee + "`", at);
        });
        scope.define(parameter.name(), bound);
        return !(bound instanceof Val.Poison);
    }

    private static Map<String, Given> assign(List<Parameter> parameters, List<Given> arguments, String callee) {
        Map<String, Given> byName = new HashMap<>();
        List<String> names = parameters.stream().map(p -> p.name().text()).toList();
        int position = 0;
        boolean named = false;
        for (Given given : arguments) {
            Argument argument = given.argument();
            String name;
            if (argument.name() != null) {
                named = true;
                name = argument.name().text();
                if (!names.contains(name)) {
                    throw new Fault(
                                    argument.name().span(),
                                    "`" + callee + "` has no parameter `" + name + "`" + Suggestion.among(name, names))
                            .note(signature(callee, names));
                }
            } else if (named) {
                throw new Fault(argument.span(), "an argument without a name cannot follow a named one");
            } else if (position < names.size()) {
                name = names.get(position++);
            } else {
                throw new Fault(
                                argument.span(),
                                "`" + callee + "` takes " + names.size() + " arguments, not " + arguments.size())
                        .note(signature(callee, names));
            }
            if (byName.putIfAbsent(name, given) != null) {
                throw new Fault(argument.span(), "`" + name + "` of `" + callee + "` is given twice");
            }
        }
        return byName;
    }

    private static String signature(String callee, List<String> names) {
        return "it is " + callee + "(" + String.join(", ", names) + ")";
    }
}
