package org.clipc.runtime.device;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.LongFunction;
import org.clipc.program.AwaitCall;
import org.clipc.program.Call;
import org.clipc.program.CollectiveCall;
import org.clipc.program.KernelCall;
import org.clipc.program.Schedule;
import org.clipc.runtime.device.TornadoVm.DeviceArray;

/**
 * An entry point on a device of TornadoVM: graphs, since TornadoVM limits how many tasks one may have, and between them what
 * ranks do together.
 *
 * @param ints its arena of ints
 * @param transfers between its graphs, if ranks exchange anything
 * @param parts done in order
 */
record TornadoEntry(Schedule schedule, DeviceArray ints, List<TornadoTransfers> transfers, List<Part> parts) {

    /** Tasks of a graph: 256 are the most, and the transfers of their arguments count too. */
    private static final int TASKS = 100;

    private static final int RECEIVING_GROUP = 256;

    /** What happens next. */
    sealed interface Part {

        /**
         * Kernels run.
         *
         * @param calls what the graph runs, besides {@code Receive}
         */
        record Kernels(TornadoVm.Graph graph, List<KernelCall> calls) implements Part {}

        /** Ranks exchange tensors, and go on when they have. */
        record Exchanged(TornadoExchange exchange) implements Part {}

        /** Ranks begin to exchange tensors. */
        record Begun(TornadoExchange exchange, BackgroundExchange beside) implements Part {}

        /** That is over. */
        record Ended(AwaitCall call, Begun begun) implements Part {}
    }

    TornadoEntry {
        transfers = List.copyOf(transfers);
        parts = List.copyOf(parts);
    }

    /** All graphs, of which none is in another entry point. */
    List<TornadoVm.Graph> graphs() {
        var graphs = new ArrayList<TornadoVm.Graph>();
        transfers.forEach(t -> graphs.addAll(t.graphs()));
        for (var part : parts) {
            if (part instanceof Part.Kernels kernels) {
                graphs.add(kernels.graph());
            }
        }
        return graphs;
    }

    /** Makes entry points of a program. */
    static final class Maker {

        private final TornadoVm vm;
        private final TornadoKernels kernels;
        private final RankedProgram ranks;
        private final Background background;
        private final DeviceArray floats;
        private final DeviceArray one;
        private final TornadoTransfers transfers;
        private final LongFunction<MemorySegment> memory;

        /**
         * @param floats the arena
         * @param transfers outside of entry points
         * @param memory gives host memory for so many floats or ints, as long as the program lives
         */
        Maker(
                TornadoVm vm,
                TornadoKernels kernels,
                RankedProgram ranks,
                Background background,
                DeviceArray floats,
                TornadoTransfers transfers,
                LongFunction<MemorySegment> memory) {
            this.vm = vm;
            this.kernels = kernels;
            this.ranks = ranks;
            this.background = background;
            this.floats = floats;
            this.transfers = transfers;
            this.memory = memory;
            one = vm.ints(memory.apply(2));
            one.host().setAtIndex(ValueLayout.JAVA_INT, 1, 1);
        }

        /** How an entry point's exchanges lie in memory. */
        ExchangeLayout layout(Schedule schedule) {
            var awaited = schedule.awaited();
            return new ExchangeLayout(
                    schedule,
                    i -> ranks.group(schedule, (CollectiveCall) schedule.calls().get(i), awaited.get(i)));
        }

        /** @param exchanged memory for its exchanges, which no other entry point uses at the same time */
        TornadoEntry make(Schedule schedule, ExchangeLayout layout, MemorySegment exchanged) throws IOException {
            return new Making(schedule, layout, exchanged).make();
        }

        /** Kernels, and the calls behind them by which ranks do something together: their indices. */
        private record Segment(List<KernelCall> kernels, List<Integer> together) {

            boolean isOfInts(Schedule schedule) {
                return together.stream().anyMatch(i -> {
                    var call = schedule.calls().get(i);
                    var collective = call instanceof AwaitCall(var started, var _)
                            ? schedule.calls().get(started)
                            : call;
                    return TornadoExchange.isOfInts((CollectiveCall) collective);
                });
            }
        }

        private static List<Segment> segments(List<Call> calls) {
            var segments = new ArrayList<Segment>();
            segments.add(new Segment(new ArrayList<>(), new ArrayList<>()));
            for (var i = 0; i < calls.size(); i++) {
                switch (calls.get(i)) {
                    case KernelCall kernel -> {
                        if (!segments.getLast().together().isEmpty()) {
                            segments.add(new Segment(new ArrayList<>(), new ArrayList<>()));
                        }
                        segments.getLast().kernels().add(kernel);
                    }
                    case CollectiveCall _, AwaitCall _ ->
                        segments.getLast().together().add(i);
                }
            }
            return segments;
        }

        /** One entry point under construction. */
        private final class Making {

            private final Schedule schedule;
            private final ExchangeLayout layout;
            private final MemorySegment exchanged;
            private final DeviceArray ints;
            private final DeviceArray constants;
            private final List<Part> parts = new ArrayList<>();
            private final List<TornadoTransfers> between = new ArrayList<>();
            private final Map<Integer, Part.Begun> begun = new HashMap<>();

            Making(Schedule schedule, ExchangeLayout layout, MemorySegment exchanged) {
                this.schedule = schedule;
                this.layout = layout;
                this.exchanged = exchanged;
                ints = vm.ints(memory.apply(schedule.ints()));
                constants = vm.floats(memory.apply(schedule.constants().size()));
                for (var i = 0; i < schedule.constants().size(); i++) {
                    constants
                            .host()
                            .setAtIndex(
                                    ValueLayout.JAVA_FLOAT,
                                    i,
                                    schedule.constants().get(i));
                }
            }

            TornadoEntry make() throws IOException {
                if (schedule.kernelCalls().size() < schedule.calls().size()) {
                    between.add(transfers.between(ints));
                }
                var segments = segments(schedule.calls());
                // Ints come from the host for the first kernels, and behind exchanges of ints.
                var receives = true;
                for (var i = 0; i < segments.size(); i++) {
                    var segment = segments.get(i);
                    var last = addKernels(segment.kernels(), receives);
                    receives = segment.isOfInts(schedule);
                    if (receives || i == segments.size() - 1) {
                        last.download(ints);
                    }
                    segment.together().forEach(this::addTogether);
                }
                return new TornadoEntry(schedule, ints, between, parts);
            }

            /** Returns the last graph. */
            private TornadoVm.Graph addKernels(List<KernelCall> all, boolean receives) throws IOException {
                var graph = vm.new Graph();
                var first = true;
                for (var calls : cut(all, receives)) {
                    graph = (first ? graph : vm.new Graph()).consume(floats);
                    if (first && receives) {
                        graph.upload(ints)
                                .uploadOnce(constants, one)
                                .task(kernels.fixed("Receive"), 1, RECEIVING_GROUP, floats, ints, one, constants);
                    } else {
                        graph.consume(ints).uploadOnce(constants);
                    }
                    for (var call : calls) {
                        add(graph, call);
                    }
                    parts.add(new Part.Kernels(graph.persist(floats, ints), calls));
                    first = false;
                }
                return graph;
            }

            private void add(TornadoVm.Graph graph, KernelCall call) throws IOException {
                var args = vm.ints(memory.apply(call.args().size()));
                for (var i = 0; i < call.args().size(); i++) {
                    args.host()
                            .setAtIndex(
                                    ValueLayout.JAVA_INT,
                                    i,
                                    Math.toIntExact(call.args().get(i)));
                }
                graph.uploadOnce(args);
                kernels.add(call, graph, floats, ints, args, constants);
            }

            private void addTogether(int index) {
                parts.add(
                        switch (schedule.calls().get(index)) {
                            case CollectiveCall call -> {
                                var isAwaited = schedule.awaited().get(index);
                                var exchange = new TornadoExchange(
                                        call,
                                        ranks.group(schedule, call, isAwaited),
                                        layout.ends(index, exchanged),
                                        between.getFirst(),
                                        ints);
                                if (!isAwaited) {
                                    yield new Part.Exchanged(exchange);
                                }
                                var start = new Part.Begun(
                                        exchange, new BackgroundExchange(exchange.exchange(), background));
                                begun.put(index, start);
                                yield start;
                            }
                            case AwaitCall await ->
                                new Part.Ended(await, Objects.requireNonNull(begun.get(await.started())));
                            case KernelCall _ -> throw new IllegalStateException("kernels run in graphs");
                        });
            }
        }

        /**
         * Cuts calls into what graphs run. TornadoVM 5.2 runs every prebuilt task of a graph with the code of the graph's
         * first task (PrebuiltTask.equals holds for tasks of another class only); so a graph either has none, or calls of one
         * such kernel only.
         *
         * @param receives whether the first has {@code Receive} too, and is there for that alone if need be
         */
        private List<List<KernelCall>> cut(List<KernelCall> calls, boolean receives) throws IOException {
            var graphs = new ArrayList<List<KernelCall>>();
            if (receives) {
                graphs.add(new ArrayList<>());
            }
            var last = "";
            for (var call : calls) {
                var prebuilt = kernels.isPrebuilt(call.kernel()) ? call.kernel() : "";
                if (graphs.isEmpty()
                        || !prebuilt.equals(last)
                        || graphs.getLast().size() == TASKS) {
                    graphs.add(new ArrayList<>());
                }
                graphs.getLast().add(call);
                last = prebuilt;
            }
            return graphs;
        }
    }
}
