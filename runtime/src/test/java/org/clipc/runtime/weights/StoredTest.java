package org.clipc.runtime.weights;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.clipc.runtime.tensor.HostTensor;
import org.clipc.runtime.tensor.TensorDType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class StoredTest {

    private static final Stored STACKED = new Stored.Stacked(List.of("q", "k", "v"));

    static Stream<Arguments> kinds() {
        return Stream.of(
                Arguments.of(new Stored.Same("x"), List.of(5L, 2L), List.of(5L, 2L)),
                Arguments.of(new Stored.Same("x"), List.of(), List.of()),
                Arguments.of(new Stored.Batched("x"), List.of(), List.of(1L)),
                Arguments.of(new Stored.Batched("x"), List.of(1L, 4L), List.of(1L, 1L, 4L)),
                Arguments.of(new Stored.Transposed("x"), List.of(5L, 2L), List.of(2L, 5L)),
                Arguments.of(STACKED, List.of(6L), List.of(2L)),
                Arguments.of(STACKED, List.of(6L, 2L), List.of(2L, 2L)));
    }

    private static HostTensor random(List<Long> shape) {
        var tensor = HostTensor.allocate(Arena.ofAuto(), TensorDType.BF16, shape);
        var bytes = new byte[(int) tensor.data().byteSize()];
        new Random(3).nextBytes(bytes);
        tensor.data().asByteBuffer().put(bytes);
        return tensor;
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void partsJoinToWhatTheyAreOf(Stored stored, List<Long> parameter, List<Long> shape) {
        assertThat(stored.suits(parameter)).isTrue();
        assertThat(stored.shape(parameter)).isEqualTo(shape);
        var whole = random(parameter);
        var parts = IntStream.range(0, stored.names().size())
                .mapToObj(i -> stored.part(whole, i))
                .toList();
        assertThat(parts).allSatisfy(part -> assertThat(part.shape()).isEqualTo(shape));
        var joined = stored.join(parts, parameter);
        assertThat(joined.dtype()).isEqualTo(TensorDType.BF16);
        assertThat(joined.shape()).isEqualTo(parameter);
        assertThat(joined.data().mismatch(whole.data())).isEqualTo(-1);
    }

    @ParameterizedTest
    @EnumSource(names = {"F64", "F32", "F16", "U8"})
    void transposesAnyElementType(TensorDType type) {
        var matrix = HostTensor.of(new float[] {1, 2, 3, 4, 5, 6}, 2, 3).convert(type, Arena.ofAuto());
        var transposed = new Stored.Transposed("x").part(matrix, 0);
        assertThat(transposed.toFloats()).containsExactly(1, 4, 2, 5, 3, 6);
    }

    @Test
    void partsOfDifferentTypesBecomeFloats() {
        var part = HostTensor.of(new float[] {1.5f, -2}, 2);
        var parts = Stream.of(TensorDType.F16, TensorDType.BF16, TensorDType.F64)
                .map(type -> part.convert(type, Arena.ofAuto()))
                .toList();
        var joined = STACKED.join(parts, List.of(6L));
        assertThat(joined.dtype()).isEqualTo(TensorDType.F32);
        assertThat(joined.toFloats()).containsExactly(1.5f, -2, 1.5f, -2, 1.5f, -2);
    }

    @Test
    void whatDoesNotSuit() {
        assertThat(new Stored.Transposed("x").suits(List.of(2L))).isFalse();
        assertThat(STACKED.suits(List.of())).isFalse();
        assertThat(STACKED.suits(List.of(7L))).isFalse();
        assertThat(STACKED.suits(List.of(6L, 3L))).isFalse();
    }
}
