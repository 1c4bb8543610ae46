package org.clipc.compiler.memory;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.clipc.compiler.kernel.SummedFactor;
import org.clipc.compiler.kernel.View;
import org.clipc.compiler.lower.Buffer;
import org.clipc.compiler.lower.LoweredGraph;
import org.clipc.compiler.lower.Step;

/** When each workspace buffer of a lowered graph holds something that is still wanted. */
public final class Lifetimes {

    private Lifetimes() {}

    /** One interval per workspace buffer that is used at all, in order of ids. */
    public static List<Interval> of(LoweredGraph lowered) {
        var count = lowered.buffers().size();
        var first = new int[count];
        var last = new int[count];
        Arrays.fill(first, Integer.MAX_VALUE);
        Arrays.fill(last, -1);
        for (var input : lowered.inputs().values()) {
            first[input.buffer()] = -1;
        }
        for (var s = 0; s < lowered.steps().size(); s++) {
            var step = lowered.steps().get(s);
            for (var view : step.inputs()) {
                use(view, s, first, last);
            }
            for (var view : step.outputs()) {
                use(view, begin(lowered, s), first, last);
                use(view, s, first, last);
            }
        }
        for (var output : lowered.outputs().values()) {
            use(output, lowered.steps().size(), first, last);
        }
        var intervals = new ArrayList<Interval>();
        for (var buffer : lowered.buffers()) {
            var id = buffer.id();
            if (buffer.role() == Buffer.Role.WORKSPACE && first[id] != Integer.MAX_VALUE) {
                intervals.add(new Interval(id, buffer.name(), buffer.bytes(), first[id], last[id]));
            }
        }
        return intervals;
    }

    /** The step that may write what a step computes: the one before, where that is a product of what this one sums. */
    private static int begin(LoweredGraph lowered, int step) {
        var sums = step > 0
                && lowered.steps().get(step - 1) instanceof Step.Kernel(var _, var product)
                && lowered.steps().get(step) instanceof Step.Kernel(var _, var launch)
                && SummedFactor.of(product, launch).isPresent();
        return sums ? step - 1 : step;
    }

    private static void use(View view, int step, int[] first, int[] last) {
        first[view.buffer()] = Math.min(first[view.buffer()], step);
        last[view.buffer()] = Math.max(last[view.buffer()], step);
    }
}
