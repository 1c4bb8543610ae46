package org.clipc.compiler.jvm;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.SequencedMap;
import java.util.SortedMap;
import java.util.function.Consumer;
import java.util.function.Function;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.CallSink.Argument;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.RenderedKernel;
import org.clipc.compiler.kernel.Target;
import org.clipc.compiler.kernel.View;

/**
 * Runs launches of a {@link KernelLab} on a device with two arenas: floats are at the same places, ints one for each byte.
 */
abstract class DeviceLab {

    /** A call, of at least one group. */
    record Call(RenderedKernel kernel, List<Argument> arguments, int groups, int groupSize) {

        String simpleName() {
            return kernel.className().substring(kernel.className().lastIndexOf('.') + 1);
        }
    }

    final KernelLab lab;
    final Target target;

    DeviceLab(KernelLab lab, Target target) {
        this.lab = lab;
        this.target = target;
    }

    /** Runs launches that follow one another, in the way that the lab chose. */
    final void run(List<Launch> launches) {
        var calls = new ArrayList<Call>();
        for (var from = 0; from < launches.size(); ) {
            from += target.plan(launches.subList(from, launches.size()), sink(calls));
        }
        run(launches, calls);
    }

    abstract void run(List<Launch> launches, List<Call> calls);

    private CallSink sink(List<Call> calls) {
        return new CallSink() {
            @Override
            public String target() {
                return target.name();
            }

            @Override
            public int temporary(long bytes) {
                return lab.buffer(bytes);
            }

            @Override
            public void call(
                    RenderedKernel kernel, List<Argument> arguments, int units, int localFloats, int sharedFloats) {
                throw new IllegalArgumentException("this target launches kernels");
            }

            @Override
            public void choose(
                    String name,
                    SequencedMap<String, Consumer<CallSink>> options,
                    SortedMap<Integer, String> defaults) {
                List.copyOf(options.values()).get(lab.option() % options.size()).accept(this);
            }

            @Override
            public void launch(RenderedKernel kernel, List<Argument> arguments, int groups, int groupSize) {
                if (groups > 0) {
                    calls.add(new Call(kernel, arguments, groups, groupSize));
                }
            }
        };
    }

    /** The place of an element in its arena, or a number; what else there is differs between devices. */
    final long resolved(Argument argument) {
        return switch (argument) {
            case Argument.Literal(var literal) -> literal;
            case Argument.Element(var buffer, var index, var dtype) ->
                dtype.isFloat() ? lab.start(buffer) / dtype.bytes() + index : lab.start(buffer) + index;
            case Argument.Constant _, Argument.Address _ ->
                throw new IllegalArgumentException("a kernel takes no " + argument);
        };
    }

    final void copyInputs(List<Launch> launches, MemorySegment ints) {
        ints(launches, Launch::inputs).forEach(view -> DeviceInts.copy(lab, view, ints, true));
    }

    final void copyOutputs(List<Launch> launches, MemorySegment ints) {
        ints(launches, Launch::outputs).forEach(view -> DeviceInts.copy(lab, view, ints, false));
    }

    private static List<View> ints(List<Launch> launches, Function<Launch, List<View>> views) {
        return launches.stream()
                .flatMap(launch -> views.apply(launch).stream())
                .filter(view -> !view.dtype().isFloat())
                .toList();
    }
}
