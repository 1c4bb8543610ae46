package org.clipc.compiler.memory;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.clipc.compiler.kernel.Access;
import org.clipc.compiler.kernel.KernelSpec;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.TanhGelu;
import org.clipc.compiler.kernel.View;
import org.clipc.compiler.lower.Buffer;
import org.clipc.compiler.lower.LoweredGraph;
import org.clipc.compiler.lower.Step;
import org.clipc.ir.Op;

/**
 * Lets a result take the buffer of an operand that is not needed any more and is walked in step with it: in elementwise
 * kernels, in epilogues of products, and where ranks reduce.
 */
public final class InPlace {

    private final LoweredGraph lowered;
    private final int[] first;
    private final int[] last;
    private final int[] home;

    private InPlace(LoweredGraph lowered) {
        this.lowered = lowered;
        var count = lowered.buffers().size();
        first = new int[count];
        last = new int[count];
        home = new int[count];
        Arrays.fill(first, -1);
        Arrays.setAll(home, i -> i);
        for (var interval : Lifetimes.of(lowered)) {
            first[interval.buffer()] = interval.first();
            last[interval.buffer()] = interval.last();
        }
    }

    public static LoweredGraph apply(LoweredGraph lowered) {
        return new InPlace(lowered).run();
    }

    private LoweredGraph run() {
        var steps = new ArrayList<Step>();
        for (var s = 0; s < lowered.steps().size(); s++) {
            var step = lowered.steps().get(s);
            for (var output : step.outputs()) {
                reuse(step, output, s);
            }
            steps.add(moved(step));
        }
        return new LoweredGraph(lowered.graph(), lowered.buffers(), steps, lowered.inputs(), moved(lowered.outputs()));
    }

    private Step moved(Step step) {
        var inputs = moved(step.inputs());
        var outputs = moved(step.outputs());
        return switch (step) {
            case Step.Kernel(var node, var launch) ->
                new Step.Kernel(node, new Launch(launch.spec(), inputs, outputs, launch.attributes()));
            case Step.Exchange(var node, var op, var _, var _) -> new Step.Exchange(node, op, inputs, outputs);
            case Step.Await _ -> throw new IllegalStateException("exchanges are overlapped where buffers are known");
        };
    }

    private void reuse(Step step, View output, int s) {
        var fresh = lowered.buffers().get(output.buffer());
        if (fresh.role() != Buffer.Role.WORKSPACE || first[fresh.id()] != s) {
            return;
        }
        for (var operand : replaceable(step, output)) {
            var old = lowered.buffers().get(home[operand.buffer()]);
            // A first use of -1 is an input of the graph, which stays as the caller wrote it.
            var dies = old.role() == Buffer.Role.WORKSPACE && first[old.id()] >= 0 && last[old.id()] == s;
            var taken = step.outputs().stream().anyMatch(o -> home[o.buffer()] == old.id());
            if (dies && !taken && old.bytes() == fresh.bytes() && inStep(step, old.id(), output)) {
                home[fresh.id()] = old.id();
                last[old.id()] = last[fresh.id()];
                return;
            }
        }
    }

    /** Operands whose element a kernel reads before it stores the result's, and none behind that. */
    private static List<View> replaceable(Step step, View output) {
        return switch (step) {
            case Step.Kernel(var _, var launch) ->
                switch (launch.spec()) {
                    case KernelSpec.Elementwise _ -> launch.inputs();
                    // A library that multiplies with GELU's derivative may not have its argument change meanwhile.
                    case KernelSpec.Gemm _ when TanhGelu.isGradient(launch) -> List.of();
                    case KernelSpec.Gemm _ ->
                        launch.inputs().subList(2, launch.inputs().size());
                    default -> List.of();
                };
            case Step.Exchange(var _, var op, var inputs, var outputs) ->
                op instanceof Op.AllReduce ? List.of(inputs.get(outputs.indexOf(output))) : List.of();
            case Step.Await _ -> List.of();
        };
    }

    private boolean inStep(Step step, int old, View output) {
        var operands = step.inputs();
        return IntStream.range(0, operands.size())
                .filter(i -> home[operands.get(i).buffer()] == old)
                .allMatch(i -> in(operands.get(i), output.buffer()).equals(output) && !isReadWhole(step, i));
    }

    /** Whether an operand is a seed: a kernel walks no other of several elements with no stride. */
    private static boolean isReadWhole(Step step, int operand) {
        return step instanceof Step.Kernel(var _, var launch)
                && launch.spec() instanceof KernelSpec.Elementwise elementwise
                && elementwise.operands().get(operand).access() == Access.SPLAT
                && launch.inputs().get(operand).elements() > 1;
    }

    private static View in(View view, int buffer) {
        return new View(buffer, view.offset(), view.dtype(), view.dims(), view.strides());
    }

    private List<View> moved(List<View> views) {
        return views.stream().map(v -> in(v, home[v.buffer()])).toList();
    }

    private Map<String, View> moved(Map<String, View> views) {
        var moved = new LinkedHashMap<String, View>();
        views.forEach((name, view) -> moved.put(name, in(view, home[view.buffer()])));
        return moved;
    }
}
