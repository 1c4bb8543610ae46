package org.clipc.runtime.kernel;

import java.util.Map;
import java.util.Set;

/**
 * The Java that kernels may use: arithmetic, bounded memory segments and vectors. Nothing here reaches a file, a thread,
 * the network, another object of this process or memory outside of what a kernel is given.
 */
final class AllowList {

    /** Of int and long alike. */
    private static final String INTEGERS = """
            bitCount compare compareUnsigned divideUnsigned highestOneBit lowestOneBit max min numberOfLeadingZeros
            numberOfTrailingZeros remainderUnsigned reverse rotateLeft rotateRight signum sum""";

    private static final String TORNADO = "uk/ac/manchester/tornado/api/";

    /** The interface that TornadoVM's kernels implement. */
    static final String TASK = TORNADO + "common/TornadoFunctions$Task5";

    private static final Map<String, Set<String>> MEMBERS = Map.ofEntries(
            members("java/lang/Object", "<init>"),
            members("java/lang/Math", """
                    abs acos addExact asin atan atan2 cbrt ceil ceilDiv clamp copySign cos cosh exp expm1 floor floorDiv
                    floorMod fma getExponent hypot log log10 log1p max min multiplyExact multiplyFull multiplyHigh
                    nextDown nextUp pow rint round scalb signum sin sinh sqrt subtractExact tan tanh toIntExact ulp
                    unsignedMultiplyHigh"""),
            members("java/lang/Float", """
                    compare float16ToFloat floatToFloat16 floatToIntBits floatToRawIntBits intBitsToFloat isFinite
                    isInfinite isNaN max min sum"""),
            members("java/lang/Double", """
                    compare doubleToLongBits doubleToRawLongBits isFinite isInfinite isNaN longBitsToDouble max min
                    sum"""),
            members("java/lang/Integer", INTEGERS + " intValue toUnsignedLong"),
            members("java/lang/Long", INTEGERS),
            members("java/lang/Short", "toUnsignedInt toUnsignedLong"),
            members("java/lang/Byte", "toUnsignedInt toUnsignedLong"),
            members(
                    "java/lang/foreign/MemorySegment",
                    "asSlice byteSize copy copyFrom fill get getAtIndex set setAtIndex"),
            // TornadoVM's kernels; its arrays check bounds as Java's do where they run as Java.
            members("java/lang/Override", ""),
            members(TORNADO + "KernelContext", """
                    allocateFloatLocalArray allocateIntLocalArray groupIdx localBarrier localIdx"""),
            members(TORNADO + "common/TornadoFunctions", "Task5"),
            members(TASK, "apply"),
            members(TORNADO + "math/TornadoMath", "abs cos exp floor log max min pow sin sqrt tanh"),
            members(
                    TORNADO + "types/vectors/Float8",
                    "<init> add getS0 getS1 getS2 getS3 getS4 getS5 getS6 getS7 mult"),
            members(TORNADO + "types/vectors/Float16", """
                    <init> add getS0 getS1 getS2 getS3 getS4 getS5 getS6 getS7 getS8 getS9 getS10 getS11 getS12 getS13
                    getS14 getS15 mult"""),
            members(TORNADO + "types/arrays/FloatArray", "get set"),
            members(TORNADO + "types/arrays/IntArray", "get set"),
            members("java/nio/ByteOrder", "nativeOrder LITTLE_ENDIAN BIG_ENDIAN"));

    private static final String LAYOUT = "java/lang/foreign/ValueLayout";
    private static final Set<String> LAYOUT_MEMBERS = words("""
            JAVA_BYTE JAVA_SHORT JAVA_SHORT_UNALIGNED JAVA_INT JAVA_INT_UNALIGNED JAVA_LONG JAVA_LONG_UNALIGNED
            JAVA_FLOAT JAVA_FLOAT_UNALIGNED JAVA_DOUBLE JAVA_DOUBLE_UNALIGNED byteSize withByteAlignment withOrder""");

    private static final String VECTORS = "jdk/incubator/vector/";

    private AllowList() {}

    /** @param name internal, such as {@code java/lang/Math} */
    static boolean allowsClass(String name) {
        return MEMBERS.containsKey(name) || isLayout(name) || name.startsWith(VECTORS);
    }

    static boolean allowsMember(String owner, String name) {
        return MEMBERS.getOrDefault(owner, Set.of()).contains(name)
                || (isLayout(owner) && LAYOUT_MEMBERS.contains(name))
                || owner.startsWith(VECTORS);
    }

    private static Map.Entry<String, Set<String>> members(String owner, String names) {
        return Map.entry(owner, words(names));
    }

    private static Set<String> words(String text) {
        return text.isBlank() ? Set.of() : Set.of(text.strip().split("\\s+", -1));
    }

    private static boolean isLayout(String name) {
        return name.equals(LAYOUT) || name.startsWith(LAYOUT + "$Of");
    }
}
