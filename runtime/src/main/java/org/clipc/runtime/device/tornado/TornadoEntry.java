package org.clipc.runtime.device.tornado;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.LongFunction;
import org.clipc.program.AwaitCall;
import org.clipc.program.Call;
import org.clipc.program.CollectiveCall;
import org.clipc.program.KernelCall;
import org.clipc.program.Schedule;
import org.clipc.runtime.device.exchange.Background;
import org.clipc.runtime.device.exchange.BackgroundExchange;
import org.clipc.runtime.device.exchange.Exchange;
import org.clipc.runtime.device.exchange.ExchangeLayout;
import org.clipc.runtime.device.program.RankedProgram;
import org.clipc.runtime.device.tornado.TornadoVm.DeviceArray;

/**
 * An entry point on a device of TornadoVM: graphs, since TornadoVM limits how many tasks one may have, and between them what
 * ranks do together. Tuning changes its calls.
 */
final class TornadoEntry {

    /**
     * Tasks of a graph. TornadoVM takes no more than 256, and the transfers of their arguments count too; but it compiles a
     * kernel for each of its calls in one graph (see {@link TornadoGraph}), which of a thousand tasks in graphs of 100 takes
     * half as long again as in graphs of 32, while runs take no longer.
     */
    private static final int TASKS = 32;

    private static final int RECEIVING_GROUP = 256;

    private final Shared shared;
    private final Schedule schedule;
    private final TornadoChoices choices;
    private final DeviceArray ints;
    private final DeviceArray constants;
    private final List<TornadoTransfers> between = new ArrayList<>();

    /** By index among the calls. */
    private final Map<Integer, Part> together = new HashMap<>();

    /** Every graph that was ever run, so that tuning compiles nothing twice. */
    private final Map<Piece, Part.Kernels> made = new LinkedHashMap<>();

    private List<Part> parts = List.of();

    /** What happens next. */
    sealed interface Part {

        /**
         * Kernels run.
         *
         * @param calls what the graph runs, besides {@code Receive}; those of no groups, which are there for another way to
         *     make their neighbours, it does not have
         */
        record Kernels(TornadoGraph graph, List<KernelCall> calls) implements Part {

            int tasks() {
                return (int) calls.stream().filter(call -> call.units() > 0).count();
            }
        }

        /** Ranks exchange tensors, and go on when they have. */
        record Exchanged(TornadoExchange exchange) implements Part {}

        /** Ranks begin to exchange tensors. */
        record Begun(TornadoExchange exchange, BackgroundExchange beside) implements Part {}

        /** That is over. */
        record Ended(AwaitCall call, Begun begun) implements Part {}
    }

    /**
     * What a graph runs.
     *
     * @param prebuilt the kernel in C that all its calls are of; empty if they are of others
     * @param receives whether ints come from the host before
     * @param gives whether ints are copied to the host behind
     */
    private record Piece(List<KernelCall> calls, String prebuilt, boolean receives, boolean gives) {

        Piece {
            calls = List.copyOf(calls);
        }
    }

    /**
     * Kernels, and the calls behind them by which ranks do something together.
     *
     * @param from index of the first kernel's call
     * @param to index of the first call behind the kernels
     * @param end index of the first call behind all
     */
    private record Segment(int from, int to, int end) {}

    /**
     * What the entry points of a program share.
     *
     * @param lanes floats that the device's vectors hold
     * @param floats the arena
     * @param transfers outside of entry points
     * @param memory gives host memory for so many floats or ints, as long as the program lives
     */
    record Shared(
            TornadoVm vm,
            int lanes,
            TornadoKernels kernels,
            RankedProgram ranks,
            Background background,
            DeviceArray floats,
            DeviceArray one,
            TornadoTransfers transfers,
            LongFunction<MemorySegment> memory) {

        /** How an entry point's exchanges lie in memory. */
        ExchangeLayout layout(Schedule schedule) {
            var awaited = schedule.awaited();
            return new ExchangeLayout(
                    schedule,
                    i -> ranks.group(schedule, (CollectiveCall) schedule.calls().get(i), awaited.get(i)));
        }
    }

    /**
     * It has no parts until they are made.
     *
     * @param exchanged memory for its exchanges, which no other entry point uses at the same time
     */
    TornadoEntry(Shared shared, Schedule schedule, ExchangeLayout layout, MemorySegment exchanged) throws IOException {
        this.shared = shared;
        this.schedule = schedule;
        choices = new TornadoChoices(schedule, shared.kernels().inBoth(schedule), shared.lanes());
        ints = shared.vm().ints(shared.memory().apply(schedule.ints()));
        constants =
                shared.vm().floats(shared.memory().apply(schedule.constants().size()));
        for (var i = 0; i < schedule.constants().size(); i++) {
            constants
                    .host()
                    .setAtIndex(ValueLayout.JAVA_FLOAT, i, schedule.constants().get(i));
        }
        if (schedule.kernelCalls().size() < schedule.calls().size()) {
            between.add(shared.transfers().between(ints));
        }
        for (var i = 0; i < schedule.calls().size(); i++) {
            switch (schedule.calls().get(i)) {
                case CollectiveCall call -> together.put(i, exchange(i, call, layout.ends(i, exchanged)));
                case AwaitCall await -> together.put(i, new Part.Ended(await, begun(await)));
                case KernelCall _ -> {}
            }
        }
    }

    private Part exchange(int index, CollectiveCall call, List<Exchange.Ends> ends) {
        var isAwaited = schedule.awaited().get(index);
        var group = shared.ranks().group(schedule, call, isAwaited);
        var exchange = new TornadoExchange(call, group, ends, between.getFirst(), ints);
        return isAwaited
                ? new Part.Begun(exchange, new BackgroundExchange(exchange.exchange(), shared.background()))
                : new Part.Exchanged(exchange);
    }

    private Part.Begun begun(AwaitCall await) {
        return (Part.Begun) Objects.requireNonNull(together.get(await.started()));
    }

    Schedule schedule() {
        return schedule;
    }

    TornadoChoices choices() {
        return choices;
    }

    /** Its arena of ints. */
    DeviceArray ints() {
        return ints;
    }

    /** Done in order. */
    List<Part> parts() {
        return parts;
    }

    /** All graphs, of which none is in another entry point. */
    List<TornadoGraph> graphs() {
        var graphs = new ArrayList<TornadoGraph>();
        between.forEach(t -> graphs.addAll(t.graphs()));
        made.values().forEach(part -> graphs.add(part.graph()));
        return graphs;
    }

    /**
     * Makes calls in these ways, in graphs that there are or new ones.
     *
     * @param apart whether calls that have a choice are in graphs of their own, so that others' choices leave these as they
     *     are
     */
    void make(TornadoChoices.Made ways, boolean apart) throws IOException {
        shared.kernels().renderInJava(ways.inJava());
        var calls = ways.schedule().calls();
        var starts = apart ? ways.starts() : new BitSet();
        var next = new ArrayList<Part>();
        // Ints come from the host for the first kernels, and behind exchanges of ints.
        var receives = true;
        for (var segment : segments(calls)) {
            var isOfInts = isOfInts(segment);
            for (var piece : cut(calls, segment, starts, receives, isOfInts || segment.end() == calls.size())) {
                next.add(part(piece));
            }
            for (var i = segment.to(); i < segment.end(); i++) {
                next.add(Objects.requireNonNull(together.get(i)));
            }
            receives = isOfInts;
        }
        parts = List.copyOf(next);
    }

    private static List<Segment> segments(List<Call> calls) {
        var segments = new ArrayList<Segment>();
        var from = 0;
        do {
            var to = from;
            while (to < calls.size() && calls.get(to) instanceof KernelCall) {
                to++;
            }
            var end = to;
            while (end < calls.size() && !(calls.get(end) instanceof KernelCall)) {
                end++;
            }
            segments.add(new Segment(from, to, end));
            from = end;
        } while (from < calls.size());
        return segments;
    }

    private boolean isOfInts(Segment segment) {
        for (var i = segment.to(); i < segment.end(); i++) {
            var call = schedule.calls().get(i);
            var collective = call instanceof AwaitCall(var started, var _)
                    ? schedule.calls().get(started)
                    : call;
            if (TornadoExchange.isOfInts((CollectiveCall) collective)) {
                return true;
            }
        }
        return false;
    }

    /**
     * Cuts a segment's kernels into what graphs run. TornadoVM 5.2 runs every prebuilt task of a graph with the code of the
     * graph's first task (PrebuiltTask.equals holds for tasks of another class only); so a graph either has none, or calls of
     * one such kernel only.
     *
     * @param starts where else to cut
     * @param receives whether the first has {@code Receive} too, and is there for that alone if need be
     */
    private List<Piece> cut(List<Call> calls, Segment segment, BitSet starts, boolean receives, boolean gives)
            throws IOException {
        var pieces = new ArrayList<Piece>();
        var piece = new ArrayList<KernelCall>();
        var tasks = receives ? 1 : 0;
        var last = "";
        for (var i = segment.from(); i < segment.to(); i++) {
            var call = (KernelCall) calls.get(i);
            var isSkipped = call.units() == 0;
            var prebuilt = !isSkipped && shared.kernels().isPrebuilt(call) ? call.kernel() : "";
            var fits = isSkipped || tasks == 0 || (prebuilt.equals(last) && tasks < TASKS);
            // No graph is without a task.
            if (tasks > 0 && (!fits || starts.get(i))) {
                pieces.add(new Piece(piece, last, receives && pieces.isEmpty(), false));
                piece = new ArrayList<>();
                tasks = 0;
            }
            piece.add(call);
            if (!isSkipped) {
                last = prebuilt;
                tasks++;
            }
        }
        if (tasks == 0 && !pieces.isEmpty()) {
            var before = pieces.removeLast();
            piece.addAll(0, before.calls());
            last = before.prebuilt();
        }
        pieces.add(new Piece(piece, last, receives && pieces.isEmpty(), gives));
        return pieces;
    }

    private Part.Kernels part(Piece piece) throws IOException {
        var known = made.get(piece);
        if (known == null) {
            known = new Part.Kernels(graph(piece), piece.calls());
            made.put(piece, known);
        }
        return known;
    }

    private TornadoGraph graph(Piece piece) throws IOException {
        var graph = new TornadoGraph(shared.vm()).consume(shared.floats());
        if (piece.receives()) {
            graph.upload(ints)
                    .uploadOnce(constants, shared.one())
                    .task(
                            shared.kernels().fixed("Receive"),
                            1,
                            RECEIVING_GROUP,
                            shared.floats(),
                            ints,
                            shared.one(),
                            constants);
        } else {
            graph.consume(ints).uploadOnce(constants);
        }
        for (var call : piece.calls()) {
            if (call.units() > 0) {
                add(graph, call);
            }
        }
        graph.persist(shared.floats(), ints);
        return piece.gives() ? graph.download(ints) : graph;
    }

    private void add(TornadoGraph graph, KernelCall call) throws IOException {
        var args = shared.vm().ints(shared.memory().apply(call.args().size()));
        for (var i = 0; i < call.args().size(); i++) {
            args.host()
                    .setAtIndex(
                            ValueLayout.JAVA_INT, i, Math.toIntExact(call.args().get(i)));
        }
        graph.uploadOnce(args);
        shared.kernels().add(call, graph, shared.floats(), ints, args, constants);
    }
}
