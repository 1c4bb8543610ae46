package org.clipc.program;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Several ways to run some of a schedule's calls. All compute the same, though sums may round differently; which is fastest
 * depends on the device. The calls as the schedule lists them are the default, unless the device says otherwise by a figure:
 * for a JVM target bytes of a core's first-level data cache, for TornadoVM's floats that a vector holds.
 *
 * @param name of what is computed, unique in a schedule and the same wherever the same is computed
 * @param sites index of the first call of every place where it is computed
 * @param options the other ways, by name: for each call from a site on, what is different
 * @param defaults the option that is the default on a device whose figure is at least so much
 */
public record Choice(
        String name, List<Integer> sites, Map<String, List<Patch>> options, SortedMap<Integer, String> defaults) {

    /**
     * What is different in a call.
     *
     * @param args values by index in {@link KernelCall#args}
     */
    public record Patch(int units, int localFloats, int sharedFloats, SortedMap<Integer, Long> args) {

        public Patch {
            args = Collections.unmodifiableSortedMap(new TreeMap<>(args));
        }
    }

    public Choice {
        sites = List.copyOf(sites);
        options = Collections.unmodifiableMap(new LinkedHashMap<>(options));
        defaults = Collections.unmodifiableSortedMap(new TreeMap<>(defaults));
    }

    /** One whose default is the same on all devices. */
    public Choice(String name, List<Integer> sites, Map<String, List<Patch>> options) {
        this(name, sites, options, Collections.emptySortedMap());
    }

    /** The option that is the default on a device of this figure; empty if the calls as the schedule lists them are. */
    public Optional<String> standard(int figure) {
        var reached = defaults.headMap(figure + 1);
        return reached.isEmpty()
                ? Optional.empty()
                : Optional.of(reached.lastEntry().getValue());
    }

    /** Calls from a site on that belong to it. */
    public int calls() {
        return options.values().stream().mapToInt(List::size).max().orElse(0);
    }

    /** A call as an option makes it. */
    static KernelCall patched(KernelCall call, Patch patch) {
        var args = new ArrayList<>(call.args());
        patch.args().forEach(args::set);
        return new KernelCall(
                call.kernel(),
                args,
                patch.units(),
                call.groupSize(),
                patch.localFloats(),
                patch.sharedFloats(),
                call.node(),
                call.flops(),
                call.bytes());
    }
}
