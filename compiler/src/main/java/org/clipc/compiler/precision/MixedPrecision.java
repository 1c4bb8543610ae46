package org.clipc.compiler.precision;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.ToIntFunction;
import org.clipc.compiler.autodiff.Autodiff;
import org.clipc.compiler.pass.Pass;
import org.clipc.compiler.precision.PrecisionRule.Bf16;
import org.clipc.compiler.precision.PrecisionRule.Simple;
import org.clipc.ir.DType;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.Location;
import org.clipc.ir.Node;
import org.clipc.ir.Op;
import org.clipc.ir.Output;
import org.clipc.ir.Value;

/**
 * Makes a graph of f32 tensors, gradients and all, one whose large tensors are bf16. Every rounding is a {@code convert}
 * in the graph and all arithmetic is f32, so the result does not depend on which kernels share what is computed, nor on
 * what is computed again. {@link PrecisionRule} says what becomes of each op, {@link Roundings} where values are rounded.
 *
 * <p>Inputs and outputs keep their types, but parameters that are stored in bf16, and their gradients where these are
 * outputs. A parameter that is stored in f32 is rounded once for all who read it so.
 */
public final class MixedPrecision implements Pass {

    private final Precision precision;
    private final ToIntFunction<Graph> lastForward;

    /** @param loss name of the output that ends the forward pass, if there is one of that name */
    public MixedPrecision(Precision precision, String loss) {
        this(precision, graph -> nodeOf(graph, loss));
    }

    /** @param lastForward index of the node that ends the forward pass */
    public MixedPrecision(Precision precision, ToIntFunction<Graph> lastForward) {
        this.precision = precision;
        this.lastForward = lastForward;
    }

    private static int nodeOf(Graph graph, String output) {
        return graph.outputs().stream()
                .filter(o -> o.name().equals(output))
                .mapToInt(o -> o.value().node())
                .findFirst()
                .orElse(graph.nodes().size());
    }

    @Override
    public String name() {
        return "mixed-precision";
    }

    @Override
    public Graph apply(Graph graph) {
        return precision == Precision.F32 ? graph : new Run(graph).run();
    }

    private final class Run {

        private final Graph graph;
        private final GraphBuilder b;
        private final Roundings roundings;
        private final Map<Value, Value> wide = new HashMap<>();
        private final Map<Value, Value> narrow = new HashMap<>();
        private final Map<Widened, Value> widened = new HashMap<>();

        /** Parameters that are stored in bf16. */
        private final Set<String> stored = new HashSet<>();

        /** A bf16 tensor read in f32; in a recompute region apart from elsewhere, so that it need not leave it. */
        private record Widened(Value of, String recompute) {}

        Run(Graph graph) {
            this.graph = graph;
            b = new GraphBuilder(graph.name());
            graph.inputs().stream()
                    .filter(precision::narrows)
                    .map(Op.Input::name)
                    .forEach(stored::add);
            var gradients = graph.outputs().stream()
                    .filter(o -> o.updates() == null && stored.contains(target(o)))
                    .map(Output::value)
                    .toList();
            roundings = Roundings.of(graph, precision, lastForward.applyAsInt(graph), gradients);
        }

        Graph run() {
            for (var i = 0; i < graph.nodes().size(); i++) {
                var node = graph.nodes().get(i);
                b.at(node.location());
                var made = node.op() instanceof Op.Input input
                        ? List.of(input(input))
                        : b.addAll(node.op(), operands(node, new Value(i, 0)));
                for (var r = 0; r < made.size(); r++) {
                    define(new Value(i, r), made.get(r));
                }
            }
            graph.outputs().forEach(this::output);
            return b.build();
        }

        private Value input(Op.Input input) {
            var type = precision.narrows(input) ? input.type().withDtype(DType.BF16) : input.type();
            return b.input(input.name(), input.kind(), type);
        }

        private List<Value> operands(Node node, Value result) {
            var operands = new ArrayList<Value>();
            for (var o = 0; o < node.operands().size(); o++) {
                operands.add(operand(node, result, o));
            }
            return operands;
        }

        private Value operand(Node node, Value result, int o) {
            var operand = node.operand(o);
            if (roundings.readsNarrow(node, o)) {
                return narrow(operand);
            }
            if (roundings.isRoundedBias(result, o)) {
                return b.convert(narrow(operand), DType.F32);
            }
            return switch (PrecisionRule.of(node.op())) {
                case Simple.MOVE -> isNarrowMove(result) && isF32(operand) ? narrow(operand) : wide(operand);
                case Bf16 _ -> asStored(operand);
                case Simple _ -> wide(operand);
            };
        }

        /** A move of bf16 to bf16, and not one of f32 whose result is rounded. */
        private boolean isNarrowMove(Value result) {
            return roundings.isNarrow(result)
                    && graph.node(result).operands().stream().anyMatch(roundings::isNarrow);
        }

        private void define(Value value, Value made) {
            if (!isF32(value) || b.type(made).dtype() != DType.BF16) {
                wide.put(value, made);
            } else {
                narrow.put(value, made);
            }
            if (roundings.isRounded(value) && wide.containsKey(value)) {
                narrow.put(value, b.convert(made, DType.BF16));
                wide.remove(value);
            }
        }

        private boolean isF32(Value value) {
            return graph.type(value).dtype() == DType.F32;
        }

        /** The value in the type that the model gives it. */
        private Value wide(Value value) {
            var known = wide.get(value);
            if (known != null) {
                return known;
            }
            var key = new Widened(value, b.location().recompute());
            return widened.computeIfAbsent(key, _ -> b.convert(Objects.requireNonNull(narrow.get(value)), DType.F32));
        }

        /** The value as it is in memory. */
        private Value asStored(Value value) {
            return Objects.requireNonNullElseGet(narrow.get(value), () -> wide(value));
        }

        /** The value in bf16: what nothing has rounded yet comes from inputs, and is rounded before it is moved. */
        private Value narrow(Value value) {
            var known = narrow.get(value);
            if (known != null) {
                return known;
            }
            var here = b.location();
            var node = graph.node(value);
            var isMove = PrecisionRule.of(node.op()) == Simple.MOVE && !(node.op() instanceof Op.Gather);
            var operands = isMove ? node.operands().stream().map(this::narrow).toList() : List.<Value>of();
            b.at(new Location(node.location().path(), node.location().source(), ""));
            var made = isMove ? b.addAll(node.op(), operands).getFirst() : b.convert(wide(value), DType.BF16);
            b.at(here);
            narrow.put(value, made);
            return made;
        }

        private void output(Output output) {
            b.at(graph.node(output.value()).location());
            b.output(new Output(output.name(), form(output), output.updates()));
        }

        private Value form(Output output) {
            return stored.contains(target(output)) ? narrow(output.value()) : wide(output.value());
        }

        /** The input that an output is the next value of, or the gradient by. */
        private static String target(Output output) {
            if (output.updates() != null) {
                return output.updates();
            }
            return output.name().startsWith(Autodiff.PREFIX) ? output.name().substring(Autodiff.PREFIX.length()) : "";
        }
    }
}
