package org.clipc.program;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * How one entry point runs on one target.
 *
 * <p>A JVM target addresses the arena by bytes. TornadoVM's arrays have one element type each, so its target has two
 * arenas: one of floats, where the float at byte offset 4·i of the arena has index i; and one of ints, which holds every
 * element of an i32 or bool tensor as one int, and whose layout is the schedule's own.
 *
 * @param entry name of the entry point
 * @param target such as {@code jvm256}
 * @param workspaceBytes bytes of the arena's workspace region that the calls use
 * @param ints size of the arena of ints; 0 for the JVM
 * @param places index of the first element, in the arena of ints, of every input and output of the entry point that lies
 *     there
 * @param constants float attributes of the calls, which TornadoVM's kernels read by index
 * @param choices other ways to make some of the calls; no call belongs to two
 */
public record Schedule(
        String entry,
        String target,
        long workspaceBytes,
        int ints,
        Map<String, Integer> places,
        List<Float> constants,
        List<Call> calls,
        List<Choice> choices) {

    public Schedule {
        places = Collections.unmodifiableMap(new LinkedHashMap<>(places));
        constants = List.copyOf(constants);
        calls = List.copyOf(calls);
        choices = List.copyOf(choices);
    }

    /** A schedule for the JVM. */
    public Schedule(String entry, String target, long workspaceBytes, List<? extends Call> calls) {
        this(entry, target, workspaceBytes, 0, Map.of(), List.of(), List.copyOf(calls), List.of());
    }

    /**
     * The schedule with its calls made in other ways.
     *
     * @param options by choice; choices that the schedule lacks are ignored, those not named stay as they are
     * @throws IllegalArgumentException if a choice has no option of that name
     */
    public Schedule with(Map<String, String> options) {
        var changed = new ArrayList<Call>(calls);
        for (var choice : choices) {
            var option = options.get(choice.name());
            if (option == null) {
                continue;
            }
            var patches = choice.options().get(option);
            if (patches == null) {
                throw new IllegalArgumentException("'%s' has no option '%s', only %s"
                        .formatted(choice.name(), option, choice.options().keySet()));
            }
            for (int site : choice.sites()) {
                for (var i = 0; i < patches.size(); i++) {
                    changed.set(site + i, Choice.patched((KernelCall) calls.get(site + i), patches.get(i)));
                }
            }
        }
        return new Schedule(entry, target, workspaceBytes, ints, places, constants, changed, choices);
    }

    /** Indices of the collectives that go on beside the calls behind them. */
    public BitSet awaited() {
        var awaited = new BitSet();
        for (var call : calls) {
            if (call instanceof AwaitCall await) {
                awaited.set(await.started());
            }
        }
        return awaited;
    }

    /** The calls that run kernels. */
    public List<KernelCall> kernelCalls() {
        return calls.stream()
                .filter(KernelCall.class::isInstance)
                .map(KernelCall.class::cast)
                .toList();
    }
}
