package org.clipc.runtime.profile;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;

/**
 * A profile by kernel, for people: a line per kernel, those that take longest first. Times are per run of the entry point,
 * medians over runs and calls. The last number says how much of the time the device's roofline asks for: 100% is as fast as
 * arithmetic and memory allow, and a kernel that finds its operands in a cache may pass it.
 */
public final class ProfileTable {

    private static final String HEAD = "%-31s %6s %10s %10s %6s %9s %8s %9s  %s"
            .formatted("kernel", "calls", "ms", "median µs", "share", "GFLOP/s", "GB/s", "roofline", "mostly");

    private ProfileTable() {}

    /**
     * What a kernel did.
     *
     * @param calls of one run
     * @param seconds of one run, on average
     * @param median seconds of a call; 0 where calls are too different for one
     * @param flops of one run
     * @param bytes of one run
     * @param least seconds that the roofline allows for a run's calls
     * @param mostly what takes most of its time: op and module path, layers' numbers left out
     */
    record Line(
            String kernel,
            double calls,
            double seconds,
            double median,
            double flops,
            double bytes,
            double least,
            String mostly) {

        String text(double all) {
            return String.format(
                    Locale.ROOT,
                    "%-31s %6.0f %10.2f %10s %5.1f%% %9s %8s %9s  %s",
                    kernel,
                    calls,
                    seconds * 1e3,
                    median > 0 ? String.format(Locale.ROOT, "%.1f", median * 1e6) : "",
                    100 * seconds / all,
                    rate(flops),
                    rate(bytes),
                    least > 0 ? String.format(Locale.ROOT, "%.0f%%", 100 * least / seconds) : "",
                    mostly);
        }

        private String rate(double work) {
            return work > 0 ? String.format(Locale.ROOT, "%.1f", work / seconds * 1e-9) : "";
        }
    }

    /** The whole table, each line ending as the system's do. */
    public static String of(Profile profile) {
        var lines = lines(profile);
        var all = lines.stream().mapToDouble(Line::seconds).sum();
        var text = new ArrayList<String>();
        text.add(summary(profile));
        text.add(ceiling(profile));
        text.add(HEAD);
        lines.forEach(line -> text.add(line.text(all).stripTrailing()));
        text.add(total(lines, all).text(all).stripTrailing());
        text.add(between(profile, all));
        return String.join(System.lineSeparator(), text);
    }

    private static String summary(Profile profile) {
        var seconds = unwatched(profile);
        return String.format(
                Locale.ROOT,
                "%s, batch %d: %.1f ms, %.2f samples/s (median of %d runs; %.1f ms where every kernel is measured)",
                profile.entry(),
                profile.batch(),
                seconds * 1e3,
                profile.batch() / seconds,
                profile.unwatched().size(),
                1e3 * median(profile.runs().stream().mapToDouble(run -> run.nanos() * 1e-9)));
    }

    private static double unwatched(Profile profile) {
        return median(profile.unwatched().stream().mapToDouble(nanos -> nanos * 1e-9));
    }

    private static String ceiling(Profile profile) {
        return String.format(
                Locale.ROOT,
                "%s; measured ceilings: %.1f GFLOP/s, %.1f GB/s",
                profile.device(),
                profile.roofline().flops() * 1e-9,
                profile.roofline().bytes() * 1e-9);
    }

    private static Line total(List<Line> lines, double all) {
        return new Line(
                "all kernels",
                lines.stream().mapToDouble(Line::calls).sum(),
                all,
                0,
                lines.stream().mapToDouble(Line::flops).sum(),
                lines.stream().mapToDouble(Line::bytes).sum(),
                lines.stream().mapToDouble(Line::least).sum(),
                "");
    }

    /** A device that starts kernels ahead, or several at a time, takes less for a run than for its kernels one by one. */
    private static String between(Profile profile, double all) {
        var run = unwatched(profile);
        return run > all
                ? String.format(
                        Locale.ROOT,
                        "outside of kernels: %.2f ms a run, %.1f%%",
                        (run - all) * 1e3,
                        100 * (run - all) / run)
                : String.format(
                        Locale.ROOT, "outside of kernels: nothing; a run saves %.2f ms of theirs", (all - run) * 1e3);
    }

    /** By kernel, the longest first. */
    static List<Line> lines(Profile profile) {
        var slices = new LinkedHashMap<String, List<Profile.Slice>>();
        for (var run : profile.runs()) {
            for (var slice : run.slices()) {
                slices.computeIfAbsent(slice.kernel(), _ -> new ArrayList<>()).add(slice);
            }
        }
        return slices.entrySet().stream()
                .map(kernel -> line(profile, kernel.getKey(), kernel.getValue()))
                .sorted(Comparator.comparingDouble(Line::seconds).reversed())
                .toList();
    }

    private static Line line(Profile profile, String kernel, List<Profile.Slice> slices) {
        double runs = profile.runs().size();
        return new Line(
                kernel,
                slices.size() / runs,
                seconds(slices.stream()).sum() / runs,
                median(seconds(slices.stream())),
                slices.stream().mapToDouble(slice -> slice.call().flops()).sum() / runs,
                slices.stream().mapToDouble(slice -> slice.call().bytes()).sum() / runs,
                slices.stream()
                                .mapToDouble(slice -> profile.roofline()
                                        .seconds((double) slice.call().flops(), (double)
                                                slice.call().bytes()))
                                .sum()
                        / runs,
                mostly(profile, slices));
    }

    private static DoubleStream seconds(Stream<Profile.Slice> slices) {
        return slices.mapToDouble(slice -> slice.timing().nanos() * 1e-9);
    }

    private static double median(DoubleStream numbers) {
        var sorted = numbers.sorted().toArray();
        return sorted.length == 0 ? 0 : (sorted[sorted.length / 2] + sorted[(sorted.length - 1) / 2]) / 2;
    }

    private static String mostly(Profile profile, List<Profile.Slice> slices) {
        Map<String, Long> times = new HashMap<>();
        for (var slice : slices) {
            var node = profile.node(slice.call());
            var path = node.path().isEmpty() ? "" : " in " + withoutNumbers(node.path());
            times.merge(node.op() + path, slice.timing().nanos(), Long::sum);
        }
        return times.entrySet().stream()
                .max(Map.Entry.<String, Long>comparingByValue().thenComparing(Map.Entry.comparingByKey()))
                .map(Map.Entry::getKey)
                .orElse("");
    }

    /** {@code blocks.*.mlp} for {@code blocks.3.mlp}. */
    private static String withoutNumbers(String path) {
        return String.join(
                ".",
                Arrays.stream(path.split("\\.", -1))
                        .map(part -> part.matches("\\d+") ? "*" : part)
                        .toList());
    }
}
