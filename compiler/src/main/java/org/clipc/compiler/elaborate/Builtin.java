package org.clipc.compiler.elaborate;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.clipc.compiler.config.Suggestion;
import org.clipc.grammar.ast.Argument;
import org.clipc.grammar.ast.Expr;

/**
 * A function that the language itself provides.
 *
 * @param signature such as {@code sum(x, axis?, keepdims?)}; a question mark means that the argument may be left out
 */
record Builtin(String name, String signature, List<String> parameters, Function<Args, Val> body) {

    static Builtin of(String signature, Function<Args, Val> body) {
        int open = signature.indexOf('(');
        List<String> parameters =
                List.of(signature.substring(open + 1, signature.length() - 1).split(", "));
        return new Builtin(signature.substring(0, open), signature, parameters, body);
    }

    Val apply(Evaluator evaluator, List<Calls.Given> arguments, Expr.Call call) {
        if (Evaluator.poisoned(arguments.stream().map(Calls.Given::value).toList())) {
            return Val.Poison.POISON;
        }
        List<String> names = parameters.stream().map(p -> p.replace("?", "")).toList();
        Map<String, Calls.Given> byName = new HashMap<>();
        List<String> open = new ArrayList<>(names);
        for (Calls.Given given : arguments) {
            Argument argument = given.argument();
            String name = argument.name() != null ? argument.name().text() : open.isEmpty() ? "" : open.getFirst();
            if (name.isEmpty()) {
                throw new Fault(argument.span(), "`" + this.name + "` takes at most " + names.size() + " arguments")
                        .note("it is " + signature);
            }
            if (!names.contains(name)) {
                throw new Fault(
                                argument.span(),
                                "`" + this.name + "` has no parameter `" + name + "`" + Suggestion.among(name, names))
                        .note("it is " + signature);
            }
            if (!open.remove(name)) {
                throw new Fault(argument.span(), "`" + name + "` of `" + this.name + "` is given twice");
            }
            byName.put(name, given);
        }
        for (String parameter : parameters) {
            if (!parameter.endsWith("?") && !byName.containsKey(parameter)) {
                throw new Fault(call.span(), "`" + name + "` needs a value for `" + parameter + "`")
                        .note("it is " + signature);
            }
        }
        return body.apply(new Args(evaluator, name, call, byName));
    }
}
