package org.clipc.compiler.pack;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.LaunchCost;
import org.clipc.compiler.kernel.RenderedKernel;
import org.clipc.compiler.kernel.Target;
import org.clipc.compiler.lower.LoweredGraph;
import org.clipc.compiler.lower.Step;
import org.clipc.ir.Cost;
import org.clipc.program.Choice;
import org.clipc.program.Manifest;

/**
 * The calls that one target makes of a lowered graph. Temporaries of a launch share one block of memory, which lives for
 * that launch.
 *
 * @param hasArenaOfInts as {@link Target#hasArenaOfInts}
 * @param temporaryBytes by step: size of the block
 * @param sites those of the calls that can be made in other ways
 */
record TargetCalls(
        String target, boolean hasArenaOfInts, List<Call> calls, List<Long> temporaryBytes, List<Site> sites) {

    /** Launches that a target is offered at once. */
    private static final int MOST_TOGETHER = 256;

    /**
     * Calls that can be made in other ways.
     *
     * @param choice what they compute
     * @param first index of the first
     * @param options the other ways by name, each of as many calls
     * @param defaults as {@link Choice#defaults}
     */
    record Site(
            String choice,
            int first,
            SequencedMap<String, List<KernelUse>> options,
            SortedMap<Integer, String> defaults) {

        /** With calls behind it that are the same in every way. */
        Site with(List<KernelUse> more) {
            var longer = new LinkedHashMap<String, List<KernelUse>>();
            options.forEach((name, way) ->
                    longer.put(name, Stream.concat(way.stream(), more.stream()).toList()));
            return new Site(choice, first, longer, defaults);
        }
    }

    /** A call whose addresses are not known yet. */
    sealed interface Call {

        int step();
    }

    /**
     * Of a kernel.
     *
     * @param cost its part of the step's, see {@link LaunchCost}
     */
    record KernelUse(
            int step,
            String kernel,
            List<CallSink.Argument> arguments,
            int units,
            int groupSize,
            int localFloats,
            int sharedFloats,
            List<Long> temporaries,
            Cost cost)
            implements Call {}

    /** Between ranks. */
    record RankExchange(int step, Step.Exchange exchange) implements Call {}

    /** @param started index of the call whose exchange is over by then */
    record ExchangeEnd(int step, Step.Await await, int started) implements Call {}

    /** @param kernels by class name, to which those called are added */
    static TargetCalls plan(Target target, LoweredGraph lowered, Map<String, RenderedKernel> kernels) {
        var calls = new ArrayList<Call>();
        var bytes = new ArrayList<Long>();
        var sites = new ArrayList<Site>();
        var goesOn = Optional.<Site>empty();
        var firstCalls = new int[lowered.steps().size()];
        for (var s = 0; s < lowered.steps().size(); s = bytes.size()) {
            firstCalls[s] = calls.size();
            var sink = new Collector(target.name(), s, lowered.buffers().size(), launch(lowered, s + 1), kernels);
            var planned = 1;
            switch (lowered.steps().get(s)) {
                case Step.Kernel _ -> {
                    var launches = launches(lowered, s);
                    planned = target.plan(launches, sink);
                    goesOn.ifPresent(site -> sites.add(site.with(sink.calls)));
                    var found = sink.sites(calls.size());
                    goesOn = sink.goesOn ? Optional.of(found.removeLast()) : Optional.empty();
                    sites.addAll(found);
                    var cost = launches.subList(0, planned).stream()
                            .map(LaunchCost::of)
                            .reduce(Cost.NONE, Cost::plus);
                    calls.addAll(sink.calls(cost));
                }
                case Step.Exchange exchange -> calls.add(new RankExchange(s, exchange));
                case Step.Await await -> calls.add(new ExchangeEnd(s, await, firstCalls[await.start()]));
            }
            bytes.add(sink.used);
            bytes.addAll(Collections.nCopies(planned - 1, 0L));
        }
        return new TargetCalls(target.name(), target.hasArenaOfInts(), calls, bytes, sites);
    }

    /** Those from a step on, up to the next that is none. */
    private static List<Launch> launches(LoweredGraph lowered, int from) {
        return lowered.steps().subList(from, lowered.steps().size()).stream()
                .takeWhile(Step.Kernel.class::isInstance)
                .limit(MOST_TOGETHER)
                .map(step -> ((Step.Kernel) step).launch())
                .toList();
    }

    private static Optional<Launch> launch(LoweredGraph lowered, int step) {
        return step < lowered.steps().size() && lowered.steps().get(step) instanceof Step.Kernel(var _, var launch)
                ? Optional.of(launch)
                : Optional.empty();
    }

    private static class Collector implements CallSink {

        private final String target;
        private final int step;
        private final int firstTemporary;
        private final Optional<Launch> next;
        private final Map<String, RenderedKernel> kernels;
        private final List<Long> temporaries;
        private final List<KernelUse> calls = new ArrayList<>();
        private final List<Site> sites = new ArrayList<>();
        private long used;

        /** Whether the calls behind all of these belong to the last site. */
        private boolean goesOn;

        Collector(
                String target,
                int step,
                int firstTemporary,
                Optional<Launch> next,
                Map<String, RenderedKernel> kernels) {
            this(target, step, firstTemporary, next, kernels, new ArrayList<>());
        }

        private Collector(
                String target,
                int step,
                int firstTemporary,
                Optional<Launch> next,
                Map<String, RenderedKernel> kernels,
                List<Long> temporaries) {
            this.next = next;
            this.temporaries = temporaries;
            this.target = target;
            this.step = step;
            this.firstTemporary = firstTemporary;
            this.kernels = kernels;
        }

        /**
         * The calls. Those that do the launch's work share its cost in proportion to their units, since a target cuts work
         * into units of about one size.
         */
        List<KernelUse> calls(Cost launch) {
            var left = launch;
            var itemsLeft = calls.stream()
                    .filter(Collector::sharesCost)
                    .mapToLong(Collector::items)
                    .sum();
            var costed = new ArrayList<KernelUse>();
            for (var call : calls) {
                if (sharesCost(call)) {
                    var share = share(left, items(call), itemsLeft);
                    left = new Cost(left.flops() - share.flops(), left.bytes() - share.bytes());
                    itemsLeft -= items(call);
                    costed.add(withCost(call, share));
                } else {
                    costed.add(call);
                }
            }
            return costed;
        }

        /** Those found, where so many calls are made before. */
        List<Site> sites(int before) {
            return sites.stream()
                    .map(site -> new Site(site.choice(), before + site.first(), site.options(), site.defaults()))
                    .collect(Collectors.toCollection(ArrayList::new));
        }

        /** What prepares has a cost of its own. */
        private static boolean sharesCost(KernelUse call) {
            return call.cost().equals(Cost.NONE);
        }

        private static long items(KernelUse call) {
            return (long) call.units() * call.groupSize();
        }

        /** All of it for the last. */
        private static Cost share(Cost whole, long part, long parts) {
            return part == parts
                    ? whole
                    : new Cost((long) ((double) whole.flops() * part / parts), (long)
                            ((double) whole.bytes() * part / parts));
        }

        private static KernelUse withCost(KernelUse call, Cost cost) {
            return new KernelUse(
                    call.step(),
                    call.kernel(),
                    call.arguments(),
                    call.units(),
                    call.groupSize(),
                    call.localFloats(),
                    call.sharedFloats(),
                    call.temporaries(),
                    cost);
        }

        @Override
        public String target() {
            return target;
        }

        @Override
        public int temporary(long bytes) {
            temporaries.add(used);
            used += Manifest.align(bytes);
            return firstTemporary + temporaries.size() - 1;
        }

        @Override
        public void call(
                RenderedKernel kernel, List<Argument> arguments, int units, int localFloats, int sharedFloats) {
            add(kernel, arguments, units, 1, localFloats, sharedFloats, Cost.NONE);
        }

        @Override
        public void prepare(
                RenderedKernel kernel,
                List<Argument> arguments,
                int units,
                int localFloats,
                int sharedFloats,
                long bytes) {
            add(kernel, arguments, units, 1, localFloats, sharedFloats, new Cost(0, bytes));
        }

        @Override
        public void choose(
                String name, SequencedMap<String, Consumer<CallSink>> options, SortedMap<Integer, String> defaults) {
            var first = calls.size();
            CallSink.super.choose(name, options, defaults);
            var made = calls.subList(first, calls.size());
            var others = new LinkedHashMap<String, List<KernelUse>>();
            options.forEach((option, plan) -> {
                Collector sink = new Way(name);
                plan.accept(sink);
                if (!sink.calls.equals(made) && !others.containsValue(sink.calls)) {
                    others.put(option, sink.calls);
                }
            });
            if (!others.isEmpty()) {
                var standard = new TreeMap<>(defaults);
                standard.values().retainAll(others.keySet());
                sites.add(new Site(name, first, others, standard));
            }
        }

        @Override
        public Optional<Launch> next() {
            return next;
        }

        @Override
        public void chooseWithNext(String name, SequencedMap<String, Consumer<CallSink>> options) {
            var before = sites.size();
            choose(name, options);
            goesOn = sites.size() > before;
        }

        @Override
        public void launch(RenderedKernel kernel, List<Argument> arguments, int groups, int groupSize) {
            add(kernel, arguments, groups, groupSize, 0, 0, Cost.NONE);
        }

        @Override
        public void prepareLaunch(
                RenderedKernel kernel, List<Argument> arguments, int groups, int groupSize, long bytes) {
            add(kernel, arguments, groups, groupSize, 0, 0, new Cost(0, bytes));
        }

        private void add(
                RenderedKernel kernel,
                List<Argument> arguments,
                int units,
                int groupSize,
                int localFloats,
                int sharedFloats,
                Cost cost) {
            kernels.putIfAbsent(kernel.className(), kernel);
            // The list of temporaries is shared on purpose: later ones have higher numbers.
            calls.add(new KernelUse(
                    step,
                    kernel.className(),
                    List.copyOf(arguments),
                    units,
                    groupSize,
                    localFloats,
                    sharedFloats,
                    temporaries,
                    cost));
        }

        /** One of the ways of a choice: its memory is that of the launch, which is laid out before. */
        private final class Way extends Collector {

            private final String choice;

            Way(String choice) {
                super(target, step, firstTemporary, next, kernels, temporaries);
                this.choice = choice;
            }

            @Override
            public int temporary(long bytes) {
                throw new IllegalStateException("a way to compute " + choice + " takes memory of its own");
            }
        }
    }
}
