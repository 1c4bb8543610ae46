package org.clipc.compiler.jvm;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.CallSink.Argument;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.RenderedKernel;
import org.clipc.compiler.kernel.Target;

/** Runs launches of a {@link KernelLab} by {@link CudaEmulator}: floats where they are, ints one for each byte. */
final class CudaLab {

    private record Call(String name, RenderedKernel kernel, List<Argument> arguments, int groups, int groupSize) {

        String source() {
            return Objects.requireNonNull(kernel.prebuilt())
                    .apply(kernel.source().get());
        }
    }

    private final KernelLab lab;
    private final Target target;

    CudaLab(KernelLab lab, Target target) {
        this.lab = lab;
        this.target = target;
    }

    void run(Launch launch) {
        var calls = new ArrayList<Call>();
        target.plan(launch, new CallSink() {
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
            public void choose(String name, SequencedMap<String, Consumer<CallSink>> options) {
                List.copyOf(options.values()).get(lab.option() % options.size()).accept(this);
            }

            @Override
            public void launch(RenderedKernel kernel, List<Argument> arguments, int groups, int groupSize) {
                if (groups == 0) {
                    return;
                }
                var name = kernel.className().substring(kernel.className().lastIndexOf('.') + 1);
                calls.add(new Call(name, kernel, arguments, groups, groupSize));
            }
        });
        var sources = new TreeMap<String, String>();
        calls.forEach(call -> sources.computeIfAbsent(call.name, _ -> call.source()));
        CudaEmulator.compile(sources);
        try (var scope = Arena.ofConfined()) {
            var ints = scope.allocate(lab.used() * Integer.BYTES, Long.BYTES);
            var inputs = launch.inputs().stream().filter(view -> !view.dtype().isFloat());
            inputs.forEach(view -> DeviceInts.copy(lab, view, ints, true));
            for (var call : calls) {
                CudaEmulator.run(call.name, lab.arena(), ints, arguments(call, scope), call.groups, call.groupSize);
            }
            var outputs = launch.outputs().stream().filter(view -> !view.dtype().isFloat());
            outputs.forEach(view -> DeviceInts.copy(lab, view, ints, false));
        }
    }

    private MemorySegment arguments(Call call, Arena scope) {
        var args = scope.allocate((call.arguments.size() + 1) * (long) Long.BYTES, Long.BYTES);
        for (var i = 0; i < call.arguments.size(); i++) {
            var value = switch (call.arguments.get(i)) {
                case Argument.Literal(var literal) -> literal;
                case Argument.Element(var buffer, var index, var dtype) ->
                    dtype.isFloat() ? lab.start(buffer) / dtype.bytes() + index : lab.start(buffer) + index;
                case Argument.Constant _, Argument.Address _ ->
                    throw new IllegalArgumentException("a kernel takes no " + call.arguments);
            };
            args.setAtIndex(ValueLayout.JAVA_LONG, i, value);
        }
        return args;
    }
}
