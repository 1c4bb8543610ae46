package org.clipc.compiler.pack;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.RenderedKernel;
import org.clipc.compiler.kernel.Target;
import org.clipc.compiler.lower.LoweredGraph;
import org.clipc.compiler.lower.Step;
import org.clipc.compiler.memory.MemoryPlan;

/**
 * The calls that one target makes of a lowered graph. Temporaries of a launch share one block of memory, which lives for
 * that launch.
 *
 * @param temporaryBytes by step: size of the block
 */
record TargetCalls(String target, List<Call> calls, List<Long> temporaryBytes) {

    /** A call whose addresses are not known yet. */
    sealed interface Call {

        int step();
    }

    /** Of a kernel. */
    record KernelUse(
            int step,
            String kernel,
            List<CallSink.Argument> arguments,
            int units,
            int groupSize,
            int localFloats,
            int sharedFloats,
            List<Long> temporaries)
            implements Call {}

    /** Between ranks. */
    record RankExchange(int step, Step.Exchange exchange) implements Call {}

    List<KernelUse> kernelUses() {
        return calls.stream()
                .filter(KernelUse.class::isInstance)
                .map(KernelUse.class::cast)
                .toList();
    }

    /** @param kernels by class name, to which those called are added */
    static TargetCalls plan(Target target, LoweredGraph lowered, Map<String, RenderedKernel> kernels) {
        var calls = new ArrayList<Call>();
        var bytes = new ArrayList<Long>();
        for (var s = 0; s < lowered.steps().size(); s++) {
            var sink = new Collector(target.name(), s, lowered.buffers().size(), kernels, calls);
            switch (lowered.steps().get(s)) {
                case Step.Kernel(var _, var launch) -> target.plan(launch, sink);
                case Step.Exchange exchange -> calls.add(new RankExchange(s, exchange));
            }
            bytes.add(sink.used);
        }
        return new TargetCalls(target.name(), calls, bytes);
    }

    private static final class Collector implements CallSink {

        private final String target;
        private final int step;
        private final int firstTemporary;
        private final Map<String, RenderedKernel> kernels;
        private final List<Call> calls;
        private final List<Long> temporaries = new ArrayList<>();
        private long used;

        Collector(String target, int step, int firstTemporary, Map<String, RenderedKernel> kernels, List<Call> calls) {
            this.target = target;
            this.step = step;
            this.firstTemporary = firstTemporary;
            this.kernels = kernels;
            this.calls = calls;
        }

        @Override
        public String target() {
            return target;
        }

        @Override
        public int temporary(long bytes) {
            temporaries.add(used);
            used += MemoryPlan.align(bytes);
            return firstTemporary + temporaries.size() - 1;
        }

        @Override
        public void call(
                RenderedKernel kernel, List<Argument> arguments, int units, int localFloats, int sharedFloats) {
            kernels.putIfAbsent(kernel.className(), kernel);
            // The list of temporaries is shared on purpose: later ones have higher numbers.
            calls.add(new KernelUse(
                    step,
                    kernel.className(),
                    List.copyOf(arguments),
                    units,
                    1,
                    localFloats,
                    sharedFloats,
                    temporaries));
        }

        @Override
        public void launch(RenderedKernel kernel, List<Argument> arguments, int groups, int groupSize) {
            kernels.putIfAbsent(kernel.className(), kernel);
            calls.add(new KernelUse(
                    step, kernel.className(), List.copyOf(arguments), groups, groupSize, 0, 0, temporaries));
        }
    }
}
