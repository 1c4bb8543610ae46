package org.clipc.runtime.device.program;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;
import org.clipc.ir.DType;
import org.clipc.ir.TensorType;
import org.clipc.program.Manifest;
import org.clipc.program.Schedule;
import org.clipc.program.TensorSlot;
import org.clipc.runtime.device.DeviceTensors;
import org.clipc.runtime.tensor.HostTensor;

/**
 * Ints and flags of an entry point where kernels have an arena for them that is apart from that of floats: an int for each,
 * at the places that the schedule gives.
 *
 * @param host the arena on the host, which is copied to and from the device
 */
public record IntArena(Schedule schedule, MemorySegment host) {

    /** A new tensor on the host. */
    static HostTensor tensor(TensorType type) {
        return new HostTensor(
                DeviceTensors.hostType(type.dtype()),
                DeviceTensors.hostShape(type.shape()),
                Arena.ofAuto().allocate(type.bytes(), Manifest.ALIGNMENT));
    }

    /** @param what names the tensor in messages */
    void write(String what, TensorSlot slot, HostTensor value) {
        var converted = tensor(slot.type());
        DeviceTensors.copy(what, value, slot.type(), converted);
        var place = schedule.places().get(slot.name());
        if (place == null) {
            // No kernel reads it.
            return;
        }
        for (var i = 0L; i < converted.elementCount(); i++) {
            host.setAtIndex(ValueLayout.JAVA_INT, place + i, (int) converted.getLong(i));
        }
    }

    HostTensor read(TensorSlot slot) {
        var place = Objects.requireNonNull(schedule.places().get(slot.name()), slot.name());
        var values = tensor(slot.type());
        for (var i = 0L; i < values.elementCount(); i++) {
            var value = host.getAtIndex(ValueLayout.JAVA_INT, place + i);
            if (slot.type().dtype() == DType.BOOL) {
                values.data().set(ValueLayout.JAVA_BYTE, i, (byte) value);
            } else {
                values.data().setAtIndex(ValueLayout.JAVA_INT, i, value);
            }
        }
        return values;
    }
}
