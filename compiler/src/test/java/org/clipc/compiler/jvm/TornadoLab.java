package org.clipc.compiler.jvm;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.clipc.compiler.kernel.CallSink.Argument;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.Target;
import org.clipc.runtime.device.tornado.TornadoGraph;
import org.clipc.runtime.device.tornado.TornadoPlan;
import org.clipc.runtime.device.tornado.TornadoVm;
import org.clipc.runtime.device.tornado.TornadoVm.DeviceArray;

/** Runs launches on a device of TornadoVM. */
final class TornadoLab extends DeviceLab {

    private static final Map<String, Object> KERNELS = new HashMap<>();
    private static final TestClasses LOADER = new TestClasses();

    TornadoLab(KernelLab lab, Target target) {
        super(lab, target);
    }

    @Override
    void run(List<Launch> launches, List<Call> calls) {
        var receive = target.runtimeKernels().stream()
                .filter(kernel -> kernel.className().endsWith(".Receive"))
                .findFirst()
                .orElseThrow();
        var all = new ArrayList<>(calls);
        all.addFirst(new Call(receive, List.of(new Argument.Literal(0), new Argument.Literal(1)), 1, 256));
        compile(all);
        try (var scope = Arena.ofShared()) {
            run(launches, all, scope);
        }
    }

    private void run(List<Launch> launches, List<Call> calls, Arena scope) {
        var vm = TornadoVm.get();
        var bytes = lab.used();
        var floats = vm.floats(scope.allocate(vm.bytes(bytes / Float.BYTES), 128));
        var ints = vm.ints(scope.allocate(vm.bytes(bytes), 128));
        MemorySegment.copy(lab.arena(), 0, floats.host(), 0, bytes);
        copyInputs(launches, ints.host());
        var constants = new LinkedHashSet<Float>();
        calls.forEach(call -> call.arguments().forEach(argument -> {
            if (argument instanceof Argument.Constant(var value)) {
                constants.add(value);
            }
        }));
        var numbers = vm.floats(scope.allocate(vm.bytes(constants.size() + 1), 128));
        var ordered = List.copyOf(constants);
        for (var i = 0; i < ordered.size(); i++) {
            numbers.host().setAtIndex(ValueLayout.JAVA_FLOAT, i, ordered.get(i));
        }
        var graphs = new ArrayList<TornadoGraph>();
        for (var call : calls) {
            var args = arguments(vm, call, ordered, scope);
            var graph = new TornadoGraph(vm);
            graph = graphs.isEmpty()
                    ? graph.upload(floats, ints, numbers, args)
                    : graph.consume(floats, ints, numbers).upload(args);
            var prebuilt =
                    target instanceof TestTargets.Prebuilt || !call.kernel().hasClass()
                            ? call.kernel().prebuilt()
                            : null;
            if (prebuilt == null) {
                var kernel = Objects.requireNonNull(KERNELS.get(call.kernel().className()));
                graph.task(kernel, call.groups(), call.groupSize(), floats, ints, args, numbers);
            } else {
                var name = call.simpleName();
                var file = write(
                        name,
                        vm.headerBytes(),
                        prebuilt.apply(call.kernel().source().get()));
                graph.prebuiltTask(name, file, call.groups(), call.groupSize(), floats, ints, args, numbers);
            }
            graphs.add(graph.persist(floats, ints, numbers));
        }
        graphs.getLast().download(floats, ints);
        try (var plan = new TornadoPlan(vm, graphs, vm.devices().getFirst())) {
            graphs.forEach(plan::run);
        }
        MemorySegment.copy(floats.host(), 0, lab.arena(), 0, bytes);
        copyOutputs(launches, ints.host());
    }

    private static Path write(String kernel, long headerBytes, String source) {
        try {
            var file = Files.createTempFile(kernel, ".cl");
            file.toFile().deleteOnExit();
            return Files.writeString(file, "#define HEADER " + headerBytes + "\n" + source);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private DeviceArray arguments(TornadoVm vm, Call call, List<Float> constants, Arena scope) {
        var args = vm.ints(scope.allocate(vm.bytes(call.arguments().size() + 1), 128));
        for (var i = 0; i < call.arguments().size(); i++) {
            var argument = call.arguments().get(i);
            var value = argument instanceof Argument.Constant(var constant)
                    ? constants.indexOf(constant)
                    : resolved(argument);
            args.host().setAtIndex(ValueLayout.JAVA_INT, i, Math.toIntExact(value));
        }
        return args;
    }

    private void compile(List<Call> calls) {
        var sources = new TreeMap<String, String>();
        for (var call : calls) {
            if (call.kernel().hasClass() && !KERNELS.containsKey(call.kernel().className())) {
                sources.put(call.kernel().className(), call.kernel().source().get());
            }
        }
        var classFiles = JvmKernelCompiler.compile(sources, target.classPath());
        classFiles.forEach(LOADER::add);
        for (var name : classFiles.keySet()) {
            try {
                KERNELS.put(name, LOADER.find(name).getConstructor().newInstance());
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
