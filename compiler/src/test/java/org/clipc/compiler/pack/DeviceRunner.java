package org.clipc.compiler.pack;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.clipc.ir.TensorType;
import org.clipc.ir.interp.Tensor64;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.tensor.HostTensor;

/** Runs programs of devices on the interpreter's tensors. */
final class DeviceRunner {

    private DeviceRunner() {}

    /** All outputs, and parameters and state as they are then, as {@code next.} and their name. */
    static Map<String, Tensor64> run(DeviceProgram program, String entry, Map<String, Tensor64> inputs) {
        var manifest = program.manifest();
        manifest.parameters().forEach(p -> program.write(p.name(), host(inputs, p.name())));
        manifest.state().forEach(s -> program.write(s.name(), host(inputs, s.name())));
        var given = new LinkedHashMap<String, HostTensor>();
        manifest.entry(entry).inputs().stream()
                // A rank knows where it stands.
                .filter(s -> inputs.containsKey(s.name()))
                .forEach(s -> given.put(s.name(), host(inputs, s.name())));
        var results = new LinkedHashMap<String, Tensor64>();
        program.run(entry, given)
                .forEach((name, tensor) -> results.put(
                        name,
                        tensor64(
                                tensor,
                                manifest.entry(entry).outputs().stream()
                                        .filter(slot -> slot.name().equals(name))
                                        .findFirst()
                                        .orElseThrow()
                                        .type())));
        manifest.parameters().forEach(p -> results.put("next." + p.name(), tensor64(program.read(p.name()), p.type())));
        manifest.state().forEach(s -> results.put("next." + s.name(), tensor64(program.read(s.name()), s.type())));
        return results;
    }

    private static HostTensor host(Map<String, Tensor64> inputs, String name) {
        var tensor = Objects.requireNonNull(inputs.get(name), name);
        var shape = tensor.type().shape().dims().stream().mapToLong(d -> d).toArray();
        return tensor.type().dtype().isFloat()
                ? HostTensor.of(tensor.data(), shape)
                : HostTensor.of(
                        Arrays.stream(tensor.data()).mapToInt(v -> (int) v).toArray(), shape);
    }

    private static Tensor64 tensor64(HostTensor tensor, TensorType type) {
        var result = Tensor64.zeros(type);
        for (var i = 0; i < result.size(); i++) {
            result.data()[i] = type.dtype().isFloat() ? tensor.getDouble(i) : tensor.getLong(i);
        }
        return result;
    }
}
