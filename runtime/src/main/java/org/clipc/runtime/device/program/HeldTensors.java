package org.clipc.runtime.device.program;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.clipc.program.Manifest;
import org.clipc.program.Parameter;
import org.clipc.program.Schedule;
import org.clipc.program.TensorSlot;
import org.clipc.program.TrainingStep;
import org.clipc.runtime.device.DeviceException;

/**
 * What a device holds of a program's arena for some of its entry points: parameters and as much workspace as these take,
 * and where they train, what lies behind.
 *
 * @param bytes of the arena's beginning
 * @param tensors parameters, and the optimizer's state and what entry points hand on if they are held, by name
 * @param cleared of these, the optimizer's state but for masters of parameters
 */
public record HeldTensors(long bytes, Map<String, TensorSlot> tensors, List<TensorSlot> cleared) {

    public HeldTensors {
        tensors = Map.copyOf(tensors);
        cleared = List.copyOf(cleared);
    }

    /** What entry points with these schedules need: the optimizer's state only if one of them trains. */
    public static HeldTensors of(Manifest manifest, List<Schedule> schedules) {
        var tensors = new HashMap<String, TensorSlot>();
        for (var p : manifest.parameters()) {
            tensors.put(p.name(), new TensorSlot(p.name(), p.type(), p.offset()));
        }
        if (schedules.stream().noneMatch(s -> TrainingStep.needsState(s.entry()))) {
            var workspace =
                    schedules.stream().mapToLong(Schedule::workspaceBytes).max().orElse(0);
            return new HeldTensors(manifest.workspaceOffset() + workspace, tensors, List.of());
        }
        manifest.state().forEach(slot -> tensors.put(slot.name(), slot));
        manifest.carried().forEach(slot -> tensors.put(slot.name(), slot));
        var cleared = manifest.state().stream()
                .filter(slot -> !slot.name().startsWith(Parameter.MASTER))
                .toList();
        return new HeldTensors(manifest.arenaBytes(), tensors, cleared);
    }

    /** @throws DeviceException if there is no such tensor, or it is not held */
    public TensorSlot slot(String tensor) {
        var slot = tensors.get(tensor);
        if (slot == null) {
            throw new DeviceException("the program has no parameter or loaded state '" + tensor + "'");
        }
        return slot;
    }
}
