package org.clipc.compiler.pack;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.clipc.compiler.kernel.CallSink.Argument;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.DType;

/**
 * What a target with an arena for each element type needs besides the common layout: where tensors of ints and bools lie
 * in the arena of ints, and the constants of the calls. Ints are few, token ids above all, so each buffer has its place to
 * itself.
 */
final class DeviceArenas {

    private final Map<Integer, Integer> places = new LinkedHashMap<>();
    private final Map<String, Integer> named = new LinkedHashMap<>();
    private final LinkedHashSet<Float> constants = new LinkedHashSet<>();
    private final List<Float> ordered;
    private int ints;

    DeviceArenas(CompiledEntry entry, TargetCalls calls) {
        for (var call : calls.calls()) {
            switch (call) {
                case TargetCalls.KernelUse use -> place(entry, use);
                case TargetCalls.RankExchange(var _, var exchange) -> {
                    if (calls.hasArenaOfInts()) {
                        exchange.inputs().forEach(view -> place(entry, view.buffer(), view.dtype()));
                        exchange.outputs().forEach(view -> place(entry, view.buffer(), view.dtype()));
                    }
                }
                case TargetCalls.ExchangeEnd _ -> {}
            }
        }
        ordered = new ArrayList<>(constants);
        for (var views : List.of(entry.lowered().inputs(), entry.lowered().outputs())) {
            views.forEach((name, view) -> {
                if (places.containsKey(view.buffer()) && !view.dtype().isFloat()) {
                    named.put(name, Objects.requireNonNull(places.get(view.buffer())));
                }
            });
        }
    }

    private void place(CompiledEntry entry, TargetCalls.KernelUse call) {
        for (var argument : call.arguments()) {
            switch (argument) {
                case Argument.Element(var buffer, var _, var dtype) -> place(entry, buffer, dtype);
                case Argument.Constant(var value) -> constants.add(value);
                case Argument.Address _, Argument.Literal _ -> {}
            }
        }
    }

    private void place(CompiledEntry entry, int buffer, DType dtype) {
        if (!dtype.isFloat() && !places.containsKey(buffer)) {
            places.put(buffer, ints);
            // An element takes at least a byte of the buffer.
            ints = Math.addExact(
                    ints, Math.toIntExact(entry.lowered().buffers().get(buffer).bytes()));
        }
    }

    /** Index of an element in the arena of ints. */
    long index(Argument.Element element) {
        return Objects.requireNonNull(places.get(element.buffer())) + element.index();
    }

    /** Byte offset of a dense view in the arena of ints. */
    long offset(View view) {
        return (Objects.requireNonNull(places.get(view.buffer())) + view.offset()) * Integer.BYTES;
    }

    long index(Argument.Constant constant) {
        return ordered.indexOf(constant.value());
    }

    int ints() {
        return ints;
    }

    /** First element of each input and output that lies in the arena of ints. */
    Map<String, Integer> named() {
        return named;
    }

    List<Float> constants() {
        return ordered;
    }
}
