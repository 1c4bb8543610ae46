package org.clipc.compiler.jvm;

import com.palantir.javapoet.ClassName;
import com.palantir.javapoet.CodeBlock;
import com.palantir.javapoet.MethodSpec;
import com.palantir.javapoet.TypeName;
import com.palantir.javapoet.TypeSpec;
import java.lang.foreign.MemorySegment;
import java.util.List;
import javax.lang.model.element.Modifier;
import org.clipc.ir.Comparison;

/** Small methods of generated classes, rendered on demand; over vectors and over single elements unless said otherwise. */
enum JvmHelper {
    /** A float rounded to bf16, to nearest even, still a float. */
    ROUND_BF16("roundBf16") {
        @Override
        void addTo(TypeSpec.Builder type, int bits) {
            for (var lanes : List.of(Lanes.VECTOR, Lanes.SCALAR)) {
                var code = new LaneCode(lanes, "t");
                var x = CodeBlock.of("x");
                var raw = code.letInts(lanes.bits(x));
                var odd = lanes.intAnd(lanes.shiftRightLogical(raw, 16), lanes.intConstant(1));
                var up = code.letInts(lanes.intAdd(raw, lanes.intAdd(odd, lanes.intConstant(0x7fff))));
                var isNan = code.compare(Comparison.NE, x, x);
                // A NaN whose upper bits are all zero must not become an infinity.
                var quiet = lanes.intOr(raw, lanes.intConstant(0x00400000));
                var rounded = code.letInts(lanes.selectInts(isNan, quiet, up));
                type.addMethod(method(lanes.floatType())
                        .addParameter(lanes.floatType(), "x", Modifier.FINAL)
                        .addCode(code.statements())
                        .addStatement("return $L", lanes.fromBits(lanes.intAnd(rounded, lanes.intConstant(0xffff0000))))
                        .build());
            }
        }
    },

    ROUND_F16("roundF16") {
        @Override
        void addTo(TypeSpec.Builder type, int bits) {
            type.addMethod(method(TypeName.FLOAT)
                    .addParameter(float.class, "x", Modifier.FINAL)
                    .addStatement("return Float.float16ToFloat(Float.floatToFloat16(x))")
                    .build());
            type.addMethod(laneByLane(Lanes.FLOAT_VECTOR, float.class, Lanes.FLOATS, "x"));
        }
    },

    POW("pow") {
        @Override
        void addTo(TypeSpec.Builder type, int bits) {
            type.addMethod(method(TypeName.FLOAT)
                    .addParameter(float.class, "x", Modifier.FINAL)
                    .addParameter(float.class, "y", Modifier.FINAL)
                    .addStatement("return (float) Math.pow(x, y)")
                    .build());
            type.addMethod(laneByLane(Lanes.FLOAT_VECTOR, float.class, Lanes.FLOATS, "x", "y"));
        }
    },

    /** i32 x / y towards zero; 0 where y is 0. */
    INT_DIVIDE("divide") {
        @Override
        void addTo(TypeSpec.Builder type, int bits) {
            type.addMethod(method(TypeName.INT)
                    .addParameter(int.class, "x", Modifier.FINAL)
                    .addParameter(int.class, "y", Modifier.FINAL)
                    .addStatement("return y == 0 ? 0 : x / y")
                    .build());
            type.addMethod(laneByLane(Lanes.INT_VECTOR, int.class, Lanes.INTS, "x", "y"));
        }
    },

    INT_POW("power") {
        @Override
        void addTo(TypeSpec.Builder type, int bits) {
            type.addMethod(method(TypeName.INT)
                    .addParameter(int.class, "x", Modifier.FINAL)
                    .addParameter(int.class, "y", Modifier.FINAL)
                    .addStatement("return (int) Math.pow(x, y)")
                    .build());
            type.addMethod(laneByLane(Lanes.INT_VECTOR, int.class, Lanes.INTS, "x", "y"));
        }
    },

    /** Sum of a vector's lanes, pairwise, in an order that (unlike {@code reduceLanes}'s) is always the same. Vectors only. */
    SUM("sum") {
        @Override
        void addTo(TypeSpec.Builder type, int bits) {
            type.addMethod(method(TypeName.FLOAT)
                    .addParameter(Lanes.FLOAT_VECTOR, "x", Modifier.FINAL)
                    .addStatement("return $L", pairwise(0, bits / Float.SIZE))
                    .build());
        }

        private static CodeBlock pairwise(int first, int count) {
            if (count == 1) {
                return CodeBlock.of("x.lane($L)", first);
            }
            return CodeBlock.of(
                    "($L + $L)", pairwise(first, count / 2), pairwise(first + count / 2, count - count / 2));
        }
    },

    /** Constant: the shorts that make up as many bf16 as there are lanes. */
    SHORTS("H") {
        @Override
        void addTo(TypeSpec.Builder type, int bits) {
            type.addField(JvmLibrary.species(methodName(), SHORT_VECTOR, Short.class, bits / 2));
        }
    },

    /** Vectors only. */
    LOAD_BF16("loadBf16", SHORTS) {
        @Override
        void addTo(TypeSpec.Builder type, int bits) {
            type.addMethod(method(Lanes.FLOAT_VECTOR)
                    .addParameter(MemorySegment.class, "arena", Modifier.FINAL)
                    .addParameter(long.class, "at", Modifier.FINAL)
                    .addStatement(
                            "final $T halves = $T.fromMemorySegment(H, arena, at, ORDER)", SHORT_VECTOR, SHORT_VECTOR)
                    .addStatement(
                            "final $1T words = halves.convertShape($2T.ZERO_EXTEND_S2I, I, 0).reinterpretAsInts()",
                            Lanes.INT_VECTOR,
                            Lanes.VECTOR_OPERATORS)
                    .addStatement("return words.lanewise($T.LSHL, 16).reinterpretAsFloats()", Lanes.VECTOR_OPERATORS)
                    .build());
        }
    },

    /** Rounds to nearest even. */
    STORE_BF16("storeBf16", SHORTS, ROUND_BF16) {
        @Override
        void addTo(TypeSpec.Builder type, int bits) {
            type.addMethod(method(TypeName.VOID)
                    .addParameter(MemorySegment.class, "arena", Modifier.FINAL)
                    .addParameter(long.class, "at", Modifier.FINAL)
                    .addParameter(Lanes.FLOAT_VECTOR, "x", Modifier.FINAL)
                    .addStatement(
                            "final $T words = roundBf16(x).reinterpretAsInts().lanewise($T.ASHR, 16)",
                            Lanes.INT_VECTOR,
                            Lanes.VECTOR_OPERATORS)
                    .addStatement(
                            "words.convertShape($T.I2S, H, 0).reinterpretAsShorts().intoMemorySegment(arena, at, ORDER)",
                            Lanes.VECTOR_OPERATORS)
                    .build());
            type.addMethod(method(TypeName.VOID)
                    .addParameter(MemorySegment.class, "arena", Modifier.FINAL)
                    .addParameter(long.class, "at", Modifier.FINAL)
                    .addParameter(float.class, "x", Modifier.FINAL)
                    .addStatement(
                            "arena.set($T.JAVA_SHORT, at, (short) (Float.floatToRawIntBits(roundBf16(x)) >>> 16))",
                            Memory.VALUE_LAYOUT)
                    .build());
        }
    },

    /** Constant: the ints 0, 1, 2, …. */
    IOTA("IOTA") {
        @Override
        void addTo(TypeSpec.Builder type, int bits) {
            type.addField(JvmLibrary.constant(
                    Lanes.INT_VECTOR, methodName(), CodeBlock.of("$T.zero(I).addIndex(1)", Lanes.INT_VECTOR)));
        }
    },

    /** Uniform random numbers; see {@link JvmPhilox}. */
    UNIFORM("uniform") {
        @Override
        void addTo(TypeSpec.Builder type, int bits) {
            JvmPhilox.addTo(type, bits);
        }
    };

    private static final ClassName SHORT_VECTOR = ClassName.get("jdk.incubator.vector", "ShortVector");

    private final String methodName;

    @SuppressWarnings("ImmutableEnumChecker") // List.of is immutable
    private final List<JvmHelper> uses;

    JvmHelper(String methodName, JvmHelper... uses) {
        this.methodName = methodName;
        this.uses = List.of(uses);
    }

    abstract void addTo(TypeSpec.Builder type, int bits);

    String methodName() {
        return methodName;
    }

    List<JvmHelper> uses() {
        return uses;
    }

    MethodSpec.Builder method(TypeName result) {
        return MethodSpec.methodBuilder(methodName)
                .addModifiers(Modifier.PRIVATE, Modifier.STATIC)
                .returns(result);
    }

    /** The helper's scalar method applied to each lane: slow, for what vectors cannot do. */
    MethodSpec laneByLane(ClassName vector, Class<?> element, String species, String... parameters) {
        var method = method(vector);
        var elements = CodeBlock.builder();
        for (var parameter : parameters) {
            method.addParameter(vector, parameter, Modifier.FINAL);
            elements.add("$L$L.lane(i)", elements.isEmpty() ? "" : ", ", parameter);
        }
        return method.addStatement("final $T[] result = new $T[LANES]", element, element)
                .beginControlFlow("for (int i = 0; i < LANES; i++)")
                .addStatement("result[i] = $L($L)", methodName, elements.build())
                .endControlFlow()
                .addStatement("return $T.fromArray($L, result, 0)", vector, species)
                .build();
    }
}
