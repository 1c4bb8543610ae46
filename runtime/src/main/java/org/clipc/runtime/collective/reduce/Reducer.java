package org.clipc.runtime.collective.reduce;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.clipc.ir.DType;
import org.clipc.runtime.collective.Reduction;
import org.clipc.runtime.tensor.Bfloat16Block;

/**
 * Combines tensors elementwise, in the order given, block by block in the first-level cache. It holds the scratch for
 * that, so one thread uses it at a time.
 */
public final class Reducer {

    private static final int BLOCK = 2048;

    private final float[] floats = new float[BLOCK];
    private final float[] nextFloats = new float[BLOCK];
    private final int[] ints = new int[BLOCK];
    private final int[] nextInts = new int[BLOCK];
    private final short[] halves = new short[BLOCK];

    /**
     * Combines {@code elements} of every source and writes the result to every target, of which some or all may be
     * sources.
     *
     * @param sources at least one
     * @param sourceOffset in bytes, in each source
     * @param targetOffset in bytes, in each target
     */
    public void reduce(
            MemorySegment[] sources,
            long sourceOffset,
            MemorySegment[] targets,
            long targetOffset,
            long elements,
            DType dtype,
            Reduction reduction) {
        for (var done = 0L; done < elements; done += BLOCK) {
            var count = (int) Math.min(BLOCK, elements - done);
            var from = sourceOffset + done * dtype.bytes();
            var to = targetOffset + done * dtype.bytes();
            switch (dtype) {
                case F32 -> reduceFloats(sources, from, targets, to, count, reduction);
                case BF16 -> reduceHalves(sources, from, targets, to, count, reduction);
                case I32 -> reduceInts(sources, from, targets, to, count, reduction);
                case F16, BOOL -> throw new IllegalArgumentException("no reduction of " + dtype.text());
            }
        }
    }

    private void reduceFloats(
            MemorySegment[] sources, long from, MemorySegment[] targets, long to, int count, Reduction reduction) {
        MemorySegment.copy(sources[0], ValueLayout.JAVA_FLOAT, from, floats, 0, count);
        for (var i = 1; i < sources.length; i++) {
            MemorySegment.copy(sources[i], ValueLayout.JAVA_FLOAT, from, nextFloats, 0, count);
            combine(floats, nextFloats, count, reduction);
        }
        for (var target : targets) {
            MemorySegment.copy(floats, 0, target, ValueLayout.JAVA_FLOAT, to, count);
        }
    }

    private void reduceHalves(
            MemorySegment[] sources, long from, MemorySegment[] targets, long to, int count, Reduction reduction) {
        widen(sources[0], from, floats, count);
        for (var i = 1; i < sources.length; i++) {
            widen(sources[i], from, nextFloats, count);
            combine(floats, nextFloats, count, reduction);
        }
        Bfloat16Block.narrow(MemorySegment.ofArray(floats), MemorySegment.ofArray(halves), count);
        for (var target : targets) {
            MemorySegment.copy(halves, 0, target, ValueLayout.JAVA_SHORT, to, count);
        }
    }

    private static void widen(MemorySegment source, long from, float[] into, int count) {
        Bfloat16Block.widen(source.asSlice(from), MemorySegment.ofArray(into), count);
    }

    private void reduceInts(
            MemorySegment[] sources, long from, MemorySegment[] targets, long to, int count, Reduction reduction) {
        MemorySegment.copy(sources[0], ValueLayout.JAVA_INT, from, ints, 0, count);
        for (var i = 1; i < sources.length; i++) {
            MemorySegment.copy(sources[i], ValueLayout.JAVA_INT, from, nextInts, 0, count);
            combine(ints, nextInts, count, reduction);
        }
        for (var target : targets) {
            MemorySegment.copy(ints, 0, target, ValueLayout.JAVA_INT, to, count);
        }
    }

    private static void combine(float[] left, float[] right, int count, Reduction reduction) {
        switch (reduction) {
            case SUM -> {
                for (var i = 0; i < count; i++) {
                    left[i] += right[i];
                }
            }
            case MAX -> {
                for (var i = 0; i < count; i++) {
                    left[i] = Math.max(left[i], right[i]);
                }
            }
            case MIN -> {
                for (var i = 0; i < count; i++) {
                    left[i] = Math.min(left[i], right[i]);
                }
            }
        }
    }

    private static void combine(int[] left, int[] right, int count, Reduction reduction) {
        switch (reduction) {
            case SUM -> {
                for (var i = 0; i < count; i++) {
                    left[i] += right[i];
                }
            }
            case MAX -> {
                for (var i = 0; i < count; i++) {
                    left[i] = Math.max(left[i], right[i]);
                }
            }
            case MIN -> {
                for (var i = 0; i < count; i++) {
                    left[i] = Math.min(left[i], right[i]);
                }
            }
        }
    }
}
