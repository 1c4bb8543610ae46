package org.clipc.runtime.profile;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.clipc.program.Call;
import org.clipc.program.Choice;
import org.clipc.runtime.device.CallTiming;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.device.DeviceProgram.CallObserver;

/**
 * Finds, among the ways to make a program's calls, those that are faster on the device than the default ones. Calls are
 * timed where they belong, within runs of the entry point, so that caches hold what they will hold; each run tries another
 * way of every choice. The best way of each is then confirmed in pairs of runs, by default and tuned: to be kept, it must
 * have been faster in more pairs than luck explains (a sign test), and by {@link #LEAST_GAIN} in the median. The ones that
 * luck made best do not pass that.
 */
public final class Tuner {

    /** Part of the time that a way must save. */
    private static final double LEAST_GAIN = 0.02;

    /** How likely a way that is no faster than the default may win so many pairs: 6 of 7, 11 of 15, 20 of 31. */
    private static final double MOST_CHANCE = 0.08;

    private final DeviceProgram program;
    private final Runnable run;
    private final List<Choice> choices;
    private final Map<Integer, Integer> choiceOfCall = new HashMap<>();
    private double[] seconds = {};
    private int call;

    /**
     * How thoroughly to look.
     *
     * @param warmup runs before, for the JIT compiler
     * @param trials measurements of every way, at least 1
     * @param pairs of runs that confirm; fewer than 4 confirm nothing
     */
    public record Effort(int warmup, int trials, int pairs) {}

    /**
     * A way that is faster than the default.
     *
     * @param seconds that it takes in a run, the median
     * @param standard seconds that the default takes
     */
    public record Finding(String choice, String option, double seconds, double standard) {}

    /**
     * What tuning found.
     *
     * @param choices that there were
     * @param seconds that all of these took in a run by default
     * @param findings those that save most first
     */
    public record Result(int choices, double seconds, List<Finding> findings) {

        public Result {
            findings = List.copyOf(findings);
        }

        /** Option by choice. */
        public Map<String, String> options() {
            var options = new LinkedHashMap<String, String>();
            findings.forEach(finding -> options.put(finding.choice(), finding.option()));
            return options;
        }
    }

    private Tuner(DeviceProgram program, Runnable run, List<Choice> choices) {
        this.program = program;
        this.run = run;
        this.choices = choices;
        for (var c = 0; c < choices.size(); c++) {
            for (int site : choices.get(c).sites()) {
                for (var i = 0; i < choices.get(c).calls(); i++) {
                    choiceOfCall.put(site + i, c);
                }
            }
        }
    }

    /**
     * Tunes the entry point that {@code run} runs once; afterwards the program makes all calls in the default way again.
     */
    public static Result tune(DeviceProgram program, Runnable run, Effort effort) {
        program.tune(Map.of());
        var entry = entry(program, run);
        for (var i = 1; i < effort.warmup(); i++) {
            run.run();
        }
        var choices = program.choices(entry);
        if (choices.isEmpty()) {
            return new Result(0, 0, List.of());
        }
        try {
            return new Tuner(program, run, choices).search(effort);
        } finally {
            program.observe(null);
            program.tune(Map.of());
        }
    }

    /** The entry point that runs: for the texts given, one for shorter ones may. */
    private static String entry(DeviceProgram program, Runnable run) {
        var entry = new String[] {""};
        program.observe((ran, _, _) -> entry[0] = ran);
        run.run();
        program.observe(null);
        return entry[0];
    }

    private Result search(Effort effort) {
        program.observe(new CallObserver() {
            @Override
            public void called(String entry, Call made, CallTiming timing) {
                took(timing);
            }

            @Override
            public boolean wantsEachCall() {
                return true;
            }
        });
        var best = best(effort.trials());
        var tuned = new ArrayList<double[]>();
        var standard = new ArrayList<double[]>();
        for (var pair = 0; pair < effort.pairs(); pair++) {
            // What goes first may find the machine in another state.
            if (pair % 2 == 0) {
                standard.add(measure(Map.of()));
                tuned.add(measure(best));
            } else {
                tuned.add(measure(best));
                standard.add(measure(Map.of()));
            }
        }
        var findings = new ArrayList<Finding>();
        var all = 0.0;
        for (var c = 0; c < choices.size(); c++) {
            var choice = choices.get(c);
            var before = column(standard, c);
            var after = column(tuned, c);
            all += median(before);
            var option = best.get(choice.name());
            if (option != null && isFaster(after, before)) {
                findings.add(new Finding(choice.name(), option, median(after), median(before)));
            }
        }
        findings.sort(Comparator.comparingDouble(finding -> finding.seconds() - finding.standard()));
        return new Result(choices.size(), all, findings);
    }

    private void took(CallTiming timing) {
        var choice = choiceOfCall.get(call++);
        if (choice != null) {
            seconds[choice] += timing.nanos() * 1e-9;
        }
    }

    /** Runs once, with these options; seconds by choice. */
    private double[] measure(Map<String, String> options) {
        program.tune(options);
        call = 0;
        seconds = new double[choices.size()];
        run.run();
        return seconds;
    }

    /** The option of each choice whose median is least, where that is not the default. */
    private Map<String, String> best(int trials) {
        var ways = new ArrayList<List<String>>();
        choices.forEach(choice -> ways.add(List.copyOf(choice.options().keySet())));
        var runs = 1 + ways.stream().mapToInt(List::size).max().orElse(0);
        var times = new ArrayList<Map<String, List<Double>>>();
        ways.forEach(_ -> times.add(new HashMap<>()));
        for (var trial = 0; trial < trials * runs; trial++) {
            var options = new LinkedHashMap<String, String>();
            for (var c = 0; c < choices.size(); c++) {
                // Neighbours try different ways, so that none meets all others slow.
                var way = (trial + c) % (ways.get(c).size() + 1);
                if (way > 0) {
                    options.put(choices.get(c).name(), ways.get(c).get(way - 1));
                }
            }
            var measured = measure(options);
            for (var c = 0; c < choices.size(); c++) {
                var option = options.getOrDefault(choices.get(c).name(), "");
                times.get(c).computeIfAbsent(option, _ -> new ArrayList<>()).add(measured[c]);
            }
        }
        var best = new LinkedHashMap<String, String>();
        for (var c = 0; c < choices.size(); c++) {
            var option = fastest(times.get(c));
            if (!option.isEmpty()) {
                best.put(choices.get(c).name(), option);
            }
        }
        return best;
    }

    private static String fastest(Map<String, List<Double>> times) {
        return times.entrySet().stream()
                .min(Comparator.comparingDouble((Map.Entry<String, List<Double>> way) -> median(way.getValue()))
                        .thenComparing(Map.Entry::getKey))
                .map(Map.Entry::getKey)
                .orElseThrow();
    }

    private static double median(List<Double> numbers) {
        return median(numbers.stream().mapToDouble(Double::doubleValue).toArray());
    }

    private static double[] column(List<double[]> rows, int column) {
        return rows.stream().mapToDouble(row -> row[column]).toArray();
    }

    private static boolean isFaster(double[] after, double[] before) {
        var ratios = new double[after.length];
        Arrays.setAll(ratios, i -> after[i] / before[i]);
        var faster = Arrays.stream(ratios).filter(ratio -> ratio < 1).count();
        return chance(ratios.length, faster) <= MOST_CHANCE && median(ratios) <= 1 - LEAST_GAIN;
    }

    /** The probability that of {@code pairs} fair coins {@code heads} or more show heads. */
    static double chance(int pairs, long heads) {
        var term = Math.pow(0.5, pairs);
        var sum = 0.0;
        for (var k = pairs; k >= heads; k--) {
            sum += term;
            term = term * k / (pairs - k + 1);
        }
        return sum;
    }

    private static double median(double[] numbers) {
        var sorted = numbers.clone();
        Arrays.sort(sorted);
        return (sorted[sorted.length / 2] + sorted[(sorted.length - 1) / 2]) / 2;
    }
}
