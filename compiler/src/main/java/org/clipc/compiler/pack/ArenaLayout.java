package org.clipc.compiler.pack;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.ToLongFunction;
import org.clipc.compiler.kernel.CallSink.Argument;
import org.clipc.compiler.kernel.View;
import org.clipc.compiler.lower.Buffer;
import org.clipc.compiler.lower.Step;
import org.clipc.ir.DType;
import org.clipc.ir.InputKind;
import org.clipc.ir.Op;
import org.clipc.ir.ReduceFn;
import org.clipc.ir.TensorType;
import org.clipc.program.AwaitCall;
import org.clipc.program.Call;
import org.clipc.program.CollectiveCall;
import org.clipc.program.CollectiveCall.Kind;
import org.clipc.program.EntryPoint;
import org.clipc.program.KernelCall;
import org.clipc.program.Manifest;
import org.clipc.program.Parameter;
import org.clipc.program.Schedule;
import org.clipc.program.TensorSlot;

/**
 * Where everything lies in the arena: parameters, then the workspace that all entry points share, then state, and what
 * entry points of a step carry on to each other.
 */
final class ArenaLayout {

    private final Map<String, Long> parameters = new LinkedHashMap<>();
    private final Map<String, TensorSlot> state;
    private final Map<String, TensorSlot> carried;
    private final long parameterBytes;
    private final long workspaceBytes;
    private final long stateBytes;

    ArenaLayout(List<Parameter> all, List<CompiledEntry> entries) {
        var end = 0L;
        for (var parameter : all) {
            parameters.put(parameter.name(), end);
            end += Manifest.align(parameter.type().bytes());
        }
        parameterBytes = end;
        workspaceBytes = entries.stream().mapToLong(e -> e.plan().bytes()).max().orElse(0);
        var stateStart = parameterBytes + workspaceBytes;
        state = slots(entries, InputKind.STATE, stateStart);
        carried = slots(entries, InputKind.CARRIED, end(state, stateStart));
        stateBytes = end(carried, end(state, stateStart)) - stateStart;
    }

    private static Map<String, TensorSlot> slots(List<CompiledEntry> entries, InputKind kind, long start) {
        var slots = new LinkedHashMap<String, TensorSlot>();
        var end = start;
        for (var entry : entries) {
            for (var input : entry.graph().inputs()) {
                if (input.kind() == kind && !slots.containsKey(input.name())) {
                    slots.put(input.name(), new TensorSlot(input.name(), input.type(), end));
                    end += Manifest.align(input.type().bytes());
                }
            }
        }
        return slots;
    }

    private static long end(Map<String, TensorSlot> slots, long start) {
        return slots.values().stream()
                .mapToLong(slot -> slot.offset() + Manifest.align(slot.type().bytes()))
                .max()
                .orElse(start);
    }

    long parameterBytes() {
        return parameterBytes;
    }

    long workspaceBytes() {
        return workspaceBytes;
    }

    long stateBytes() {
        return stateBytes;
    }

    List<TensorSlot> state() {
        return List.copyOf(state.values());
    }

    List<TensorSlot> carried() {
        return List.copyOf(carried.values());
    }

    long parameter(String name) {
        return Objects.requireNonNull(parameters.get(name), name);
    }

    /** The inputs that a caller writes, and the outputs that updates of parameters and state are not. */
    EntryPoint entryPoint(CompiledEntry entry) {
        var offsets = offsets(entry);
        var lowered = entry.lowered();
        var inputs = entry.graph().inputs().stream()
                .filter(input -> input.kind() == InputKind.DATA || input.kind() == InputKind.SCALAR)
                .map(input -> slot(
                        input.name(),
                        input.type(),
                        Objects.requireNonNull(lowered.inputs().get(input.name()))
                                .buffer(),
                        offsets))
                .toList();
        var outputs = entry.graph().outputs().stream()
                .filter(output -> output.updates() == null)
                .map(output -> slot(
                        output.name(),
                        entry.graph().type(output.value()),
                        Objects.requireNonNull(lowered.outputs().get(output.name()))
                                .buffer(),
                        offsets))
                .toList();
        return new EntryPoint(entry.name(), entry.batch(), inputs, outputs);
    }

    private static TensorSlot slot(String name, TensorType type, int buffer, Map<Integer, Long> offsets) {
        return new TensorSlot(name, type, Objects.requireNonNull(offsets.get(buffer), name));
    }

    Schedule schedule(CompiledEntry entry, String target) {
        var offsets = offsets(entry);
        var lowered = entry.lowered();
        var planned = entry.target(target);
        var arenas = new DeviceArenas(entry, planned);
        var calls = planned.calls().stream()
                .map(call -> switch (call) {
                    case TargetCalls.KernelUse use ->
                        (Call) new KernelCall(
                                use.kernel(),
                                resolve(use, entry, offsets, arenas),
                                use.units(),
                                use.groupSize(),
                                use.localFloats(),
                                use.sharedFloats(),
                                lowered.steps().get(use.step()).node(),
                                use.cost().flops(),
                                use.cost().bytes());
                    case TargetCalls.RankExchange(var _, var exchange) -> {
                        var dtype = exchange.inputs().getFirst().dtype();
                        yield planned.hasArenaOfInts() && !dtype.isFloat()
                                ? collective(exchange, DType.I32, arenas::offset)
                                : collective(exchange, dtype, view -> place(view, offsets));
                    }
                    case TargetCalls.ExchangeEnd(var _, var await, var started) -> new AwaitCall(started, await.node());
                })
                .toList();
        var choices = Choices.of(planned.sites(), calls, call -> resolve(call, entry, offsets, arenas));
        return new Schedule(
                entry.name(),
                target,
                entry.plan().bytes(),
                arenas.ints(),
                arenas.named(),
                arenas.constants(),
                calls,
                choices);
    }

    private static List<Long> resolve(
            TargetCalls.KernelUse call, CompiledEntry entry, Map<Integer, Long> offsets, DeviceArenas arenas) {
        return call.arguments().stream()
                .map(argument -> resolve(argument, call, entry, offsets, arenas))
                .toList();
    }

    /** @param places byte offsets of views in the arena where they lie */
    private static CollectiveCall collective(Step.Exchange exchange, DType dtype, ToLongFunction<View> places) {
        var tensors = new ArrayList<CollectiveCall.Exchanged>();
        for (var i = 0; i < exchange.inputs().size(); i++) {
            var from = exchange.inputs().get(i);
            var to = exchange.outputs().get(i);
            tensors.add(
                    new CollectiveCall.Exchanged(places.applyAsLong(from), places.applyAsLong(to), from.elements()));
        }
        return switch (exchange.op()) {
            case Op.AllReduce(var axis, var fn, var _) ->
                new CollectiveCall(Kind.ALL_REDUCE, axis, fn, dtype, 0, tensors, exchange.node());
            case Op.AllGather(var axis, var _, var _, var _) ->
                new CollectiveCall(Kind.ALL_GATHER, axis, ReduceFn.SUM, dtype, 0, tensors, exchange.node());
            case Op.ReduceScatter(var axis, var _, var _, var _) ->
                new CollectiveCall(Kind.REDUCE_SCATTER, axis, ReduceFn.SUM, dtype, 0, tensors, exchange.node());
            case Op.Permute(var axis, var _, var shift) ->
                new CollectiveCall(Kind.PERMUTE, axis, ReduceFn.SUM, dtype, shift, tensors, exchange.node());
        };
    }

    private static long place(View view, Map<Integer, Long> offsets) {
        return Objects.requireNonNull(offsets.get(view.buffer()))
                + view.offset() * view.dtype().bytes();
    }

    private static long resolve(
            Argument argument,
            TargetCalls.KernelUse call,
            CompiledEntry entry,
            Map<Integer, Long> offsets,
            DeviceArenas arenas) {
        return switch (argument) {
            case Argument.Literal(var value) -> value;
            case Argument.Address(var buffer, var bytes) -> start(buffer, call, entry, offsets) + bytes;
            case Argument.Element element ->
                element.dtype().isFloat()
                        ? start(element.buffer(), call, entry, offsets)
                                        / element.dtype().bytes()
                                + element.index()
                        : arenas.index(element);
            case Argument.Constant constant -> arenas.index(constant);
        };
    }

    private static long start(int buffer, TargetCalls.KernelUse call, CompiledEntry entry, Map<Integer, Long> offsets) {
        var own = entry.lowered().buffers().size();
        if (buffer < own) {
            return Objects.requireNonNull(offsets.get(buffer));
        }
        var block = CompiledEntry.temporaries(entry.lowered(), call.step());
        return Objects.requireNonNull(offsets.get(block)) + call.temporaries().get(buffer - own);
    }

    /** Byte offset in the arena by buffer id. */
    private Map<Integer, Long> offsets(CompiledEntry entry) {
        var offsets = new HashMap<Integer, Long>();
        entry.plan().offsets().forEach((buffer, offset) -> offsets.put(buffer, parameterBytes + offset));
        for (var buffer : entry.lowered().buffers()) {
            if (buffer.role() == Buffer.Role.PARAMETER) {
                offsets.put(buffer.id(), parameter(buffer.name()));
            } else if (buffer.role() == Buffer.Role.STATE) {
                offsets.put(
                        buffer.id(),
                        Objects.requireNonNull(state.getOrDefault(buffer.name(), carried.get(buffer.name())))
                                .offset());
            }
        }
        return offsets;
    }
}
