package org.clipc.compiler.lower;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.IntToLongFunction;
import java.util.stream.IntStream;
import org.clipc.compiler.kernel.Access;
import org.clipc.compiler.kernel.Expr;
import org.clipc.compiler.kernel.KernelSpec;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.Op;
import org.clipc.ir.Shape;
import org.clipc.ir.TensorType;
import org.clipc.ir.interp.Interpreter;
import org.clipc.ir.interp.Tensor64;

/**
 * Runs launches in float64 on an emulated arena, by way of the reference interpreter, and checks that each keeps the
 * rules that {@link Launch} states.
 */
public final class LaunchInterpreter {

    private final LoweredGraph lowered;
    private final IntToLongFunction offsets;
    /** One slot per byte; an element is stored at its first byte. */
    private final double[] arena;

    /** @param offsets byte offset of each buffer */
    public LaunchInterpreter(LoweredGraph lowered, IntToLongFunction offsets, long bytes) {
        this.lowered = lowered;
        this.offsets = offsets;
        this.arena = new double[Math.toIntExact(bytes)];
        Arrays.fill(arena, 1e30);
    }

    /** Every buffer in a place of its own. */
    public static LaunchInterpreter unplanned(LoweredGraph lowered) {
        var offsets = new long[lowered.buffers().size()];
        var end = 0L;
        for (var buffer : lowered.buffers()) {
            offsets[buffer.id()] = end;
            end += buffer.bytes();
        }
        return new LaunchInterpreter(lowered, i -> offsets[i], end);
    }

    /** All outputs after a run. */
    public Map<String, Tensor64> run(Map<String, Tensor64> inputs) {
        lowered.inputs().forEach((name, view) -> write(view, Objects.requireNonNull(inputs.get(name), name)));
        for (var step : lowered.steps()) {
            var launch = ((Step.Kernel) step).launch();
            check(launch);
            run(launch);
        }
        var outputs = new LinkedHashMap<String, Tensor64>();
        lowered.outputs().forEach((name, view) -> {
            assertThat(Views.isDense(view)).as(name).isTrue();
            assertThat(view.offset()).as(name).isZero();
            outputs.put(name, read(view));
        });
        return outputs;
    }

    private void check(Launch launch) {
        var views = new ArrayList<>(launch.inputs());
        views.addAll(launch.outputs());
        for (var view : views) {
            var last = view.offset();
            for (var axis = 0; axis < view.dims().size(); axis++) {
                last += (view.dim(axis) - 1) * view.stride(axis);
            }
            var bytes = lowered.buffers().get(view.buffer()).bytes();
            assertThat((last + 1) * view.dtype().bytes()).as("end of %s", view).isLessThanOrEqualTo(bytes);
            assertThat(view.offset()).isNotNegative();
        }
        for (var output : launch.outputs()) {
            for (var i = 0; i < launch.inputs().size(); i++) {
                var input = launch.inputs().get(i);
                var mayShare = input.equals(output) && mayReplace(launch.spec(), i);
                assertThat(input.buffer() != output.buffer() || mayShare)
                        .as("overlap in %s", launch)
                        .isTrue();
            }
        }
    }

    private static boolean mayReplace(KernelSpec spec, int operand) {
        return switch (spec) {
            case KernelSpec.Elementwise _, KernelSpec.AdamW _ -> true;
            case KernelSpec.Gemm _ -> operand >= 2;
            default -> false;
        };
    }

    private void run(Launch launch) {
        var in = launch.inputs();
        var out = launch.outputs();
        var attributes = launch.attributes();
        switch (launch.spec()) {
            case KernelSpec.Elementwise spec -> elementwise(spec, launch);
            case KernelSpec.Gemm spec -> gemm(spec, launch);
            case KernelSpec.Reduce spec -> reduce(spec, launch);
            case KernelSpec.Attention(var _, var causal, var _) -> {
                var op = new Op.Attention(
                        in.getFirst().dim(2),
                        causal,
                        attributes.get(0),
                        attributes.get(1),
                        attributes.get(2).intValue());
                attention(op, launch, 3);
            }
            case KernelSpec.AttentionGrad(var _, var causal, var _) -> {
                var op = new Op.AttentionGrad(
                        in.getFirst().dim(2),
                        causal,
                        attributes.get(0),
                        attributes.get(1),
                        attributes.get(2).intValue());
                attention(op, launch, 5);
            }
            case KernelSpec.ArgMax _ -> apply(new Op.ArgMax(1), launch);
            case KernelSpec.LayerNorm _ -> apply(new Op.LayerNorm(attributes.getFirst()), launch);
            case KernelSpec.LayerNormGrad _ -> apply(new Op.LayerNormGrad(), launch);
            case KernelSpec.Softmax _ -> apply(new Op.Softmax(), launch);
            case KernelSpec.SoftmaxGrad _ -> apply(new Op.SoftmaxGrad(), launch);
            case KernelSpec.SoftmaxXent _ -> apply(new Op.SoftmaxXent(), launch);
            case KernelSpec.SoftmaxXentGrad _ -> apply(new Op.SoftmaxXentGrad(), launch);
            case KernelSpec.Gather _ -> {
                unitRows(out.getFirst());
                apply(new Op.Gather(1), launch);
            }
            case KernelSpec.ScatterAdd _ -> {
                unitRows(out.getFirst());
                apply(new Op.ScatterAdd(1, out.getFirst().dim(1)), launch);
            }
            case KernelSpec.RandomSubset _ ->
                apply(
                        new Op.RandomSubset(
                                out.getFirst().dim(0),
                                out.getFirst().dim(1),
                                attributes.get(0).intValue(),
                                attributes.get(1).intValue()),
                        launch);
            case KernelSpec.AdamW _ -> {
                assertThat(out).isEqualTo(List.of(in.get(0), in.get(2), in.get(3)));
                apply(new Op.AdamW(attributes.get(0), attributes.get(1), attributes.get(2), attributes.get(3)), launch);
            }
            case KernelSpec.Combine _ -> throw new AssertionError("no graph asks for " + launch);
        }
    }

    /** An op whose operands and results are the launch's views as they are. */
    private void apply(Op op, Launch launch) {
        launch.inputs().forEach(LaunchInterpreter::unitRows);
        launch.outputs().forEach(LaunchInterpreter::unitRows);
        var operands = launch.inputs().stream().map(this::read).toList();
        store(op, operands, launch.outputs());
    }

    private void store(Op op, List<Tensor64> operands, List<View> outputs) {
        var types = outputs.stream().map(LaunchInterpreter::type).toList();
        var results = Interpreter.apply(op, operands, types);
        for (var i = 0; i < outputs.size(); i++) {
            write(outputs.get(i), results.get(i));
        }
    }

    private static void unitRows(View view) {
        if (!view.dims().isEmpty() && view.dims().getLast() != 1) {
            assertThat(view.strides().getLast()).as("last stride of %s", view).isEqualTo(1);
        }
    }

    /** Heads are axes of their own in launches, and part of the width in ops. */
    private void attention(Op op, Launch launch, int headed) {
        var operands = new ArrayList<Tensor64>();
        for (var i = 0; i < launch.inputs().size(); i++) {
            var view = launch.inputs().get(i);
            unitRows(view);
            operands.add(i < headed ? joinHeads(read(view)) : read(view));
        }
        var types = new ArrayList<TensorType>();
        for (var view : launch.outputs()) {
            unitRows(view);
            types.add(view.dims().size() == 4 ? joinHeads(type(view)) : type(view));
        }
        var results = Interpreter.apply(op, operands, types);
        for (var i = 0; i < results.size(); i++) {
            write(
                    launch.outputs().get(i),
                    results.get(i).as(type(launch.outputs().get(i))));
        }
    }

    private static Tensor64 joinHeads(Tensor64 x) {
        return x.as(joinHeads(x.type()));
    }

    private static TensorType joinHeads(TensorType t) {
        return t.withShape(Shape.of(t.dim(0), t.dim(1), t.dim(2) * t.dim(3)));
    }

    private void elementwise(KernelSpec.Elementwise spec, Launch launch) {
        var space = Views.shape(launch.outputs().getFirst());
        assertThat(space.rank()).isEqualTo(spec.rank()).isPositive();
        var arguments = arguments(spec.operands(), launch.inputs(), space, space.rank() - 1);
        var results = new ArrayList<Tensor64>();
        for (var i = 0; i < spec.results().size(); i++) {
            var output = launch.outputs().get(i);
            assertThat(Views.shape(output)).isEqualTo(space);
            assertThat(spec.stores().get(i)).isEqualTo(access(output.strides().getLast()));
            assertThat(spec.results().get(i).value().dtype())
                    .isEqualTo(output.dtype())
                    .isEqualTo(spec.results().get(i).dtype());
            results.add(evaluate(spec.results().get(i).value(), space, arguments, launch.attributes()));
        }
        for (var i = 0; i < results.size(); i++) {
            write(launch.outputs().get(i), results.get(i));
        }
    }

    private void gemm(KernelSpec.Gemm spec, Launch launch) {
        var a = launch.inputs().get(0);
        var b = launch.inputs().get(1);
        assertThat(spec.lhsRowMajor() ? a.stride(3) : a.stride(2)).isEqualTo(1);
        assertThat(spec.rhsRowMajor() ? b.stride(3) : b.stride(2)).isEqualTo(1);
        assertThat(List.of(a.dims().size(), b.dims().size())).isEqualTo(List.of(4, 4));
        var op = new Op.DotGeneral(List.of(0, 1), List.of(0, 1), List.of(3), List.of(2));
        var space = Views.shape(launch.outputs().getFirst());
        var dot = Interpreter.apply(op, List.of(read(a), read(b)), List.of(new TensorType(a.dtype(), space)))
                .getFirst();
        var inputs = launch.inputs().subList(2, launch.inputs().size());
        var arguments = new ArrayList<>(List.of(dot));
        arguments.addAll(arguments(spec.operands(), inputs, space, 3));
        for (var i = 0; i < spec.results().size(); i++) {
            var output = launch.outputs().get(i);
            unitRows(output);
            write(output, evaluate(spec.results().get(i).value(), space, arguments, launch.attributes()));
        }
    }

    private void reduce(KernelSpec.Reduce spec, Launch launch) {
        var output = launch.outputs().getFirst();
        var dims = launch.inputs().stream()
                .filter(v -> v.dims().size() == 3)
                .findFirst()
                .map(Views::shape)
                .orElseGet(() -> Shape.of(output.dim(0), 1, output.dim(1)));
        assertThat(spec.inner()).isEqualTo(output.dim(1) == 1);
        var arguments = arguments(spec.operands(), launch.inputs(), dims, spec.inner() ? 1 : 2);
        var x = evaluate(spec.value(), dims, arguments, launch.attributes());
        store(new Op.Reduce(spec.fn(), List.of(1)), List.of(x), launch.outputs());
    }

    private List<Tensor64> arguments(List<KernelSpec.Operand> operands, List<View> views, Shape space, int innermost) {
        assertThat(operands).hasSameSizeAs(views);
        var arguments = new ArrayList<Tensor64>();
        for (var i = 0; i < views.size(); i++) {
            var view = views.get(i);
            assertThat(operands.get(i).dtype()).isEqualTo(view.dtype());
            var isKey = type(view).equals(TensorType.i32(2)) || type(view).equals(TensorType.i32(3));
            var isSeed = isKey && operands.get(i).access() == Access.SPLAT;
            if (!isSeed) {
                assertThat(Views.shape(view)).isEqualTo(space);
                assertThat(operands.get(i).access()).isEqualTo(access(view.stride(innermost)));
            }
            arguments.add(read(view));
        }
        return arguments;
    }

    private static Access access(long stride) {
        return stride == 1 ? Access.CONTIGUOUS : stride == 0 ? Access.SPLAT : Access.STRIDED;
    }

    private static Tensor64 evaluate(Expr expr, Shape space, List<Tensor64> arguments, List<Double> attributes) {
        var type = new TensorType(expr.dtype(), space);
        return switch (expr) {
            case Expr.Arg(var index, var dtype) -> {
                assertThat(arguments.get(index).type()).isEqualTo(new TensorType(dtype, space));
                yield arguments.get(index);
            }
            case Expr.Const(var value, var _) -> Tensor64.filled(type, value);
            case Expr.Attribute(var index, var _) -> Tensor64.filled(type, attributes.get(index));
            case Expr.Unary(var fn, var x) -> apply(new Op.Unary(fn), type, evaluate(x, space, arguments, attributes));
            case Expr.Binary(var fn, var a, var b) ->
                apply(
                        new Op.Binary(fn),
                        type,
                        evaluate(a, space, arguments, attributes),
                        evaluate(b, space, arguments, attributes));
            case Expr.Compare(var comparison, var a, var b) ->
                apply(
                        new Op.Compare(comparison),
                        type,
                        evaluate(a, space, arguments, attributes),
                        evaluate(b, space, arguments, attributes));
            case Expr.Select(var condition, var a, var b) ->
                apply(
                        new Op.Select(),
                        type,
                        evaluate(condition, space, arguments, attributes),
                        evaluate(a, space, arguments, attributes),
                        evaluate(b, space, arguments, attributes));
            case Expr.Convert(var dtype, var x) ->
                apply(new Op.Convert(dtype), type, evaluate(x, space, arguments, attributes));
            case Expr.Uniform(var seed, var stream, var row) -> {
                var width = row < 0 ? 1 : attributes.get(row).intValue();
                var rows = Shape.of((int) space.elements() / width, width);
                var op = new Op.Uniform(rows, attributes.get(stream).intValue());
                yield apply(op, type.withShape(rows), arguments.get(seed)).as(type);
            }
            case Expr.Index(var axis) -> apply(new Op.Iota(space, axis), type);
        };
    }

    private static Tensor64 apply(Op op, TensorType type, Tensor64... operands) {
        return Interpreter.apply(op, List.of(operands), List.of(type)).getFirst();
    }

    private static TensorType type(View view) {
        return new TensorType(view.dtype(), Views.shape(view));
    }

    private Tensor64 read(View view) {
        var tensor = Tensor64.zeros(type(view));
        var addresses = addresses(view);
        IntStream.range(0, tensor.size()).forEach(i -> tensor.data()[i] = arena[addresses[i]]);
        return tensor;
    }

    private void write(View view, Tensor64 tensor) {
        assertThat(tensor.type()).isEqualTo(type(view));
        var addresses = addresses(view);
        IntStream.range(0, tensor.size()).forEach(i -> {
            // A stale neighbour must not survive under an element of another width.
            for (var b = 0; b < view.dtype().bytes(); b++) {
                arena[addresses[i] + b] = 1e30;
            }
            arena[addresses[i]] = tensor.get(i);
        });
    }

    private int[] addresses(View view) {
        var addresses = new int[Math.toIntExact(view.elements())];
        var base = offsets.applyAsLong(view.buffer());
        var steps = Views.shape(view).strides();
        for (var i = 0; i < addresses.length; i++) {
            var element = view.offset();
            for (var axis = 0; axis < steps.length; axis++) {
                element += i / steps[axis] % view.dim(axis) * view.stride(axis);
            }
            addresses[i] = Math.toIntExact(base + element * view.dtype().bytes());
        }
        return addresses;
    }
}
