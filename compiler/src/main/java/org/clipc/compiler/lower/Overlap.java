package org.clipc.compiler.lower;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.MeshAxis;

/**
 * Lets what data-parallel ranks exchange travel while kernels go on: gradients during the rest of the backward pass (Li et
 * al., "PyTorch distributed: experiences on accelerating data parallel training", VLDB 2020), the features of one tower
 * while the other computes its own, and parameters while the optimizer is at the next. An exchange is awaited before the
 * first step that touches its results or writes its operands. Those along the tensor axis, whose results are wanted at
 * once, stay as they are.
 *
 * <p>To be applied where it is settled which values share a buffer.
 */
public final class Overlap {

    /**
     * Exchanges that hold memory of their own, as those do that are not in place, are under way at the same time at most:
     * one travels, and the next is at hand when it has arrived.
     */
    private static final int MOST_HOLDING_MEMORY = 2;

    private final LoweredGraph lowered;
    private final List<Step> steps = new ArrayList<>();

    /** Under way, in the order in which they began. */
    private final List<Step.Await> open = new ArrayList<>();

    private Overlap(LoweredGraph lowered) {
        this.lowered = lowered;
    }

    public static LoweredGraph apply(LoweredGraph lowered) {
        return new Overlap(lowered).run();
    }

    private LoweredGraph run() {
        for (var step : lowered.steps()) {
            open.stream()
                    .filter(await -> disturbs(step, await.exchange()))
                    .toList()
                    .forEach(this::await);
            if (step instanceof Step.Exchange exchange && exchange.op().axis() == MeshAxis.DATA) {
                makeRoom(exchange);
                open.add(new Step.Await(steps.size(), exchange));
            }
            steps.add(step);
        }
        List.copyOf(open).forEach(this::await);
        return new LoweredGraph(lowered.graph(), lowered.buffers(), steps, lowered.inputs(), lowered.outputs());
    }

    /** Where no kernel has run meanwhile, the exchange may as well hold up the steps behind it. */
    private void await(Step.Await await) {
        open.remove(await);
        if (steps.subList(await.start(), steps.size()).stream().anyMatch(Step.Kernel.class::isInstance)) {
            steps.add(await);
        }
    }

    private void makeRoom(Step.Exchange next) {
        if (holdsMemory(next)) {
            var holding =
                    open.stream().filter(await -> holdsMemory(await.exchange())).toList();
            holding.stream()
                    .limit(Math.max(0, holding.size() - MOST_HOLDING_MEMORY + 1))
                    .forEach(this::await);
        }
    }

    private static boolean holdsMemory(Step.Exchange exchange) {
        return !buffers(exchange.outputs()).containsAll(buffers(exchange.inputs()));
    }

    private static boolean disturbs(Step step, Step.Exchange exchange) {
        var results = buffers(exchange.outputs());
        var operands = buffers(exchange.inputs());
        return step.inputs().stream().anyMatch(view -> results.contains(view.buffer()))
                || step.outputs().stream()
                        .anyMatch(view -> results.contains(view.buffer()) || operands.contains(view.buffer()));
    }

    private static Set<Integer> buffers(List<View> views) {
        var buffers = new HashSet<Integer>();
        views.forEach(view -> buffers.add(view.buffer()));
        return buffers;
    }
}
