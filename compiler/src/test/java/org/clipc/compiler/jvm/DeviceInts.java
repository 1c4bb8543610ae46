package org.clipc.compiler.jvm;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.DType;

/** Tensors of ints and bools in a device's arena of ints. */
final class DeviceInts {

    private DeviceInts() {}

    /** Between the lab's arena and the device's, where an element's index is that of its buffer's first byte and its own. */
    static void copy(KernelLab lab, View view, MemorySegment ints, boolean toDevice) {
        for (var e = 0; e < view.elements(); e++) {
            var at = lab.address(view, e);
            var place = lab.start(view.buffer())
                    + (at - lab.start(view.buffer())) / view.dtype().bytes();
            if (toDevice) {
                var value = view.dtype() == DType.I32
                        ? lab.arena().get(ValueLayout.JAVA_INT, at)
                        : lab.arena().get(ValueLayout.JAVA_BYTE, at);
                ints.setAtIndex(ValueLayout.JAVA_INT, place, value);
            } else {
                var value = ints.getAtIndex(ValueLayout.JAVA_INT, place);
                if (view.dtype() == DType.I32) {
                    lab.arena().set(ValueLayout.JAVA_INT, at, value);
                } else {
                    lab.arena().set(ValueLayout.JAVA_BYTE, at, (byte) value);
                }
            }
        }
    }
}
