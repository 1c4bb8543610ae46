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
import org.clipc.program.Choice;
import org.clipc.program.KernelCall;
import org.clipc.program.Schedule;
import org.clipc.runtime.device.program.DeviceChoices;

/**
 * The ways to make an entry point's calls on a device of TornadoVM: those that its schedule has there; and where kernels are
 * there both in C and in Java, each of these ways, and the only way to make other calls, once more in Java. C is the default.
 */
final class TornadoChoices {

    /** The end of the name of a way in Java, and the name of the default way in Java. */
    private static final String JIT = "jit";

    private final Schedule schedule;
    private final DeviceChoices ofSchedule;
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
        this.ofSchedule = new DeviceChoices(schedule, lanes);
        var chosen = new BitSet();
        for (var choice : ofSchedule.all()) {
            if (choice.sites().isEmpty()) {
                continue;
            }
            choice.sites().forEach(site -> chosen.set(site, site + choice.calls()));
            choices.add(inJavaToo(choice, inBoth));
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
        others.forEach((name, sites) -> choices.add(new Choice(
                name, sites, Map.of(JIT, List.of(DeviceChoices.unchanged(call(sites.getFirst())))))));
    }

    private static String name(KernelCall call) {
        return "%s of %d groups".formatted(call.kernel().substring(call.kernel().lastIndexOf('.') + 1), call.units());
    }

    private KernelCall call(int index) {
        return (KernelCall) schedule.calls().get(index);
    }

    /** The calls of a choice, where it has its first site. */
    private List<KernelCall> calls(Choice choice) {
        int site = choice.sites().getFirst();
        return schedule.calls().subList(site, site + choice.calls()).stream()
                .map(KernelCall.class::cast)
                .toList();
    }

    private Choice inJavaToo(Choice choice, Set<String> inBoth) {
        var calls = calls(choice);
        if (calls.stream().noneMatch(call -> inBoth.contains(call.kernel()))) {
            return choice;
        }
        var options = new LinkedHashMap<>(choice.options());
        options.put(JIT, calls.stream().map(DeviceChoices::unchanged).toList());
        choice.options().forEach((name, patches) -> options.put(name + " " + JIT, patches));
        return new Choice(choice.name(), choice.sites(), options);
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
        var ways = new HashMap<String, String>();
        var inJava = new ArrayList<Choice>();
        for (var choice : choices) {
            var option = options.getOrDefault(choice.name(), "");
            if (option.equals(JIT) || option.endsWith(" " + JIT)) {
                inJava.add(choice);
                option = option.substring(0, Math.max(0, option.length() - JIT.length() - 1));
            }
            if (option.isEmpty()) {
                continue;
            }
            if (!choice.options().containsKey(option)) {
                throw new IllegalArgumentException("'%s' has no option '%s', only %s"
                        .formatted(choice.name(), option, choice.options().keySet()));
            }
            ways.put(choice.name(), option);
        }
        var made = ofSchedule.with(ways);
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
