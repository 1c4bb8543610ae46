package org.clipc.compiler.jvm;

import com.palantir.javapoet.ClassName;
import com.palantir.javapoet.CodeBlock;
import com.palantir.javapoet.MethodSpec;
import com.palantir.javapoet.ParameterizedTypeName;
import com.palantir.javapoet.TypeSpec;
import javax.lang.model.element.Modifier;

/**
 * Renders the generator that {@link org.clipc.ir.Philox} defines as a method
 *
 * <pre>uniform(long index, int count, int key0, int key1, int stream, float[] out, int at)</pre>
 *
 * which writes the numbers of {@code count} elements from {@code index} on. Vectors of longs hold one 32-bit word of
 * several consecutive counters, so that the 64-bit products fit.
 */
final class JvmPhilox {

    private static final ClassName LONG_VECTOR = ClassName.get("jdk.incubator.vector", "LongVector");
    private static final ClassName VECTOR_SHUFFLE = ClassName.get("jdk.incubator.vector", "VectorShuffle");

    private JvmPhilox() {}

    /** Needs the constants that {@link JvmLibrary} adds. */
    static void addTo(TypeSpec.Builder type, int bits) {
        type.addField(JvmLibrary.species("L", LONG_VECTOR, Long.class, bits));
        for (var part = 0; part < 2; part++) {
            type.addField(JvmLibrary.constant(
                    ParameterizedTypeName.get(VECTOR_SHUFFLE, ClassName.get(Long.class)),
                    "ZIP_" + part,
                    CodeBlock.of("$T.makeZip(L, $L)", VECTOR_SHUFFLE, part)));
        }
        type.addMethod(uniform());
        type.addMethod(scalarBlock());
        type.addMethod(vectorBlocks());
        type.addMethod(toUniform());
    }

    private static MethodSpec.Builder method(String name) {
        return MethodSpec.methodBuilder(name).addModifiers(Modifier.PRIVATE, Modifier.STATIC);
    }

    private static MethodSpec.Builder withKey(MethodSpec.Builder method) {
        return method.addParameter(int.class, "key0", Modifier.FINAL)
                .addParameter(int.class, "key1", Modifier.FINAL)
                .addParameter(int.class, "stream", Modifier.FINAL)
                .addParameter(float[].class, "out", Modifier.FINAL)
                .addParameter(int.class, "at", Modifier.FINAL);
    }

    private static MethodSpec uniform() {
        return withKey(method("uniform")
                        .addParameter(long.class, "index", Modifier.FINAL)
                        .addParameter(int.class, "count", Modifier.FINAL))
                .addStatement("final int head = Math.min((int) (-index & 3), count)")
                .beginControlFlow("if (head > 0)")
                .addStatement("uniformBlock(index >>> 2, (int) (index & 3), head, key0, key1, stream, out, at)")
                .endControlFlow()
                .addStatement("int i = head")
                .beginControlFlow("for (; i <= count - 2 * LANES; i += 2 * LANES)")
                .addStatement("uniformBlocks((index + i) >>> 2, key0, key1, stream, out, at + i)")
                .endControlFlow()
                .beginControlFlow("for (; i < count; i += 4)")
                .addStatement(
                        "uniformBlock((index + i) >>> 2, 0, Math.min(4, count - i), key0, key1, stream, out, at + i)")
                .endControlFlow()
                .build();
    }

    private static MethodSpec scalarBlock() {
        return withKey(method("uniformBlock")
                        .addJavadoc("Words {@code first} to {@code first + count} of one counter.\n")
                        .addParameter(long.class, "counter", Modifier.FINAL)
                        .addParameter(int.class, "first", Modifier.FINAL)
                        .addParameter(int.class, "count", Modifier.FINAL))
                .addCode("""
                        int c0 = (int) counter;
                        int c1 = (int) (counter >>> 32);
                        int c2 = stream;
                        int c3 = 0;
                        int k0 = key0;
                        int k1 = key1;
                        for (int round = 0; round < 10; round++) {
                          final long p0 = 0xD2511F53L * (c0 & 0xFFFFFFFFL);
                          final long p1 = 0xCD9E8D57L * (c2 & 0xFFFFFFFFL);
                          c0 = (int) (p1 >>> 32) ^ c1 ^ k0;
                          c1 = (int) p1;
                          c2 = (int) (p0 >>> 32) ^ c3 ^ k1;
                          c3 = (int) p0;
                          k0 += 0x9E3779B9;
                          k1 += 0xBB67AE85;
                        }
                        for (int i = 0; i < count; i++) {
                          final int word = first + i;
                          final int bits = word == 0 ? c0 : word == 1 ? c1 : word == 2 ? c2 : c3;
                          out[at + i] = (bits >>> 8) * 0x1p-24f;
                        }
                        """)
                .build();
    }

    /**
     * As many counters as a vector has longs, from one on: twice as many numbers as a vector has floats. The upper halves of
     * words hold garbage until a multiplication or the end cuts them off: HotSpot takes the short way to multiply longs
     * (vpmuludq) if it sees both operands cut off right there.
     */
    private static MethodSpec vectorBlocks() {
        return withKey(method("uniformBlocks").addParameter(long.class, "counter", Modifier.FINAL))
                .addCode(CodeBlock.builder()
                        .add("""
                                final $1T low = $1T.broadcast(L, 0xFFFFFFFFL);
                                final $1T m0 = $1T.broadcast(L, 0xD2511F53L).and(low);
                                final $1T m1 = $1T.broadcast(L, 0xCD9E8D57L).and(low);
                                final $1T counters = $1T.broadcast(L, counter).addIndex(1);
                                $1T c0 = counters;
                                $1T c1 = counters.lanewise($2T.LSHR, 32);
                                $1T c2 = $1T.broadcast(L, stream & 0xFFFFFFFFL);
                                $1T c3 = $1T.zero(L);
                                int k0 = key0;
                                int k1 = key1;
                                for (int round = 0; round < 10; round++) {
                                  final $1T p0 = c0.and(low).mul(m0);
                                  final $1T p1 = c2.and(low).mul(m1);
                                  c0 = p1.lanewise($2T.LSHR, 32).lanewise($2T.XOR, c1).lanewise($2T.XOR, k0 & 0xFFFFFFFFL);
                                  c1 = p1;
                                  c2 = p0.lanewise($2T.LSHR, 32).lanewise($2T.XOR, c3).lanewise($2T.XOR, k1 & 0xFFFFFFFFL);
                                  c3 = p0;
                                  k0 += 0x9E3779B9;
                                  k1 += 0xBB67AE85;
                                }
                                final $1T even = c0.and(low).or(c1.lanewise($2T.LSHL, 32));
                                final $1T odd = c2.and(low).or(c3.lanewise($2T.LSHL, 32));
                                toUniform(even.rearrange(ZIP_0, odd)).intoArray(out, at);
                                toUniform(even.rearrange(ZIP_1, odd)).intoArray(out, at + LANES);
                                """, LONG_VECTOR, Lanes.VECTOR_OPERATORS)
                        .build())
                .build();
    }

    private static MethodSpec toUniform() {
        return method("toUniform")
                .returns(Lanes.FLOAT_VECTOR)
                .addParameter(LONG_VECTOR, "words", Modifier.FINAL)
                .addStatement(
                        "return words.reinterpretAsInts().lanewise($1T.LSHR, 8).convert($1T.I2F, 0)"
                                + ".reinterpretAsFloats().mul(0x1p-24f)",
                        Lanes.VECTOR_OPERATORS)
                .build();
    }
}
