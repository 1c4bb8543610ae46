package org.clipc.runtime.collective;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import org.clipc.ir.DType;
import org.clipc.runtime.tensor.Bfloat16;

/**
 * Compares what a group's operations leave in each member's memory, to the bit, with what their definitions say. Every
 * member knows every other's data, which come of a hash.
 */
final class OperationChecks {

    private static final List<DType> REDUCIBLE = List.of(DType.F32, DType.BF16, DType.I32);
    private static final int GUARD = 64;
    private static final byte UNTOUCHED = 0x5a;

    private final Group group;
    /** Relative to the sum of magnitudes; 0 for the same bits. */
    private final double tolerance;

    private int seed;

    OperationChecks(Group group, double tolerance) {
        this.group = group;
        this.tolerance = tolerance;
    }

    /** Every operation on every type, in place and not. */
    void run(int elements) {
        for (var dtype : DType.values()) {
            allGather(dtype, elements, true);
            allGather(dtype, elements, false);
            for (var root = 0; root < group.size(); root++) {
                broadcast(dtype, elements, root);
            }
            for (var distance = 0; distance < group.size(); distance++) {
                exchange(dtype, elements, distance);
            }
        }
        for (var dtype : REDUCIBLE) {
            for (var reduction : Reduction.values()) {
                allReduce(dtype, reduction, elements);
                reduceScatter(dtype, reduction, elements, true);
                reduceScatter(dtype, reduction, elements, false);
            }
        }
        group.barrier();
    }

    private void allReduce(DType dtype, Reduction reduction, int elements) {
        seed++;
        try (var arena = Arena.ofShared()) {
            var data = new Buffer(arena, dtype, own(dtype, elements));
            group.allReduce(data.segment, dtype, reduction);
            requireReduced("all-reduce", data, reduction, 0, elements);
        }
    }

    private void reduceScatter(DType dtype, Reduction reduction, int elements, boolean inPlace) {
        seed++;
        try (var arena = Arena.ofShared()) {
            var before = own(dtype, elements * group.size());
            var send = new Buffer(arena, dtype, before);
            var first = group.rank() * elements;
            var receive = inPlace ? send.part(first, elements) : new Buffer(arena, dtype, new int[elements]);
            group.reduceScatter(send.segment, receive.segment, dtype, reduction);
            requireReduced("reduce-scatter", receive, reduction, first, before.length);
            if (inPlace) {
                // All but the result is kept.
                System.arraycopy(receive.contents(), 0, before, first, elements);
            }
            requireSame("reduce-scatter's source", before, send);
        }
    }

    private void allGather(DType dtype, int elements, boolean inPlace) {
        seed++;
        try (var arena = Arena.ofShared()) {
            var receive = new Buffer(arena, dtype, new int[elements * group.size()]);
            var send = inPlace
                    ? receive.part(group.rank() * elements, elements)
                    : new Buffer(arena, dtype, new int[elements]);
            send.write(own(dtype, elements));
            group.allGather(send.segment, receive.segment, dtype);
            for (var member = 0; member < group.size(); member++) {
                requireSame("all-gather", of(member, dtype, elements), receive.part(member * elements, elements));
            }
            requireSame("all-gather's source", own(dtype, elements), send);
        }
    }

    private void broadcast(DType dtype, int elements, int root) {
        seed++;
        try (var arena = Arena.ofShared()) {
            var data = new Buffer(arena, dtype, own(dtype, elements));
            var segment = group.rank() == root ? data.segment.asReadOnly() : data.segment;
            group.broadcast(segment, dtype, root);
            requireSame("broadcast from " + root, of(root, dtype, elements), data);
        }
    }

    /** Sizes differ from pair to pair. */
    private void exchange(DType dtype, int elements, int distance) {
        seed++;
        try (var arena = Arena.ofShared()) {
            var to = (group.rank() + distance) % group.size();
            var from = Math.floorMod(group.rank() - distance, group.size());
            var sent = own(dtype, elements + group.rank());
            var send = new Buffer(arena, dtype, sent);
            var receive = new Buffer(arena, dtype, new int[elements + from]);
            group.exchange(send.segment, to, receive.segment, from, dtype);
            requireSame("exchange by " + distance, of(from, dtype, elements + from), receive);
            requireSame("exchange's source", sent, send);
        }
    }

    private void requireReduced(String what, Buffer actual, Reduction reduction, int first, int total) {
        var members = new int[group.size()][];
        Arrays.setAll(members, m -> of(m, actual.dtype, total));
        var found = actual.contents();
        for (var i = 0; i < found.length; i++) {
            var index = first + i;
            var expected = reduce(actual.dtype, reduction, members, index);
            if (expected != found[i] && !isClose(actual.dtype, reduction, members, index, expected, found[i])) {
                throw wrong(what + " (" + reduction.text() + ")", actual, i, found[i], expected);
            }
        }
        actual.requireGuards(what);
    }

    private void requireSame(String what, int[] expected, Buffer actual) {
        var found = actual.contents();
        var i = Arrays.mismatch(expected, found);
        if (i >= 0) {
            throw wrong(what, actual, i, found[i], expected[i]);
        }
        actual.requireGuards(what);
    }

    private AssertionError wrong(String what, Buffer actual, int index, int found, int expected) {
        return new AssertionError("%s of %s in %s, member %d: element %d of %d is %x, not %x"
                .formatted(
                        what,
                        actual.dtype.text(),
                        group.ranks(),
                        group.rank(),
                        index,
                        actual.contents().length,
                        found,
                        expected));
    }

    private boolean isClose(DType dtype, Reduction reduction, int[][] members, int index, int expected, int found) {
        if (dtype == DType.I32 || reduction != Reduction.SUM) {
            return false;
        }
        var magnitude = 0.0;
        for (var member : members) {
            magnitude += Math.abs(toFloat(dtype, member[index]));
        }
        return Math.abs(toFloat(dtype, expected) - toFloat(dtype, found)) <= tolerance * magnitude;
    }

    private static int reduce(DType dtype, Reduction reduction, int[][] members, int index) {
        if (dtype == DType.I32) {
            var result = members[0][index];
            for (var m = 1; m < members.length; m++) {
                var next = members[m][index];
                result = switch (reduction) {
                    case SUM -> result + next;
                    case MAX -> Math.max(result, next);
                    case MIN -> Math.min(result, next);
                };
            }
            return result;
        }
        var result = toFloat(dtype, members[0][index]);
        for (var m = 1; m < members.length; m++) {
            var next = toFloat(dtype, members[m][index]);
            result = switch (reduction) {
                case SUM -> result + next;
                case MAX -> Math.max(result, next);
                case MIN -> Math.min(result, next);
            };
        }
        return dtype == DType.BF16 ? Bfloat16.of(result) & 0xffff : Float.floatToRawIntBits(result);
    }

    private static float toFloat(DType dtype, int bits) {
        return dtype == DType.BF16 ? Bfloat16.toFloat((short) bits) : Float.intBitsToFloat(bits);
    }

    private int[] own(DType dtype, int elements) {
        return of(group.rank(), dtype, elements);
    }

    /** A member's data: all bit patterns of integers, and floats of several magnitudes, so that order shows in sums. */
    private int[] of(int member, DType dtype, int elements) {
        var result = new int[elements];
        for (var i = 0; i < elements; i++) {
            result[i] = switch (dtype) {
                case I32 -> hash(member, i);
                case F32 -> Float.floatToRawIntBits(number(member, i));
                case BF16 -> Bfloat16.of(number(member, i)) & 0xffff;
                case F16 -> hash(member, i) & 0xffff;
                case BOOL -> hash(member, i) & 1;
            };
        }
        return result;
    }

    private float number(int member, int index) {
        var hash = hash(member, index);
        return Math.scalb((hash >> 8) / (float) (1 << 23), (hash & 15) - 8);
    }

    private int hash(int member, int index) {
        var x = 0x9e3779b9 * (seed * 31 + group.ranks().get(member) * 1009 + index * 65_537 + 1);
        x = (x ^ x >>> 16) * 0x85ebca6b;
        x = (x ^ x >>> 13) * 0xc2b2ae35;
        return x ^ x >>> 16;
    }

    /** Elements as bits, between guards which nobody may touch. */
    private static final class Buffer {

        private final MemorySegment guarded;
        private final MemorySegment segment;
        private final DType dtype;

        Buffer(Arena arena, DType dtype, int[] contents) {
            var bytes = (long) contents.length * dtype.bytes();
            this.guarded = arena.allocate(bytes + 2 * GUARD, GUARD).fill(UNTOUCHED);
            this.segment = guarded.asSlice(GUARD, bytes);
            this.dtype = dtype;
            write(contents);
        }

        private Buffer(Buffer whole, int first, int elements) {
            this.guarded = whole.guarded;
            this.segment =
                    whole.segment.asSlice((long) first * whole.dtype.bytes(), (long) elements * whole.dtype.bytes());
            this.dtype = whole.dtype;
        }

        Buffer part(int first, int elements) {
            return new Buffer(this, first, elements);
        }

        void write(int[] contents) {
            for (var i = 0; i < contents.length; i++) {
                switch (dtype.bytes()) {
                    case 4 -> segment.setAtIndex(ValueLayout.JAVA_INT, i, contents[i]);
                    case 2 -> segment.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) contents[i]);
                    default -> segment.set(ValueLayout.JAVA_BYTE, i, (byte) contents[i]);
                }
            }
        }

        int[] contents() {
            var contents = new int[Math.toIntExact(segment.byteSize() / dtype.bytes())];
            for (var i = 0; i < contents.length; i++) {
                contents[i] = switch (dtype.bytes()) {
                    case 4 -> segment.getAtIndex(ValueLayout.JAVA_INT, i);
                    case 2 -> segment.getAtIndex(ValueLayout.JAVA_SHORT, i) & 0xffff;
                    default -> segment.get(ValueLayout.JAVA_BYTE, i) & 0xff;
                };
            }
            return contents;
        }

        void requireGuards(String what) {
            for (var i = 0; i < GUARD; i++) {
                if (guarded.get(ValueLayout.JAVA_BYTE, i) != UNTOUCHED
                        || guarded.get(ValueLayout.JAVA_BYTE, guarded.byteSize() - 1 - i) != UNTOUCHED) {
                    throw new AssertionError(what + " wrote beside its buffer");
                }
            }
        }
    }
}
