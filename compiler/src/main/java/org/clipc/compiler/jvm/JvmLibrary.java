package org.clipc.compiler.jvm;

import com.palantir.javapoet.ClassName;
import com.palantir.javapoet.CodeBlock;
import com.palantir.javapoet.FieldSpec;
import com.palantir.javapoet.ParameterizedTypeName;
import com.palantir.javapoet.TypeName;
import com.palantir.javapoet.TypeSpec;
import java.nio.ByteOrder;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import javax.lang.model.element.Modifier;

/**
 * The helper methods that a generated class needs: gathered while its code is rendered, added to the class at the end.
 */
final class JvmLibrary {

    private final int bits;
    private final Set<JvmHelper> helpers = EnumSet.noneOf(JvmHelper.class);
    private final Set<JvmVectorMath> functions = EnumSet.noneOf(JvmVectorMath.class);

    /** @param bits width of the vectors */
    JvmLibrary(int bits) {
        this.bits = bits;
    }

    int bits() {
        return bits;
    }

    /** Floats in a vector. */
    int lanes() {
        return bits / Float.SIZE;
    }

    /** A function of what the lanes hold. */
    CodeBlock apply(LaneCode code, JvmVectorMath function, CodeBlock x) {
        functions.add(function);
        return code.apply(function, x);
    }

    /** A function of one float. */
    CodeBlock call(JvmVectorMath function, CodeBlock x) {
        functions.add(function);
        return function.call(x);
    }

    CodeBlock call(JvmHelper helper, CodeBlock... arguments) {
        use(helper);
        return CodeBlock.of("$L($L)", helper.methodName(), CodeBlock.join(List.of(arguments), ", "));
    }

    void use(JvmHelper helper) {
        helpers.add(helper);
        helper.uses().forEach(this::use);
    }

    /**
     * Adds what was used, and the constants that rendered code refers to: the species of floats and ints (see
     * {@link JvmVectorMath#addSpecies}), {@code LANES} and {@code ORDER}.
     */
    void addTo(TypeSpec.Builder type) {
        JvmVectorMath.addSpecies(type, bits);
        type.addField(constant(TypeName.INT, "LANES", CodeBlock.of("$L", lanes())));
        type.addField(
                constant(TypeName.get(ByteOrder.class), "ORDER", CodeBlock.of("$T.nativeOrder()", ByteOrder.class)));
        helpers.forEach(helper -> helper.addTo(type, bits));
        JvmVectorMath.addTo(type, Lanes.SCALAR, functions);
    }

    static FieldSpec constant(TypeName type, String name, CodeBlock value) {
        return FieldSpec.builder(type, name, Modifier.PRIVATE, Modifier.STATIC, Modifier.FINAL)
                .initializer(value)
                .build();
    }

    /** A constant shuffle: lane i gets lane {@code from[i]}. */
    static FieldSpec shuffle(String name, String species, int[] from) {
        var shuffle = ClassName.get("jdk.incubator.vector", "VectorShuffle");
        var lanes = IntStream.of(from).mapToObj(String::valueOf).collect(Collectors.joining(", "));
        return constant(
                ParameterizedTypeName.get(shuffle, ClassName.get(Float.class)),
                name,
                CodeBlock.of("$T.fromValues($L, $L)", shuffle, species, lanes));
    }

    /** A constant mask of those of {@code count} lanes that {@code isSet} names. */
    static FieldSpec mask(String name, String species, int count, IntPredicate isSet) {
        var bits = IntStream.range(0, count)
                .filter(isSet)
                .mapToLong(lane -> 1L << lane)
                .sum();
        return constant(
                Lanes.VECTOR.maskType(), name, CodeBlock.of("$T.fromLong($L, $LL)", Lanes.VECTOR_MASK, species, bits));
    }

    /** A species constant, such as {@code ShortVector.SPECIES_128}. */
    static FieldSpec species(String name, ClassName vector, Class<?> element, int bits) {
        var type = ParameterizedTypeName.get(
                ClassName.get("jdk.incubator.vector", "VectorSpecies"), ClassName.get(element));
        return constant(type, name, CodeBlock.of("$T.SPECIES_$L", vector, bits));
    }
}
