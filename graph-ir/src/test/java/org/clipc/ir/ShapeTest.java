package org.clipc.ir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class ShapeTest {

    @Test
    void bytesDoNotWrapAround() {
        var large = Shape.of(1 << 30, 1 << 30);
        for (var dtype : DType.values()) {
            assertThat(new TensorType(dtype, large.append(1)).bytes())
                    .isEqualTo(Math.multiplyExact(1L << 60, dtype.bytes()));
        }
        assertThatThrownBy(() -> large.append(2))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("shape [1073741824, 1073741824, 2] has more elements than 64 bits count the bytes of");
    }
}
