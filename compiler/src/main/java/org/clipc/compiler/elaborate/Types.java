package org.clipc.compiler.elaborate;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.clipc.compiler.config.Suggestion;
import org.clipc.grammar.ast.Expr;
import org.clipc.grammar.ast.Identifier;
import org.clipc.grammar.ast.TypeRef;
import org.clipc.grammar.ast.TypeRef.Dim.Size;
import org.clipc.grammar.ast.TypeRef.Dim.Spread;
import org.clipc.grammar.diagnostic.Diagnostic;
import org.clipc.grammar.diagnostic.SourceSpan;
import org.clipc.ir.DType;
import org.jspecify.annotations.Nullable;

/**
 * Holds values against declared types. A capitalised name that has no meaning yet is bound to the extent it meets, and
 * must agree from then on; {@code B..} is bound to the list of extents it covers.
 */
final class Types {
    static final List<String> SCALARS = List.of("int", "float", "bool", "string");

    private final Evaluator evaluator;

    Types(Evaluator evaluator) {
        this.evaluator = evaluator;
    }

    /**
     * The value as the declared type sees it: ints become floats where floats are wanted, and a tensor's extents take
     * the declared names.
     *
     * @param scope where the type's names are looked up and new ones are bound
     * @param what such as "`x` of `Linear`", for messages
     * @param at where the value is given
     */
    Val match(TypeRef type, Val value, Scope scope, String what, SourceSpan at) {
        if (value instanceof Val.Poison) {
            return value;
        }
        return switch (type) {
            case TypeRef.Named named -> named(named, value, scope, what, at);
            case TypeRef.Enumerated e -> {
                if (value instanceof Val.Text(String text) && e.values().contains(text)) {
                    yield value;
                }
                String wanted = String.join("\", \"", e.values());
                String hint = value instanceof Val.Text(String text) ? Suggestion.among(text, e.values()) : "";
                throw new Fault(Diagnostic.error(
                                at, what + " must be one of \"" + wanted + "\", but is " + value.describe() + hint)
                        .label(type.span(), "declared here"));
            }
            // Parentheses around one type only name it.
            case TypeRef.Tuple tuple
            when tuple.elements().size() == 1 && !(value instanceof Val.Tuple) ->
                match(tuple.elements().getFirst().type(), value, scope, what, at);
            case TypeRef.Tuple tuple -> {
                if (!(value instanceof Val.Tuple(var all))
                        || all.size() != tuple.elements().size()) {
                    throw new Fault(Diagnostic.error(
                                    at,
                                    what + " must be a tuple of "
                                            + tuple.elements().size() + ", but is " + value.describe())
                            .label(type.span(), "declared here"));
                }
                List<Val> matched = new ArrayList<>();
                for (int i = 0; i < all.size(); i++) {
                    matched.add(match(
                            tuple.elements().get(i).type(), all.get(i), scope, "element " + i + " of " + what, at));
                }
                yield new Val.Tuple(matched);
            }
            case TypeRef.Tensor tensor -> tensor(tensor, value, scope, what, at);
        };
    }

    private Val named(TypeRef.Named type, Val value, Scope scope, String what, SourceSpan at) {
        String name = type.name();
        Val declared = SCALARS.contains(name) ? null : scope.find(name);
        boolean fits = switch (name) {
            case "int" -> value instanceof Val.Int;
            case "float" -> Numbers.isNumber(value);
            case "bool" -> value instanceof Val.Bool;
            case "string" -> value instanceof Val.Text;
            default ->
                switch (declared) {
                    case Val.ConfigType c ->
                        value instanceof Val.Config config
                                && config.types()
                                        .contains(c.declaration().name().text());
                    case Val.ModuleType m ->
                        value instanceof Val.Module(var instance)
                                && instance.type().equals(m.declaration().name().text());
                    case null, default -> throw unknown(type, scope);
                };
        };
        if (!fits) {
            throw new Fault(Diagnostic.error(at, what + " must be " + article(name) + ", but is " + value.describe())
                    .label(type.span(), "declared here"));
        }
        return name.equals("float") ? new Val.Real(Numbers.number(value)) : value;
    }

    private static String article(String name) {
        return ("aeiou".indexOf(Character.toLowerCase(name.charAt(0))) >= 0 ? "an " : "a ") + name;
    }

    Fault unknown(TypeRef.Named type, Scope scope) {
        List<String> known = new ArrayList<>(SCALARS);
        for (String name : scope.names()) {
            Val value = scope.find(name);
            if (value instanceof Val.ConfigType || value instanceof Val.ModuleType) {
                known.add(name);
            }
        }
        return new Fault(type.span(), "there is no type `" + type.name() + "`" + Suggestion.among(type.name(), known))
                .note("types are int, float, bool, string, configurations, modules and tensors such as f32[B, 3]");
    }

    private Val tensor(TypeRef.Tensor type, Val value, Scope scope, String what, SourceSpan at) {
        DType dtype = dtype(type);
        Val actual = value;
        if (Numbers.isNumber(value) && type.dims().isEmpty() && evaluator.emitting()) {
            actual = Pointwise.number(evaluator.emission(at), at, value, dtype, List.of());
        }
        List<Dim> dims;
        DType actualDtype;
        switch (actual) {
            case Val.Tensor t -> {
                dims = t.dims();
                actualDtype = t.dtype();
            }
            case Val.Param p -> {
                dims = p.dims();
                actualDtype = p.parameter().type().dtype();
            }
            default ->
                throw new Fault(Diagnostic.error(at, what + " must be a tensor, but is " + value.describe())
                        .label(type.span(), "declared here"));
        }
        if (actualDtype != dtype) {
            throw new Fault(Diagnostic.error(
                            at,
                            what + " must hold " + dtype.text() + ", but is " + actual.describe() + " of "
                                    + actualDtype.text())
                    .label(type.span(), "declared here"));
        }
        List<Dim> matched = dims(type, dims, scope, what, at);
        return actual instanceof Val.Tensor t ? new Val.Tensor(t.value(), t.dtype(), matched) : actual;
    }

    private List<Dim> dims(TypeRef.Tensor type, List<Dim> actual, Scope scope, String what, SourceSpan at) {
        List<TypeRef.Dim> declared = type.dims();
        int spreads = (int) declared.stream().filter(d -> d instanceof Spread).count();
        if (spreads > 1) {
            throw new Fault(type.span(), "only one `..` can stand in a tensor type");
        }
        boolean rankFits = spreads == 0 ? declared.size() == actual.size() : declared.size() - 1 <= actual.size();
        if (!rankFits) {
            throw new Fault(
                    Diagnostic.error(at, what + " must be " + type.span().text() + ", but is " + Dim.sizes(actual))
                            .label(type.span(), "declared here")
                            .note("its shape is " + Dim.show(actual)));
        }
        List<Dim> matched = new ArrayList<>();
        int i = 0;
        for (TypeRef.Dim d : declared) {
            if (d instanceof Spread spread) {
                List<Dim> covered = actual.subList(i, i + actual.size() - (declared.size() - 1));
                bindSpread(spread, covered, scope, what, at);
                matched.addAll(covered);
                i += covered.size();
            } else if (d instanceof Size size) {
                matched.add(size(size, type, actual, i++, scope, what, at));
            }
        }
        return matched;
    }

    private Dim size(
            Size declared, TypeRef.Tensor type, List<Dim> all, int i, Scope scope, String what, SourceSpan at) {
        Dim actual = all.get(i);
        String text = declared.span().text();
        if (declared.expr() instanceof Expr.Name name && isFresh(name, scope)) {
            text = name.text();
            scope.define(text, new Val.Int(actual.size()), false, declared.span());
            return new Dim(actual.size(), text, actual.origin());
        }
        int wanted = extent(declared.expr(), scope);
        if (wanted != actual.size()) {
            Diagnostic diagnostic = Diagnostic.error(
                    at,
                    what + " must be " + type.span().text() + ", but is " + Dim.sizes(all) + ": " + actual.size()
                            + " is not " + new Dim(wanted, text, declared.span()).show());
            throw new Fault(Pointwise.mismatch(diagnostic, new Dim(wanted, text, declared.span()), actual)
                    .note("declared: " + show(type, scope))
                    .note("given:    " + Dim.show(all)));
        }
        return new Dim(wanted, text, declared.span());
    }

    private void bindSpread(Spread spread, List<Dim> covered, Scope scope, String what, SourceSpan at) {
        Identifier name = spread.name();
        List<Val> sizes = new ArrayList<>();
        covered.forEach(d -> sizes.add(new Val.Int(d.size())));
        var items = new Val.Items(sizes);
        Val before = scope.own(name.text());
        if (before == null) {
            scope.define(name, items);
        } else if (!before.equals(items)) {
            throw new Fault(Diagnostic.error(
                            at,
                            what + " has " + Dim.sizes(covered) + " for `" + name + "..`, which is " + before.describe()
                                    + " already")
                    .label(spread.span(), "declared here"));
        }
    }

    /** The declared type with the sizes that are known. */
    private String show(TypeRef.Tensor type, Scope scope) {
        List<String> shown = new ArrayList<>();
        for (TypeRef.Dim d : type.dims()) {
            String text = d.span().text();
            boolean known = d instanceof Size s && resolvable(s.expr(), scope);
            shown.add(known && !text.matches("\\d+") ? extent(((Size) d).expr(), scope) + " (" + text + ")" : text);
        }
        return "[" + String.join(", ", shown) + "]";
    }

    private static boolean isFresh(Expr.Name name, Scope scope) {
        return Character.isUpperCase(name.text().codePointAt(0)) && scope.find(name.text()) == null;
    }

    /** Evaluates the size of a dimension. */
    int extent(Expr expr, Scope scope) {
        if (expr instanceof Expr.Name n && scope.find(n.text()) == null) {
            throw new Fault(n.span(), "there is no `" + n.text() + "` here" + Suggestion.among(n.text(), scope.names()))
                    .note("a capitalised name takes whatever size it meets");
        }
        Val value = evaluator.inner(expr, scope);
        if (value instanceof Val.Poison) {
            throw new Poisoned();
        }
        if (!(value instanceof Val.Int(long size))) {
            throw new Fault(expr.span(), "a dimension must be an int, but is " + value.describe());
        }
        if (size < 1 || size > Integer.MAX_VALUE) {
            throw new Fault(
                    expr.span(),
                    "a dimension must be positive" + (size < 1 ? "" : " and at most " + Integer.MAX_VALUE) + ", but is "
                            + size);
        }
        return (int) size;
    }

    /**
     * The shape of a type all of whose extents are known without looking at a value; null if some are not.
     */
    @Nullable
    List<Dim> known(TypeRef.Tensor type, Scope scope) {
        List<Dim> dims = new ArrayList<>();
        for (TypeRef.Dim d : type.dims()) {
            if (d instanceof Size s && resolvable(s.expr(), scope)) {
                dims.add(new Dim(extent(s.expr(), scope), s.span().text(), s.span()));
            } else if (d instanceof Spread spread && scope.own(spread.name().text()) instanceof Val.Items(var sizes)) {
                sizes.forEach(v -> dims.add(new Dim((int) ((Val.Int) v).value(), "", spread.span())));
            } else {
                return null;
            }
        }
        return dims;
    }

    private static boolean resolvable(Expr expr, Scope scope) {
        return switch (expr) {
            case Expr.IntLiteral _ -> true;
            case Expr.Name n -> scope.find(n.text()) instanceof Val.Int;
            case Expr.Field f -> resolvableTarget(f.target(), scope);
            case Expr.Binary b -> resolvable(b.left(), scope) && resolvable(b.right(), scope);
            default -> false;
        };
    }

    private static boolean resolvableTarget(Expr expr, Scope scope) {
        return expr instanceof Expr.Name n && scope.find(n.text()) instanceof Val.Config;
    }

    /** The element type of a tensor type: f32 unless given. */
    DType dtype(TypeRef.Tensor type) {
        if (type.dtype() == null) {
            return DType.F32;
        }
        List<String> names = new ArrayList<>();
        for (DType dtype : DType.values()) {
            if (dtype.text().equals(type.dtype().text())) {
                return dtype;
            }
            names.add(dtype.text());
        }
        String given = type.dtype().text().toLowerCase(Locale.ROOT);
        throw new Fault(
                        type.dtype().span(),
                        "there is no element type `" + type.dtype() + "`" + Suggestion.among(given, names))
                .note("element types are " + String.join(", ", names));
    }
}
