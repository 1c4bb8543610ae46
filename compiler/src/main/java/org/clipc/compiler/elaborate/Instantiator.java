package org.clipc.compiler.elaborate;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.clipc.grammar.ast.Declaration;
import org.clipc.grammar.ast.Expr;
import org.clipc.grammar.ast.Function;
import org.clipc.grammar.ast.Member;
import org.clipc.grammar.diagnostic.Diagnostic;
import org.jspecify.annotations.Nullable;

/** Brings the model and its modules to life: parameters get their names, sub-modules their places. */
final class Instantiator {
    private final Evaluator evaluator;
    private final ConfigResolver configs;
    private final ParameterBuilder parameters;
    private final Map<String, Function> entries = new LinkedHashMap<>();

    Instantiator(Evaluator evaluator, ConfigResolver configs) {
        this.evaluator = evaluator;
        this.configs = configs;
        this.parameters = new ParameterBuilder(evaluator);
    }

    List<ModelParameter> parameters() {
        return parameters.all();
    }

    /** The model's entry points by name. */
    Map<String, Function> entries() {
        return entries;
    }

    Instance model(Declaration.Model model, Scope file) {
        var root = new Instance(model.name().text(), "", new Scope(file));
        members(model.members(), root, new Site(this, "", false), true);
        return root;
    }

    Val instantiate(Val.ModuleType type, List<Calls.Given> arguments, Site site, Expr.Call call) {
        Declaration.Module module = type.declaration();
        if (Evaluator.poisoned(arguments.stream().map(Calls.Given::value).toList())) {
            return Val.Poison.POISON;
        }
        var scope = new Scope(type.scope());
        if (!evaluator
                .calls()
                .bind(module.parameters(), arguments, scope, module.name().text(), call)) {
            return Val.Poison.POISON;
        }
        var instance = new Instance(module.name().text(), site.path(), scope);
        members(module.members(), instance, site, false);
        return new Val.Module(instance);
    }

    private void members(List<Member> members, Instance instance, Site site, boolean root) {
        for (Member member : members) {
            evaluator.reporter().guard(() -> {
                member(member, instance, site, root);
                return Val.Poison.POISON; // members have no value
            });
        }
    }

    // A member in error is still defined, as poison, so that its uses are not reported too.
    private void member(Member member, Instance instance, Site site, boolean root) {
        Scope scope = instance.scope();
        switch (member) {
            case Member.Config c -> {
                if (!root) {
                    throw new Fault(c.span(), "`config` values belong to the model; a module has parameters");
                }
                scope.define(c.name(), evaluator.reporter().guard(() -> configs.member(c, scope)));
            }
            case Member.Let l -> scope.define(l.name(), evaluator.inner(l.value(), scope));
            case Member.Assert a -> Blocks.check(evaluator, a.condition(), a.message(), scope);
            case Member.Param p ->
                scope.define(
                        p.name(),
                        evaluator
                                .reporter()
                                .guard(() -> parameters.build(p, scope, site, frozen(p.frozen(), site, scope))));
            case Member.SubModule s ->
                scope.define(s.name(), evaluator.reporter().guard(() -> subModule(s, scope, site)));
            case Member.Conditional c -> {
                Boolean condition = evaluator.condition(c.condition(), scope);
                if (condition != null) {
                    members(condition ? c.then() : c.otherwise(), instance, site, root);
                }
            }
            case Member.Method m -> method(m.function(), instance);
            case Member.Entry e -> {
                if (!root) {
                    throw new Fault(e.span(), "only a model has entry points; a module has functions: `fn`");
                }
                scope.define(e.function().name(), new Val.Callable(e.function(), scope, instance.path()));
                entries.put(e.function().name().text(), e.function());
            }
        }
    }

    private void method(Function function, Instance instance) {
        if (!function.isAnonymous()) {
            instance.scope().define(function.name(), new Val.Callable(function, instance.scope(), instance.path()));
            return;
        }
        Function before = instance.callable();
        if (before != null) {
            throw new Fault(Diagnostic.error(function.name().span(), "a module can have one function without a name")
                    .label(before.name().span(), "the other one"));
        }
        instance.callable(function);
    }

    private Val subModule(Member.SubModule member, Scope scope, Site site) {
        String name = member.name().text();
        var where = new Site(
                this,
                member.inline() ? site.path() : Site.join(site.path(), name),
                frozen(member.frozen(), site, scope));
        Val value = evaluator.evalAt(where, member.value(), scope);
        return switch (value) {
            case Val.Poison p -> p;
            case Val.Module m -> m;
            case Val.Stack s -> s;
            default ->
                throw new Fault(member.value().span(), "`" + name + "` must be a module, but is " + value.describe())
                        .note("a compile-time value is given a name with `let " + name + " = …`");
        };
    }

    private boolean frozen(Member.@Nullable Frozen frozen, Site site, Scope scope) {
        if (frozen == null || site.frozen()) {
            return site.frozen();
        }
        if (frozen.condition() == null) {
            return true;
        }
        Boolean condition = evaluator.condition(frozen.condition(), scope);
        if (condition == null) {
            throw new Poisoned();
        }
        return condition;
    }
}
