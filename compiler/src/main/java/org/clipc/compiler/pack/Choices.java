package org.clipc.compiler.pack;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;
import org.clipc.program.Call;
import org.clipc.program.Choice;
import org.clipc.program.KernelCall;

/**
 * What a program says of the ways to make its calls: for every distinct product, where it is computed, and what each way
 * changes there. That is the same at every site, and small.
 */
final class Choices {

    private Choices() {}

    /**
     * @param calls of the schedule
     * @param resolve the arguments of a call that is not in the schedule
     */
    static List<Choice> of(
            List<TargetCalls.Site> sites, List<Call> calls, Function<TargetCalls.KernelUse, List<Long>> resolve) {
        var places = new LinkedHashMap<String, List<Integer>>();
        var defaults = new HashMap<String, SortedMap<Integer, String>>();
        var options = new LinkedHashMap<String, Map<String, List<Choice.Patch>>>();
        for (var site : sites) {
            var patches = patches(site, calls, resolve);
            var known = options.putIfAbsent(site.choice(), patches);
            if (known != null && !known.equals(patches)) {
                throw new IllegalStateException("the ways to compute " + site.choice() + " differ between its sites");
            }
            places.computeIfAbsent(site.choice(), _ -> new ArrayList<>()).add(site.first());
            defaults.put(site.choice(), site.defaults());
        }
        var choices = new ArrayList<Choice>();
        options.forEach((name, ways) -> choices.add(new Choice(
                name, Objects.requireNonNull(places.get(name)), ways, Objects.requireNonNull(defaults.get(name)))));
        return choices;
    }

    private static SequencedMap<String, List<Choice.Patch>> patches(
            TargetCalls.Site site, List<Call> calls, Function<TargetCalls.KernelUse, List<Long>> resolve) {
        var patches = new LinkedHashMap<String, List<Choice.Patch>>();
        site.options().forEach((name, way) -> {
            var ofCalls = new ArrayList<Choice.Patch>();
            for (var i = 0; i < way.size(); i++) {
                ofCalls.add(patch(way.get(i), (KernelCall) calls.get(site.first() + i), resolve));
            }
            patches.put(name, ofCalls);
        });
        return patches;
    }

    private static Choice.Patch patch(
            TargetCalls.KernelUse way, KernelCall call, Function<TargetCalls.KernelUse, List<Long>> resolve) {
        if (!way.kernel().equals(call.kernel())) {
            throw new IllegalStateException("a way to make a call of " + call.kernel() + " calls " + way.kernel());
        }
        var args = resolve.apply(way);
        var changed = new TreeMap<Integer, Long>();
        for (var i = 0; i < args.size(); i++) {
            if (!args.get(i).equals(call.args().get(i))) {
                changed.put(i, args.get(i));
            }
        }
        return new Choice.Patch(way.units(), way.localFloats(), way.sharedFloats(), changed);
    }
}
