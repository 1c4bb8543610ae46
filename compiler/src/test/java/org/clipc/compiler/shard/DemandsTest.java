package org.clipc.compiler.shard;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.clipc.compiler.shard.Sharding.Full;
import org.clipc.compiler.shard.Sharding.Split;
import org.clipc.ir.Comparison;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.InputKind;
import org.clipc.ir.Op;
import org.clipc.ir.TensorType;
import org.clipc.ir.UnaryFn;
import org.junit.jupiter.api.Test;

class DemandsTest {

    @Test
    void elementwiseOpsWantOfAllOperandsWhatIsWantedOfThem() {
        var b = new GraphBuilder("g");
        var type = TensorType.f32(4, 3);
        var parameter = b.input("p", InputKind.PARAMETER, type);
        var moment = b.input("m", InputKind.STATE, type);
        var one = b.constant(TensorType.f32(), 1);
        var x = b.unary(UnaryFn.EXP, parameter);
        var y = b.unary(UnaryFn.EXP, moment);
        var isLarge = b.compare(Comparison.GT, x, b.constantLike(x, 1));
        var gradient = b.select(isLarge, y, b.constantLike(y, 0));
        var updated = b.addAll(
                new Op.AdamW(0.9, 0.999, 1e-8, 0), List.of(parameter, gradient, moment, moment, one, one, one));
        b.output("p", updated.getFirst());
        var demands =
                Demands.of(b.build(), 2, input -> input.kind() == InputKind.STATE ? new Split(0) : Full.REPLICATED);
        assertThat(List.of(gradient, isLarge, x, y))
                .allSatisfy(value -> assertThat(demands.of(value)).contains(new Split(0)));
    }
}
