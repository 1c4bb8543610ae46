package org.clipc.compiler.shard;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.GenerationMode;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.clipc.compiler.jvm.JvmTarget;
import org.clipc.compiler.kernel.KernelSpec;
import org.clipc.compiler.kernel.View;
import org.clipc.compiler.lower.Buffer;
import org.clipc.compiler.lower.LoweredGraph;
import org.clipc.compiler.lower.Lowering;
import org.clipc.compiler.lower.Overlap;
import org.clipc.compiler.lower.Step;
import org.clipc.compiler.memory.InPlace;
import org.clipc.compiler.memory.Lifetimes;
import org.clipc.compiler.memory.PlanMemory;
import org.clipc.compiler.pack.CompileOptions;
import org.clipc.compiler.pack.ProgramBuilder;
import org.clipc.compiler.train.Optimizer;
import org.clipc.ir.Graph;
import org.clipc.ir.Mesh;
import org.clipc.ir.MeshAxis;
import org.clipc.ir.Op;
import org.clipc.program.Manifest;
import org.junit.jupiter.api.Test;

/** Exchanges that go on beside kernels, in training steps. */
class OverlapTest {

    @Provide
    Arbitrary<Parallelism> setups() {
        return Combinators.combine(
                        Arbitraries.of(1, 2),
                        Arbitraries.of(false, true),
                        Arbitraries.of(1L, 600L, Parallelism.BUCKET_BYTES))
                .as((tensor, zero, bucket) -> new Parallelism(new Mesh(2, tensor), false, zero, bucket, true));
    }

    private static LoweredGraph step(Parallelism parallelism) {
        var graphs = new HashMap<String, Graph>();
        var options = CompileOptions.builder(List.of(new JvmTarget(128)))
                .batch(4)
                .training(new Optimizer(0.9, 0.98, 1e-6, 0.2, 1.0))
                .parallelism(parallelism)
                .verifyEach(true)
                .observer((entry, _, graph) -> graphs.put(entry, graph))
                .build();
        ProgramBuilder.plan(new TinyClip("vision.pooling", "avg").source(), options);
        var last = Objects.requireNonNull(graphs.get("train_step"));
        return Overlap.apply(InPlace.apply(Lowering.lower(last)));
    }

    private static List<Step.Await> awaits(LoweredGraph lowered) {
        return lowered.steps().stream()
                .filter(Step.Await.class::isInstance)
                .map(Step.Await.class::cast)
                .toList();
    }

    /** Where a buffer lies: in the workspace, or in a place of its own. */
    private record Place(int buffer, boolean alone, long start, long end) {

        boolean meets(Place other) {
            return (alone || other.alone) ? buffer == other.buffer : (start < other.end && other.start < end);
        }
    }

    private static Set<Place> places(List<View> views, LoweredGraph lowered, Map<Integer, Long> offsets) {
        var places = new HashSet<Place>();
        for (var view : views) {
            var buffer = lowered.buffers().get(view.buffer());
            var alone = buffer.role() != Buffer.Role.WORKSPACE;
            var start = alone ? 0 : Objects.requireNonNull(offsets.get(buffer.id()));
            places.add(new Place(buffer.id(), alone, start, start + Manifest.align(buffer.bytes())));
        }
        return places;
    }

    @Property(generation = GenerationMode.EXHAUSTIVE)
    void memoryThatIsUnderWayIsLeftAlone(@ForAll("setups") Parallelism parallelism) {
        var lowered = step(parallelism);
        var steps = lowered.steps();
        var offsets = PlanMemory.plan(Lifetimes.of(lowered), steps.size()).offsets();
        var awaits = awaits(lowered);
        assertThat(awaits).isNotEmpty();
        assertThat(awaits.stream().map(Step.Await::start)).doesNotHaveDuplicates();
        for (var await : awaits) {
            assertThat(steps.get(await.start())).isEqualTo(await.exchange());
            var operands = places(await.inputs(), lowered, offsets);
            var results = places(await.outputs(), lowered, offsets);
            var meanwhile = steps.subList(await.start() + 1, steps.indexOf(await));
            assertThat(meanwhile).hasAtLeastOneElementOfType(Step.Kernel.class);
            for (var step : meanwhile) {
                if (step instanceof Step.Await) {
                    continue;
                }
                for (var written : places(step.outputs(), lowered, offsets)) {
                    assertThat(operands).noneMatch(written::meets);
                    assertThat(results).noneMatch(written::meets);
                }
                for (var read : places(step.inputs(), lowered, offsets)) {
                    assertThat(results).noneMatch(read::meets);
                }
            }
        }
    }

    /** Right behind, but for the reductions that run with the kernel that computes the last gradient. */
    @Property(generation = GenerationMode.EXHAUSTIVE)
    void bucketsStartBehindTheirLastGradient(@ForAll("setups") Parallelism parallelism) {
        var lowered = step(parallelism);
        for (var await : awaits(lowered)) {
            var operands = new HashSet<Integer>();
            await.inputs().forEach(view -> operands.add(view.buffer()));
            var between = 0;
            for (var s = await.start() - 1; s >= 0 && !writes(lowered.steps().get(s), operands); s--) {
                between += lowered.steps().get(s) instanceof Step.Kernel(var _, var launch)
                                && !(launch.spec() instanceof KernelSpec.Reduce)
                        ? 1
                        : 0;
            }
            assertThat(between).as(String.valueOf(await)).isZero();
        }
    }

    private static boolean writes(Step step, Set<Integer> buffers) {
        return step.outputs().stream().anyMatch(view -> buffers.contains(view.buffer()));
    }

    @Test
    void gradientsTravelDuringTheBackwardPass() {
        var lowered = step(new Parallelism(new Mesh(2, 1), false, false, 600, true));
        var products = new ArrayList<Integer>();
        var inOrder = awaits(lowered).stream()
                .sorted(Comparator.comparingInt(Step.Await::start))
                .toList();
        for (var await : inOrder) {
            if (await.exchange().op() instanceof Op.AllReduce && await.inputs().size() > 1) {
                products.add((int) lowered
                        .steps()
                        .subList(await.start(), lowered.steps().indexOf(await))
                        .stream()
                        .filter(step -> step instanceof Step.Kernel(var _, var launch)
                                && launch.spec() instanceof KernelSpec.Gemm)
                        .count());
            }
        }
        // The first leaves while most of the way back lies ahead, and each of the next has less company.
        assertThat(products).hasSizeGreaterThan(6).isSortedAccordingTo((a, b) -> b - a);
        assertThat(products.getFirst()).isGreaterThan(20);
    }

    @Test
    void exchangesThatHoldMemoryAreFewAtATime() {
        var lowered = step(new Parallelism(new Mesh(2, 1), false, true, 1, true));
        var open = new HashSet<Integer>();
        var most = 0;
        for (var s = 0; s < lowered.steps().size(); s++) {
            var index = s;
            switch (lowered.steps().get(s)) {
                case Step.Exchange(var _, var op, var _, var _)
                when op instanceof Op.ReduceScatter
                        && awaits(lowered).stream().anyMatch(await -> await.start() == index) -> open.add(s);
                case Step.Await(var start, var _) -> open.remove(start);
                default -> {}
            }
            most = Math.max(most, open.size());
        }
        assertThat(most).isEqualTo(2);
    }

    @Test
    void onlyDataParallelRanksOverlap() {
        var lowered = step(new Parallelism(new Mesh(2, 2), false, false));
        assertThat(awaits(lowered))
                .isNotEmpty()
                .allMatch(await -> await.exchange().op().axis() == MeshAxis.DATA);
    }
}
