package org.clipc.compiler.jvm;

import com.palantir.javapoet.ClassName;
import com.palantir.javapoet.CodeBlock;
import org.clipc.ir.Comparison;
import org.clipc.ir.DType;

/**
 * How generated code moves elements between the arena or a worker's scratch and its variables: floats for float types,
 * ints for i32, masks (single: booleans) for bool. Scratch is an array of floats, in which ints lie as their bits and
 * bools as 0 and 1.
 */
final class Memory {

    static final ClassName VALUE_LAYOUT = ClassName.get("java.lang.foreign", "ValueLayout");

    private Memory() {}

    /** Whether consecutive elements of {@code dtype} load into a vector directly; if not, they go by way of scratch. */
    static boolean hasVectors(DType dtype) {
        return switch (dtype) {
            case F32, BF16, I32 -> true;
            case F16, BOOL -> false;
        };
    }

    /** The lanes' elements at byte address {@code at} of {@code arena}. */
    static CodeBlock load(JvmLibrary library, Lanes lanes, DType dtype, CodeBlock at) {
        if (lanes.equals(Lanes.SCALAR)) {
            return loadOne(dtype, at);
        }
        return switch (dtype) {
            case F32 ->
                CodeBlock.of("$T.fromMemorySegment($L, arena, $L, ORDER)", Lanes.FLOAT_VECTOR, Lanes.FLOATS, at);
            case I32 -> CodeBlock.of("$T.fromMemorySegment($L, arena, $L, ORDER)", Lanes.INT_VECTOR, Lanes.INTS, at);
            case BF16 -> Bfloat16.load(library, at);
            case F16, BOOL -> throw new IllegalArgumentException(dtype.text() + " has no vectors");
        };
    }

    /** The one element at byte address {@code at}. */
    static CodeBlock loadOne(DType dtype, CodeBlock at) {
        return switch (dtype) {
            case F32 -> CodeBlock.of("arena.get($T.JAVA_FLOAT, $L)", VALUE_LAYOUT, at);
            case BF16 -> CodeBlock.of("Float.intBitsToFloat(arena.get($T.JAVA_SHORT, $L) << 16)", VALUE_LAYOUT, at);
            case F16 -> CodeBlock.of("Float.float16ToFloat(arena.get($T.JAVA_SHORT, $L))", VALUE_LAYOUT, at);
            case I32 -> CodeBlock.of("arena.get($T.JAVA_INT, $L)", VALUE_LAYOUT, at);
            case BOOL -> CodeBlock.of("(arena.get($T.JAVA_BYTE, $L) != 0)", VALUE_LAYOUT, at);
        };
    }

    /** Stores the lanes' elements at byte address {@code at}. */
    static void store(JvmLibrary library, LaneCode code, DType dtype, CodeBlock at, CodeBlock value) {
        if (code.lanes().equals(Lanes.SCALAR)) {
            code.run(storeOne(library, dtype, at, value));
            return;
        }
        switch (dtype) {
            case F32, I32 -> code.run(CodeBlock.of("$L.intoMemorySegment(arena, $L, ORDER)", value, at));
            case BF16 -> Bfloat16.store(library, code, at, value);
            case F16, BOOL -> throw new IllegalArgumentException(dtype.text() + " has no vectors");
        }
    }

    /** A statement that stores one element at byte address {@code at}. */
    static CodeBlock storeOne(JvmLibrary library, DType dtype, CodeBlock at, CodeBlock value) {
        return switch (dtype) {
            case F32 -> CodeBlock.of("arena.set($T.JAVA_FLOAT, $L, $L)", VALUE_LAYOUT, at, value);
            case BF16 -> library.call(JvmHelper.STORE_BF16, CodeBlock.of("arena"), at, value);
            case F16 -> CodeBlock.of("arena.set($T.JAVA_SHORT, $L, Float.floatToFloat16($L))", VALUE_LAYOUT, at, value);
            case I32 -> CodeBlock.of("arena.set($T.JAVA_INT, $L, $L)", VALUE_LAYOUT, at, value);
            case BOOL -> CodeBlock.of("arena.set($T.JAVA_BYTE, $L, (byte) ($L ? 1 : 0))", VALUE_LAYOUT, at, value);
        };
    }

    /** The lanes' elements from scratch position {@code at} on. */
    static CodeBlock loadLocal(Lanes lanes, DType dtype, CodeBlock at) {
        var floats = lanes.equals(Lanes.VECTOR)
                ? CodeBlock.of("$T.fromArray($L, local, $L)", Lanes.FLOAT_VECTOR, Lanes.FLOATS, at)
                : CodeBlock.of("local[$L]", at);
        return switch (dtype) {
            case F32, BF16, F16 -> floats;
            case I32 -> lanes.bits(floats);
            case BOOL -> lanes.compare(Comparison.NE, floats, lanes.constant(0));
        };
    }

    static CodeBlock storeLocal(Lanes lanes, DType dtype, CodeBlock at, CodeBlock value) {
        var floats = switch (dtype) {
            case F32, BF16, F16 -> value;
            case I32 -> lanes.fromBits(value);
            case BOOL -> lanes.select(value, lanes.constant(1), lanes.constant(0));
        };
        return lanes.equals(Lanes.VECTOR)
                ? CodeBlock.of("$L.intoArray(local, $L)", floats, at)
                : CodeBlock.of("local[$L] = $L", at, floats);
    }
}
