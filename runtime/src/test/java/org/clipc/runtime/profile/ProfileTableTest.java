package org.clipc.runtime.profile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Random;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

class ProfileTableTest {

    /**
     * C = A · B of 512x512x512: 2·512³ = 268.4 MFLOP and 3·512²·4 = 3.1 MB, which the roofline allows 2.684 ms. In 4 ms that
     * is 67.1 GFLOP/s, 0.79 GB/s and 67%.
     */
    @Example
    void aKnownProduct() {
        var gemm = Profiles.call("Gemm_1f", 0, 2L * 512 * 512 * 512, 3L * 512 * 512 * 4);
        var run = new Profile.Run(1000, 5_000_000, List.of(Profiles.slice(gemm, 2000, 4_000_000)));
        var profile = Profiles.of(List.of(Profiles.PRODUCT), List.of(run));

        var line = ProfileTable.lines(profile).getFirst();
        assertThat(line.calls()).isEqualTo(1);
        assertThat(line.median()).isEqualTo(4e-3, within(1e-12));
        assertThat(line.flops() / line.seconds()).isEqualTo(67.1e9, within(0.1e9));
        assertThat(line.least() / line.seconds()).isEqualTo(0.671, within(1e-3));

        var text = ProfileTable.of(profile);
        assertThat(text.lines())
                .anySatisfy(row -> assertThat(row.split("\\s+"))
                        .containsExactly(
                                "Gemm_1f",
                                "1",
                                "4.00",
                                "4000.0",
                                "100.0%",
                                "67.1",
                                "0.8",
                                "67%",
                                "dot_general+add",
                                "in",
                                "visual.blocks.*.mlp"));
        assertThat(text)
                .contains(
                        "loss, batch 4: 5.0 ms, 800.00 samples/s (median of 1 runs; 5.0 ms where every kernel is measured)")
                .contains("a device; measured ceilings: 100.0 GFLOP/s, 10.0 GB/s")
                .endsWith("outside of kernels: 1.00 ms a run, 20.0%");
    }

    /** Memory bounds what has few operations for its bytes: 1 GB takes 100 ms at 10 GB/s. */
    @Example
    void theRooflineHasTwoSides() {
        assertThat(Profiles.ROOFLINE.seconds(1e9, 1e9)).isEqualTo(0.1);
        assertThat(Profiles.ROOFLINE.seconds(1e12, 1e9)).isEqualTo(10);
    }

    /** Kernels that are started ahead of time. */
    @Example
    void aRunMayTakeLessThanItsKernelsOneByOne() {
        var gemm = Profiles.call("Gemm_1f", 0, 1000, 1000);
        var run = new Profile.Run(1000, 5_000_000, List.of(Profiles.slice(gemm, 2000, 4_000_000)));
        var profile = new Profile(
                "loss",
                4,
                List.of(9_000_000L, 2_000_000L, 3_000_000L),
                List.of(run),
                List.of(Profiles.PRODUCT),
                "a device",
                Profiles.ROOFLINE);

        assertThat(ProfileTable.of(profile))
                .contains(
                        "loss, batch 4: 3.0 ms, 1333.33 samples/s (median of 3 runs; 5.0 ms where every kernel is measured)")
                .endsWith("outside of kernels: nothing; a run saves 1.00 ms of theirs");
    }

    /** The roofline holds call by call: a mix of calls is not judged by its average. */
    @Example
    void differentShapesOfOneKernelAddUp() {
        var computing = Profiles.call("Gemm", 0, 1_000_000_000, 1000);
        var streaming = Profiles.call("Gemm", 0, 1000, 100_000_000);
        var run = new Profile.Run(
                0,
                50_000_000,
                List.of(Profiles.slice(computing, 0, 20_000_000), Profiles.slice(streaming, 20_000_000, 20_000_000)));
        var line = ProfileTable.lines(Profiles.of(List.of(), List.of(run))).getFirst();
        assertThat(line.least()).isEqualTo(0.02, within(1e-9));
        assertThat(line.seconds()).isEqualTo(0.04, within(1e-9));
    }

    @Property(tries = 200)
    void linesAddUpToTheSlices(@ForAll long seed) {
        var profile = Profiles.random(new Random(seed));
        var lines = ProfileTable.lines(profile);
        var slices =
                profile.runs().stream().flatMap(run -> run.slices().stream()).toList();
        double runs = profile.runs().size();
        assertThat(lines.stream().mapToDouble(ProfileTable.Line::seconds).sum())
                .isEqualTo(
                        slices.stream()
                                        .mapToDouble(s -> s.timing().nanos() * 1e-9)
                                        .sum()
                                / runs,
                        within(1e-9));
        assertThat(lines.stream().mapToDouble(ProfileTable.Line::calls).sum())
                .isEqualTo(slices.size() / runs, within(1e-9));
        assertThat(lines.stream().mapToDouble(ProfileTable.Line::flops).sum())
                .isEqualTo(slices.stream().mapToDouble(s -> s.call().flops()).sum() / runs, within(1e-3));
        assertThat(lines).isSortedAccordingTo((a, b) -> Double.compare(b.seconds(), a.seconds()));
    }
}
