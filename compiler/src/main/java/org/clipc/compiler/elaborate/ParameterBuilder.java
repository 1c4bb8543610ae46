package org.clipc.compiler.elaborate;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.clipc.compiler.config.Suggestion;
import org.clipc.grammar.ast.Argument;
import org.clipc.grammar.ast.Expr;
import org.clipc.grammar.ast.Member;
import org.clipc.grammar.ast.TypeRef;
import org.clipc.grammar.diagnostic.Diagnostic;
import org.clipc.grammar.diagnostic.SourceSpan;
import org.clipc.ir.DType;
import org.clipc.ir.TensorType;
import org.clipc.program.Parameter.Initializer;
import org.clipc.program.Parameter.Kind;
import org.jspecify.annotations.Nullable;

/** Makes {@link ModelParameter}s of {@code param} members and keeps their names unique. */
final class ParameterBuilder {
    /** Initialisers and how many numbers each takes. */
    private static final Map<String, Init> INITIALIZERS = Map.of(
            "zeros", new Init(Kind.ZEROS, 0),
            "ones", new Init(Kind.ONES, 0),
            "constant", new Init(Kind.CONSTANT, 1),
            "normal", new Init(Kind.NORMAL, 1),
            "trunc_normal", new Init(Kind.TRUNC_NORMAL, 1),
            "uniform", new Init(Kind.UNIFORM, 2));

    static final Set<String> MODIFIERS = Set.of("shard", "decay", "no_decay", "clamp", "name");

    private final Evaluator evaluator;
    private final Map<String, ModelParameter> parameters = new LinkedHashMap<>();

    private record Init(Kind kind, int numbers) {}

    ParameterBuilder(Evaluator evaluator) {
        this.evaluator = evaluator;
    }

    List<ModelParameter> all() {
        return List.copyOf(parameters.values());
    }

    Val.Param build(Member.Param member, Scope scope, Site site, boolean frozen) {
        List<Dim> dims = dims(member.type(), scope);
        var type = new TensorType(
                evaluator.types().dtype(member.type()),
                Emission.shape(member.type().span(), dims));
        if (!type.dtype().isFloat() || type.dtype() == DType.F16) {
            throw new Fault(
                    member.type().span(),
                    "a parameter holds " + (type.dtype().isFloat() ? "f32 or bf16" : "floats") + ", not "
                            + type.dtype().text());
        }
        Modifiers modifiers = modifiers(member, scope, type);
        String name =
                Site.join(site.path(), modifiers.name == null ? member.name().text() : modifiers.name);
        boolean decay = modifiers.decay == null ? decays(name, type) : modifiers.decay;
        var parameter = new ModelParameter(
                name,
                type,
                initializer(member.init(), scope),
                decay,
                !frozen,
                modifiers.clamp,
                modifiers.shardAxis,
                modifiers.shardParts,
                member.span());
        ModelParameter before = parameters.putIfAbsent(name, parameter);
        if (before != null) {
            throw new Fault(Diagnostic.error(member.name().span(), "a second parameter `" + name + "`")
                    .label(before.span(), "the first one"));
        }
        return new Val.Param(parameter, dims);
    }

    /** open_clip's rule (training/main.py): matrices decay, but for what is named after a norm, a bias or the scale. */
    private static boolean decays(String name, TensorType type) {
        return type.rank() >= 2 && Stream.of("bn", "ln", "bias", "logit_scale").noneMatch(name::contains);
    }

    private List<Dim> dims(TypeRef.Tensor type, Scope scope) {
        List<Dim> dims = new ArrayList<>();
        for (TypeRef.Dim d : type.dims()) {
            if (!(d instanceof TypeRef.Dim.Size size)) {
                throw new Fault(d.span(), "a parameter's shape has no open ends");
            }
            dims.add(new Dim(
                    evaluator.types().extent(size.expr(), scope), size.span().text(), size.span()));
        }
        return dims;
    }

    private Initializer initializer(Expr expr, Scope scope) {
        String name;
        List<Argument> arguments;
        switch (expr) {
            case Expr.Name n -> {
                name = n.text();
                arguments = List.of();
            }
            case Expr.Call(Expr.Name n, List<Argument> given, SourceSpan _) -> {
                name = n.text();
                arguments = given;
            }
            case Expr.Conditional c -> {
                Boolean condition = evaluator.condition(c.condition(), scope);
                if (condition == null) {
                    throw new Poisoned();
                }
                return initializer(condition ? c.then() : c.otherwise(), scope);
            }
            default -> throw unknownInitializer(expr, "");
        }
        Init init = INITIALIZERS.get(name);
        if (init == null) {
            throw unknownInitializer(expr, Suggestion.among(name, INITIALIZERS.keySet()));
        }
        if (arguments.size() != init.numbers) {
            throw new Fault(expr.span(), "`" + name + "` takes " + init.numbers + " numbers, not " + arguments.size());
        }
        double[] numbers = new double[2];
        for (int i = 0; i < arguments.size(); i++) {
            numbers[i] = number(arguments.get(i).value(), scope);
        }
        boolean spread = init.kind == Kind.NORMAL || init.kind == Kind.TRUNC_NORMAL;
        if (spread && numbers[0] < 0) {
            throw new Fault(expr.span(), "a standard deviation cannot be negative, but this is " + numbers[0]);
        }
        return new Initializer(init.kind, numbers[0], numbers[1]);
    }

    private static Fault unknownInitializer(Expr expr, String hint) {
        return new Fault(expr.span(), "this is no initialiser" + hint)
                .note("initialisers are zeros, ones, constant(v), normal(std), trunc_normal(std), uniform(from, to)");
    }

    private double number(Expr expr, Scope scope) {
        Val value = evaluator.inner(expr, scope);
        if (value instanceof Val.Poison) {
            throw new Poisoned();
        }
        if (!Numbers.isNumber(value)) {
            throw new Fault(expr.span(), "this must be a number, but is " + value.describe());
        }
        return Numbers.number(value);
    }

    private static final class Modifiers {
        private @Nullable String name;
        private @Nullable Boolean decay;
        private @Nullable List<Double> clamp;
        private int shardAxis = -1;
        private int shardParts = 1;
    }

    private Modifiers modifiers(Member.Param member, Scope scope, TensorType type) {
        var found = new Modifiers();
        for (Member.Modifier modifier : member.modifiers()) {
            List<Expr> arguments =
                    modifier.arguments().stream().map(Argument::value).toList();
            switch (modifier.name().text()) {
                case "decay" -> found.decay = true;
                case "no_decay" -> found.decay = false;
                case "clamp" -> {
                    count(modifier, 2, "clamp(low, high)");
                    found.clamp = List.of(number(arguments.get(0), scope), number(arguments.get(1), scope));
                    if (found.clamp.get(0) > found.clamp.get(1)) {
                        throw new Fault(modifier.span(), "the lower bound is above the upper one");
                    }
                }
                case "name" -> {
                    count(modifier, 1, "name(\"weight\")");
                    Val value = evaluator.inner(arguments.getFirst(), scope);
                    if (!(value instanceof Val.Text(String text)) || !text.matches("[A-Za-z_][A-Za-z0-9_.]*")) {
                        throw new Fault(
                                modifier.span(), "a parameter's name is a string of letters, digits, _ and dots");
                    }
                    found.name = text;
                }
                case "shard" -> {
                    if (arguments.size() != 3) {
                        count(modifier, 2, "shard(tp, axis) or shard(tp, axis, parts)");
                    }
                    if (!(arguments.get(0) instanceof Expr.Name(String mesh, SourceSpan _)) || !mesh.equals("tp")) {
                        throw new Fault(arguments.get(0).span(), "parameters are split over `tp`: shard(tp, axis)");
                    }
                    double axis = number(arguments.get(1), scope);
                    if (axis != Math.rint(axis) || axis < 0 || axis >= type.rank()) {
                        throw new Fault(
                                arguments.get(1).span(),
                                "there is no axis " + arguments.get(1).span().text() + " in " + type);
                    }
                    found.shardAxis = (int) axis;
                    if (arguments.size() == 3) {
                        found.shardParts = parts(arguments.get(2), scope, type.dim(found.shardAxis));
                    }
                }
                default ->
                    throw new Fault(
                                    modifier.span(),
                                    "there is no modifier `" + modifier.name() + "`"
                                            + Suggestion.among(modifier.name().text(), MODIFIERS))
                            .note(
                                    "modifiers are shard(tp, axis, parts), decay, no_decay, clamp(low, high), name(\"…\")");
            }
        }
        return found;
    }

    private int parts(Expr expr, Scope scope, int extent) {
        double parts = number(expr, scope);
        if (parts != Math.rint(parts) || parts < 1 || extent % parts != 0) {
            throw new Fault(
                    expr.span(),
                    "an axis of %d cannot be cut into %s equal parts"
                            .formatted(extent, expr.span().text()));
        }
        return (int) parts;
    }

    private static void count(Member.Modifier modifier, int wanted, String form) {
        if (modifier.arguments().size() != wanted) {
            throw new Fault(modifier.span(), "this is written " + form);
        }
    }
}
