package org.clipc.compiler.elaborate;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.clipc.compiler.config.Suggestion;
import org.clipc.grammar.ast.Argument;
import org.clipc.grammar.ast.Declaration;
import org.clipc.grammar.ast.Expr;
import org.clipc.grammar.ast.Expr.Subscript;
import org.clipc.grammar.ast.Function;
import org.clipc.grammar.ast.Identifier;
import org.clipc.grammar.ast.Member;
import org.clipc.grammar.ast.Parameter;
import org.clipc.grammar.ast.Statement;
import org.clipc.grammar.ast.TypeRef;
import org.clipc.grammar.diagnostic.SourceSpan;
import org.jspecify.annotations.Nullable;

/**
 * Reports names that mean nothing, everywhere in a file: also in functions that no entry point reaches and in branches
 * that this configuration does not take, which running the source cannot see.
 */
final class NameCheck {
    private final Reporter reporter;

    private NameCheck(Reporter reporter) {
        this.reporter = reporter;
    }

    /** @param file the scope of the file that makes the declarations */
    static void check(List<Declaration> declarations, Scope file, Reporter reporter) {
        var check = new NameCheck(reporter);
        var top = new Names(null, file.names());
        top.add("training");
        top.add("data_ranks");
        for (Declaration declaration : declarations) {
            switch (declaration) {
                case Declaration.ConfigType c -> check.config(c, file, top);
                case Declaration.Module m -> {
                    var inside = new Names(top, Set.of());
                    check.parameters(m.parameters(), inside);
                    check.members(m.members(), inside);
                }
                case Declaration.Model m -> check.members(m.members(), new Names(top, Set.of()));
                case Declaration.TopFunction f -> check.function(f.function(), top);
            }
        }
    }

    /** Known names within enclosing ones. */
    private static final class Names {
        private final @Nullable Names parent;
        private final Set<String> names;

        Names(@Nullable Names parent, Set<String> names) {
            this.parent = parent;
            this.names = new HashSet<>(names);
        }

        void add(String name) {
            names.add(name);
        }

        boolean has(String name) {
            return names.contains(name) || (parent != null && parent.has(name));
        }

        Set<String> all() {
            Set<String> all = parent == null ? new HashSet<>() : parent.all();
            all.addAll(names);
            return all;
        }
    }

    private void config(Declaration.ConfigType type, Scope file, Names top) {
        var inside = new Names(top, Set.of());
        reporter.guard(() -> {
            ConfigLayout.of(new Val.ConfigType(type, file)).keys().forEach(k -> inside.add(k.name()));
            return Val.Poison.POISON; // only the names are wanted
        });
        for (Declaration.Key key : type.keys()) {
            inside.add(key.name().text());
            optional(key.value(), inside);
        }
    }

    private void members(List<Member> members, Names names) {
        declare(members, names);
        members.forEach(m -> member(m, names));
    }

    /** Members see each other whatever their order and the branch they stand in. */
    private static void declare(List<Member> members, Names names) {
        for (Member member : members) {
            switch (member) {
                case Member.Config c -> names.add(c.name().text());
                case Member.Param p -> names.add(p.name().text());
                case Member.SubModule s -> names.add(s.name().text());
                case Member.Let l -> names.add(l.name().text());
                case Member.Method m -> names.add(m.function().name().text());
                case Member.Entry e -> names.add(e.function().name().text());
                case Member.Assert _ -> {}
                case Member.Conditional c -> {
                    declare(c.then(), names);
                    declare(c.otherwise(), names);
                }
            }
        }
    }

    private void member(Member member, Names names) {
        switch (member) {
            case Member.Config c -> {
                optional(c.value(), names);
                c.overrides().forEach(o -> expr(o.value(), names));
            }
            case Member.Param p -> {
                dims(p.type(), names, false);
                initializer(p.init(), names);
                for (Member.Modifier modifier : p.modifiers()) {
                    String kind = modifier.name().text();
                    if (ParameterBuilder.MODIFIERS.contains(kind)) {
                        long meshes = kind.equals("shard") ? 1 : 0;
                        modifier.arguments().stream().skip(meshes).forEach(a -> expr(a.value(), names));
                    }
                }
                frozen(p.frozen(), names);
            }
            case Member.SubModule s -> {
                frozen(s.frozen(), names);
                expr(s.value(), names);
            }
            case Member.Let l -> expr(l.value(), names);
            case Member.Assert a -> expr(a.condition(), names);
            case Member.Conditional c -> {
                expr(c.condition(), names);
                c.then().forEach(m -> member(m, names));
                c.otherwise().forEach(m -> member(m, names));
            }
            case Member.Method m -> function(m.function(), names);
            case Member.Entry e -> {
                var inside = new Names(names, Set.of("B"));
                function(e.function(), inside);
            }
        }
    }

    private void frozen(Member.@Nullable Frozen frozen, Names names) {
        if (frozen != null) {
            optional(frozen.condition(), names);
        }
    }

    /** The names of initialisers are known only there. */
    private void initializer(Expr init, Names names) {
        switch (init) {
            case Expr.Name _ -> {}
            case Expr.Call(Expr.Name _, List<Argument> arguments, SourceSpan _) ->
                arguments.forEach(a -> expr(a.value(), names));
            case Expr.Conditional c -> {
                expr(c.condition(), names);
                initializer(c.then(), names);
                initializer(c.otherwise(), names);
            }
            default -> expr(init, names);
        }
    }

    private void function(Function function, Names outer) {
        var inside = new Names(outer, Set.of());
        parameters(function.parameters(), inside);
        switch (function.body()) {
            case Function.Body.Value(Expr value) -> expr(value, inside);
            case Function.Body.Block block -> statements(block.statements(), inside);
        }
        if (function.result() != null) {
            type(function.result(), inside);
        }
    }

    private void parameters(List<Parameter> parameters, Names names) {
        parameters.forEach(p -> names.add(p.name().text()));
        for (Parameter parameter : parameters) {
            type(parameter.type(), names);
            optional(parameter.value(), names);
        }
    }

    private void type(TypeRef type, Names names) {
        switch (type) {
            case TypeRef.Tensor t -> dims(t, names, true);
            case TypeRef.Tuple t -> t.elements().forEach(e -> type(e.type(), names));
            case TypeRef.Enumerated _ -> {}
            case TypeRef.Named n -> {
                if (!Types.SCALARS.contains(n.name())) {
                    name(n.name(), n.span(), names);
                }
            }
        }
    }

    private void dims(TypeRef.Tensor type, Names names, boolean binds) {
        for (TypeRef.Dim d : type.dims()) {
            switch (d) {
                case TypeRef.Dim.Spread s -> names.add(s.name().text());
                case TypeRef.Dim.Size(Expr.Name n, SourceSpan _)
                when binds && Character.isUpperCase(n.text().codePointAt(0)) -> names.add(n.text());
                case TypeRef.Dim.Size s -> expr(s.expr(), names);
            }
        }
    }

    private void statements(List<Statement> statements, Names names) {
        for (Statement statement : statements) {
            switch (statement) {
                case Statement.Let l -> {
                    expr(l.value(), names);
                    l.names().forEach(n -> names.add(n.text()));
                }
                case Statement.Assign a -> {
                    expr(a.value(), names);
                    name(a.name().text(), a.name().span(), names);
                }
                case Statement.Return r -> expr(r.value(), names);
                case Statement.If i -> {
                    expr(i.condition(), names);
                    statements(i.then(), new Names(names, Set.of()));
                    statements(i.otherwise(), new Names(names, Set.of()));
                }
                case Statement.Repeat r -> {
                    expr(r.range(), names);
                    statements(r.body(), new Names(names, Set.of(r.variable().text())));
                }
                case Statement.Recompute r -> statements(r.body(), names);
                case Statement.Assert a -> expr(a.condition(), names);
            }
        }
    }

    private void optional(@Nullable Expr expr, Names names) {
        if (expr != null) {
            expr(expr, names);
        }
    }

    private void expr(Expr expr, Names names) {
        switch (expr) {
            case Expr.IntLiteral _, Expr.FloatLiteral _, Expr.BoolLiteral _, Expr.StringLiteral _ -> {}
            case Expr.Name n -> name(n.text(), n.span(), names);
            case Expr.Field f -> expr(f.target(), names);
            case Expr.Call c -> {
                expr(c.callee(), names);
                c.arguments().forEach(a -> expr(a.value(), names));
            }
            case Expr.Index i -> {
                expr(i.target(), names);
                i.subscripts().forEach(s -> subscript(s, names));
            }
            case Expr.Unary u -> expr(u.operand(), names);
            case Expr.Binary b -> {
                expr(b.left(), names);
                expr(b.right(), names);
            }
            case Expr.Conditional c -> {
                expr(c.condition(), names);
                expr(c.then(), names);
                expr(c.otherwise(), names);
            }
            case Expr.Stack s -> {
                expr(s.count(), names);
                Identifier variable = s.variable();
                expr(s.element(), new Names(names, Set.of(variable.text())));
            }
            case Expr.TupleLiteral t -> t.elements().forEach(e -> expr(e, names));
            case Expr.ListLiteral l -> l.elements().forEach(e -> expr(e, names));
        }
    }

    private void subscript(Subscript subscript, Names names) {
        switch (subscript) {
            case Subscript.At a -> expr(a.index(), names);
            case Subscript.Slice s -> {
                optional(s.from(), names);
                optional(s.to(), names);
            }
            case Subscript.Rest _ -> {}
        }
    }

    private void name(String name, SourceSpan span, Names names) {
        if (!names.has(name)) {
            reporter.error(span, "there is no `" + name + "` here" + Suggestion.among(name, names.all()));
        }
    }
}
