package org.clipc.runtime.device;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.clipc.ir.DType;
import org.clipc.ir.Shape;
import org.clipc.ir.TensorType;
import org.clipc.program.EntryPoint;
import org.clipc.program.TensorSlot;
import org.clipc.runtime.tensor.HostTensor;
import org.clipc.runtime.tensor.TensorDType;

/** The program's tensor types in the host's terms, and copies from host tensors into a device's memory. */
public final class DeviceTensors {

    private DeviceTensors() {}

    public static TensorDType hostType(DType dtype) {
        return switch (dtype) {
            case F32 -> TensorDType.F32;
            case BF16 -> TensorDType.BF16;
            case F16 -> TensorDType.F16;
            case I32 -> TensorDType.I32;
            case BOOL -> TensorDType.BOOL;
        };
    }

    /** @throws IllegalArgumentException if no program has tensors of this type */
    static DType deviceType(TensorDType dtype) {
        return Arrays.stream(DType.values())
                .filter(type -> hostType(type) == dtype)
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("programs have no " + dtype));
    }

    public static List<Long> hostShape(Shape shape) {
        return shape.dims().stream().map(Integer::longValue).toList();
    }

    /** Such as {@code f32[2,3]}. */
    public static String describe(HostTensor tensor) {
        var type = tensor.dtype().name().toLowerCase(Locale.ROOT);
        return type + tensor.shape().toString().replace(" ", "");
    }

    /**
     * Copies {@code value} into {@code target}, a view of device memory, converting its element type.
     *
     * @param what names the tensor in messages
     * @throws DeviceException if the shapes differ, or integers are asked for and {@code value} holds others
     */
    public static void copy(String what, HostTensor value, TensorType type, HostTensor target) {
        requireType(what, value, type);
        value.copyTo(target);
    }

    /**
     * That a host tensor can become one of a program.
     *
     * @param what names the tensor in messages
     * @throws DeviceException if the shapes differ, or integers are asked for and {@code value} holds others
     */
    public static void requireType(String what, HostTensor value, TensorType type) {
        var shape = hostShape(type.shape());
        var sameShape = value.shape().equals(shape) || (shape.isEmpty() && value.elementCount() == 1);
        if (!sameShape) {
            throw new DeviceException(what + " must be " + type + ", not " + describe(value));
        }
        if (hostType(type.dtype()) == TensorDType.I32) {
            requireInts(what, value, type);
        }
    }

    /**
     * That a tensor has the elements to set.
     *
     * @param from index of the first
     * @throws DeviceException if it has not
     */
    public static void requirePart(TensorSlot slot, long from, HostTensor part) {
        var count = part.elementCount();
        if (from < 0 || from > slot.type().elements() - count) {
            throw new DeviceException("'" + slot.name() + "' is " + slot.type() + ": it has no " + count
                    + " elements from " + from + " on");
        }
    }

    /**
     * That inputs are those of an entry point, by name.
     *
     * @throws DeviceException if one is missing or unknown
     */
    public static void requireInputs(EntryPoint entry, Map<String, HostTensor> inputs) {
        for (var slot : entry.inputs()) {
            if (!inputs.containsKey(slot.name())) {
                throw new DeviceException("entry point '" + entry.name() + "' needs the input '" + slot.name() + "' ("
                        + slot.type() + ")");
            }
        }
        for (var name : inputs.keySet()) {
            if (entry.input(name).isEmpty()) {
                throw new DeviceException("entry point '" + entry.name() + "' has no input '" + name + "', only "
                        + entry.inputs().stream().map(TensorSlot::name).collect(Collectors.joining(", ")));
            }
        }
    }

    private static void requireInts(String what, HostTensor value, TensorType type) {
        if (value.dtype().isFloat()) {
            throw new DeviceException(what + " must be " + type + " (whole numbers), not " + describe(value));
        }
        if (value.dtype() == TensorDType.I64) {
            for (var i = 0L; i < value.elementCount(); i++) {
                var number = value.getLong(i);
                if (number != (int) number) {
                    throw new DeviceException(what + " has the element " + number + ", which does not fit " + type);
                }
            }
        }
    }
}
