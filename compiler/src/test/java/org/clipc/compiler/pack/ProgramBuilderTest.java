package org.clipc.compiler.pack;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.clipc.compiler.kernel.Target;
import org.clipc.compiler.train.Optimizer;
import org.clipc.compiler.train.TwoTowers;
import org.clipc.compiler.train.TwoTowers.Sizes;
import org.clipc.compiler.train.TwoTowers.Tower;
import org.clipc.ir.text.GraphParser;
import org.clipc.program.KernelCall;
import org.clipc.program.Manifest;
import org.clipc.program.Program;
import org.clipc.program.TensorSlot;
import org.junit.jupiter.api.Test;

class ProgramBuilderTest {

    private static final List<Target> TARGETS = List.of(new NamedSpecs("left"), new NamedSpecs("right"));

    private static CompiledProgram build(Sizes sizes, CompileOptions options) {
        var model = TwoTowers.build(sizes);
        return ProgramBuilder.build(new LossOnly(model), options);
    }

    private static CompileOptions options(boolean training) {
        return CompileOptions.builder(TARGETS)
                .config(Map.of("name", "tiny"))
                .batch(3)
                .training(training)
                .optimizer(new Optimizer(0.9, 0.98, 1e-6, 0.2, 1.0))
                .verifyEach(true)
                .keepSources(true)
                .build();
    }

    @Test
    void everyTensorHasAPlaceOfItsOwn() {
        var program = build(Sizes.tiny(0.1), options(true)).program();
        var manifest = program.manifest();
        var end = 0L;
        for (var parameter : manifest.parameters()) {
            assertThat(parameter.offset()).isEqualTo(end);
            end = Manifest.align(end + parameter.type().bytes());
        }
        assertThat(manifest.parameterBytes()).isEqualTo(end);
        assertThat(manifest.state()).hasSize(2 * manifest.parameters().size());
        end = manifest.stateOffset();
        for (var slot : manifest.state()) {
            assertThat(slot.offset()).isEqualTo(end);
            end = Manifest.align(end + slot.type().bytes());
        }
        assertThat(manifest.arenaBytes()).isEqualTo(end);
        for (var entry : manifest.entries()) {
            var slots = new ArrayList<>(entry.inputs());
            slots.addAll(entry.outputs());
            assertThat(slots).allSatisfy(slot -> {
                assertThat(slot.offset() % Manifest.ALIGNMENT).isZero();
                assertThat(slot.offset()).isGreaterThanOrEqualTo(manifest.workspaceOffset());
                assertThat(slot.offset() + slot.type().bytes()).isLessThanOrEqualTo(manifest.stateOffset());
            });
        }
    }

    @Test
    void callsStayInsideOfTheArena() {
        var program = build(Sizes.tiny(0.1), options(true)).program();
        assertThat(program.schedules()).hasSize(6);
        var classes = program.kernels().keySet();
        for (var schedule : program.schedules()) {
            assertThat(schedule.kernelCalls()).isNotEmpty().allSatisfy(call -> {
                assertThat(classes).contains(schedule.target() + "/" + simpleName(call));
                assertThat(call.args())
                        .allMatch(a -> a >= 0 && a < program.manifest().arenaBytes());
            });
        }
    }

    @Test
    void theTrainingStepSaysWhatItDid() {
        var manifest = build(Sizes.tiny(0.1), options(true)).program().manifest();
        var step = manifest.entry("train_step");
        assertThat(step.outputs())
                .extracting(TensorSlot::name)
                .containsExactly("loss", "grad_norm", "skipped", "logit_scale");
        assertThat(step.inputs())
                .extracting(TensorSlot::name)
                .containsExactlyInAnyOrder("images", "tokens", "seed", "lr", "step");
        assertThat(manifest.entry("loss_grad").outputs())
                .hasSize(1 + manifest.parameters().size());
    }

    @Test
    void inferenceProgramsHaveNoState() {
        var program = build(Sizes.tiny(0.1), options(false)).program();
        assertThat(program.manifest().entries()).hasSize(1);
        assertThat(program.manifest().stateBytes()).isZero();
    }

    @Test
    void equalModelsMakeEqualPrograms() {
        var first = build(Sizes.tiny(0.1), options(true)).program();
        var second = build(Sizes.tiny(0.1), options(true)).program();
        assertThat(second.manifest()).isEqualTo(first.manifest());
        assertThat(second.schedules()).isEqualTo(first.schedules());
        assertThat(second.graphs()).isEqualTo(first.graphs());
        assertThat(second.sources()).isEqualTo(first.sources());
        assertThat(second.kernels()).containsOnlyKeys(first.kernels().keySet());
        first.kernels()
                .forEach((name, bytes) -> assertThat(second.kernels().get(name)).isEqualTo(bytes));
    }

    @Test
    void deepModelsNeedNoMoreKernelsThanShallowOnes() {
        assertThat(specs(build(deep(7), options(true)).program()))
                .isEqualTo(specs(build(deep(4), options(true)).program()));
    }

    /** Every layer has a drop rate of its own. */
    private static Sizes deep(int layers) {
        return new Sizes(3, 8, 4, new Tower(8, layers, 2, 12), 5, 4, new Tower(6, layers, 3, 10), 4, 0.1);
    }

    private static Set<String> specs(Program program) {
        return program.schedules().stream()
                .flatMap(s -> s.kernelCalls().stream().map(KernelCall::kernel))
                .collect(Collectors.toSet());
    }

    @Test
    void graphsCanBeReadAgain() {
        var program = build(Sizes.tiny(0), options(true)).program();
        assertThat(program.graphs()).containsOnlyKeys("loss", "loss_grad", "train_step");
        program.graphs()
                .forEach((name, text) ->
                        assertThat(GraphParser.parse(name, text).nodes()).isNotEmpty());
    }

    @Test
    void theReportAddsUp() {
        var seen = new ArrayList<String>();
        var report = build(
                        Sizes.tiny(0),
                        options(true).toBuilder()
                                .observer((entry, pass, _) -> seen.add(entry + " " + pass))
                                .build())
                .report();
        assertThat(report.kernels().keySet()).containsExactlyInAnyOrder("left", "right");
        assertThat(report.entries()).hasSize(3).allSatisfy(entry -> {
            assertThat(entry.flops()).isPositive();
            assertThat(entry.launches()).isPositive();
            assertThat(entry.plan().bytes()).isGreaterThanOrEqualTo(entry.plan().lowerBound());
        });
        assertThat(seen).contains("train_step elaborate", "train_step rematerialize", "train_step fuse", "loss fuse");
    }

    private static String simpleName(KernelCall call) {
        return call.kernel().substring(call.kernel().lastIndexOf('.') + 1);
    }
}
