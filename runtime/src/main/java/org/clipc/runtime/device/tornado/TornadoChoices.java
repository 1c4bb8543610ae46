package org.clipc.runtime.device.tornado;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.clipc.program.Choice;
import org.clipc.program.KernelCall;
import org.clipc.program.Schedule;

/**
 * The ways to make an entry point's calls on a device of TornadoVM: those that its schedule has; and where kernels are there
 * both in C and in Java, each of these ways, and the only way to make other calls, once more in Java. C is the default. Where
 * the device's vectors make another way the default than the schedule does, that one is called {@value #LISTED}.
 */
final class TornadoChoices {

    /** The end of the name of a way in Java, and the name of the default way in Java. */
    private static final String JIT = "jit";

    private static final String LISTED = "listed";

    private final Schedule schedule;
    private final int lanes;
    private final List<Choice> choices = new ArrayList<>();

    /**
     * Calls made in certain ways.
     *
     * @param inJava those, by identity, whose kernels TornadoVM is to compile although there is C
     * @param starts index of the first call of each place that has a choice, and of the call behind its last
     */
    record Made(Schedule schedule, Set<KernelCall> inJava, BitSet starts) {}

    /**
     * @param inBoth kernels that are there in C and in Java, between which tuning may choose
     * @param lanes floats that the device's vectors hold
     */
    TornadoChoices(Schedule schedule, Set<String> inBoth, int lanes) {
        this.schedule = schedule;
        this.lanes = lanes;
        var chosen = new BitSet();
        for (var choice : schedule.choices()) {
            if (choice.sites().isEmpty()) {
                continue;
            }
            choice.sites().forEach(site -> chosen.set(site, site + choice.calls()));
            choices.add(inJavaToo(otherThanDefault(choice), inBoth));
        }
        var others = new LinkedHashMap<String, List<Integer>>();
        for (var i = 0; i < schedule.calls().size(); i++) {
            if (!chosen.get(i)
                    && schedule.calls().get(i) instanceof KernelCall call
                    && inBoth.contains(call.kernel())
                    && call.units() > 0) {
                others.computeIfAbsent(name(call), _ -> new ArrayList<>()).add(i);
            }
        }
        others.forEach((name, sites) ->
                choices.add(new Choice(name, sites, Map.of(JIT, List.of(unchanged(call(sites.getFirst())))))));
    }

    private static String name(KernelCall call) {
        return "%s of %d groups".formatted(call.kernel().substring(call.kernel().lastIndexOf('.') + 1), call.units());
    }

    private KernelCall call(int index) {
        return (KernelCall) schedule.calls().get(index);
    }

    private static Choice.Patch unchanged(KernelCall call) {
        return new Choice.Patch(call.units(), call.localFloats(), call.sharedFloats(), new TreeMap<>());
    }

    /** The calls of a choice, where it has its first site. */
    private List<KernelCall> calls(Choice choice) {
        int site = choice.sites().getFirst();
        return schedule.calls().subList(site, site + choice.calls()).stream()
                .map(KernelCall.class::cast)
                .toList();
    }

    /** The choice with all options that are not the device's default. */
    private Choice otherThanDefault(Choice choice) {
        var standard = choice.standard(lanes);
        if (standard.isEmpty()) {
            return choice;
        }
        var options = new LinkedHashMap<String, List<Choice.Patch>>();
        options.put(
                LISTED, calls(choice).stream().map(TornadoChoices::unchanged).toList());
        options.putAll(choice.options());
        options.remove(standard.get());
        return new Choice(choice.name(), choice.sites(), options, choice.forLanes());
    }

    private Choice inJavaToo(Choice choice, Set<String> inBoth) {
        var calls = calls(choice);
        if (calls.stream().noneMatch(call -> inBoth.contains(call.kernel()))) {
            return choice;
        }
        var options = new LinkedHashMap<>(choice.options());
        options.put(JIT, calls.stream().map(TornadoChoices::unchanged).toList());
        choice.options().forEach((name, patches) -> options.put(name + " " + JIT, patches));
        return new Choice(choice.name(), choice.sites(), options, choice.forLanes());
    }

    List<Choice> all() {
        return Collections.unmodifiableList(choices);
    }

    /**
     * Makes calls in these ways, and all others in the default way. Where kernels are not to be chosen, of a way in Java all
     * the rest is followed.
     *
     * @throws IllegalArgumentException if a choice has no option of that name
     */
    Made with(Map<String, String> options) {
        var ofSchedule = new HashMap<String, String>();
        var inJava = new ArrayList<Choice>();
        for (var choice : choices) {
            var option = options.getOrDefault(choice.name(), "");
            if (option.equals(JIT) || option.endsWith(" " + JIT)) {
                inJava.add(choice);
                option = option.substring(0, Math.max(0, option.length() - JIT.length() - 1));
            }
            if (option.isEmpty()) {
                choice.standard(lanes).ifPresent(standard -> ofSchedule.put(choice.name(), standard));
            } else if (!choice.options().containsKey(option)) {
                throw new IllegalArgumentException("'%s' has no option '%s', only %s"
                        .formatted(choice.name(), option, choice.options().keySet()));
            } else if (!option.equals(LISTED)) {
                ofSchedule.put(choice.name(), option);
            }
        }
        var made = schedule.with(ofSchedule);
        var calls = Collections.<KernelCall>newSetFromMap(new IdentityHashMap<>());
        var starts = new BitSet();
        for (var choice : choices) {
            for (int site : choice.sites()) {
                starts.set(site);
                starts.set(site + choice.calls());
                if (inJava.contains(choice)) {
                    made.calls().subList(site, site + choice.calls()).forEach(call -> calls.add((KernelCall) call));
                }
            }
        }
        return new Made(made, calls, starts);
    }
}
