package org.clipc.runtime.collective;

import java.lang.foreign.MemorySegment;
import org.clipc.ir.DType;

/** Checks of the memory that a member gives to a collective. */
final class Buffers {

    /** Stands for any thread but the owner of a confined arena. */
    private static final Thread ANOTHER = Thread.ofPlatform().unstarted(() -> {});

    private Buffers() {}

    static void requireReadable(String name, MemorySegment buffer, DType dtype) {
        if (!buffer.isNative()) {
            throw new IllegalArgumentException("'" + name + "' lies in the Java heap; collectives need native memory");
        }
        if (!buffer.scope().isAlive()) {
            throw new IllegalArgumentException("'" + name + "' lies in an arena that is closed");
        }
        if (!buffer.isAccessibleBy(ANOTHER)) {
            throw new IllegalArgumentException(
                    "'" + name + "' is confined to one thread; collectives need memory of a shared arena");
        }
        if (buffer.byteSize() % dtype.bytes() != 0) {
            throw new IllegalArgumentException("'%s' has %d bytes, which is no whole number of %s elements"
                    .formatted(name, buffer.byteSize(), dtype.text()));
        }
        if (buffer.address() % dtype.bytes() != 0) {
            throw new IllegalArgumentException(
                    "'" + name + "' is not aligned to elements of " + dtype.bytes() + " bytes");
        }
    }

    static void requireWritable(String name, MemorySegment buffer, DType dtype) {
        requireReadable(name, buffer, dtype);
        if (buffer.isReadOnly()) {
            throw new IllegalArgumentException("'" + name + "' is read-only");
        }
    }

    static void requireParts(String wholeName, MemorySegment whole, String partName, MemorySegment part, int count) {
        if (whole.byteSize() != Math.multiplyExact(part.byteSize(), (long) count)) {
            throw new IllegalArgumentException("'%s' has %d bytes, which is not %d times the %d of '%s'"
                    .formatted(wholeName, whole.byteSize(), count, part.byteSize(), partName));
        }
    }

    static void requireDisjoint(String name, MemorySegment buffer, String otherName, MemorySegment other) {
        if (buffer.asOverlappingSlice(other).filter(o -> o.byteSize() > 0).isPresent()) {
            throw new IllegalArgumentException("'" + otherName + "' overlaps '" + name + "'");
        }
    }

    static void requireOwnPartOrDisjoint(
            String wholeName, MemorySegment whole, String partName, MemorySegment part, int index) {
        if (part.address() != whole.address() + index * part.byteSize()) {
            requireDisjoint(wholeName, whole, partName, part);
        }
    }
}
