package org.clipc.compiler.jvm;

import com.palantir.javapoet.ClassName;
import com.palantir.javapoet.CodeBlock;
import com.palantir.javapoet.MethodSpec;
import com.palantir.javapoet.TypeName;
import com.palantir.javapoet.TypeSpec;
import java.lang.foreign.MemorySegment;
import java.util.List;
import javax.lang.model.element.Modifier;
import org.clipc.compiler.kernel.IntPower;

/** Small methods of generated classes, rendered on demand; over vectors and over single elements unless said otherwise. */
enum JvmHelper {
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
                    .addParameter(int.class, "a", Modifier.FINAL)
                    .addParameter(int.class, "b", Modifier.FINAL)
                    .addCode(IntPower.BODY)
                    .build());
            type.addMethod(laneByLane(Lanes.INT_VECTOR, int.class, Lanes.INTS, "a", "b"));
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

    /** Stores one float as bf16. Single elements only. */
    STORE_BF16("storeBf16") {
        @Override
        void addTo(TypeSpec.Builder type, int bits) {
            var code = new LaneCode(Lanes.SCALAR, "t");
            var rounded = Bfloat16.round(code, CodeBlock.of("x"));
            type.addMethod(method(TypeName.VOID)
                    .addParameter(MemorySegment.class, "arena", Modifier.FINAL)
                    .addParameter(long.class, "at", Modifier.FINAL)
                    .addParameter(float.class, "x", Modifier.FINAL)
                    .addCode(code.statements())
                    .addStatement("arena.set($T.JAVA_SHORT, at, (short) ($L >>> 16))", Memory.VALUE_LAYOUT, rounded)
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

    static final ClassName SHORT_VECTOR = ClassName.get("jdk.incubator.vector", "ShortVector");

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
