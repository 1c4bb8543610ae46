package org.clipc.runtime.device.program;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.clipc.program.Choice;
import org.clipc.program.KernelCall;
import org.clipc.program.Schedule;

/**
 * The ways to make a schedule's calls on one device. Where the device's figure makes another way the default than the schedule
 * does, that one is no option, and the calls as the schedule lists them are: {@value #LISTED}.
 *
 * @param figure of the device, see {@link Choice}
 */
public record DeviceChoices(Schedule schedule, int figure) {

    /** The name of the calls as the schedule lists them, where the default is another way. */
    public static final String LISTED = "listed";

    /** The choices, each with the options that are not the default. */
    public List<Choice> all() {
        return schedule.choices().stream().map(this::otherThanDefault).toList();
    }

    private Choice otherThanDefault(Choice choice) {
        var standard = choice.standard(figure);
        if (standard.isEmpty() || choice.sites().isEmpty()) {
            return choice;
        }
        var options = new LinkedHashMap<String, List<Choice.Patch>>();
        options.put(LISTED, unchanged(choice));
        options.putAll(choice.options());
        options.remove(standard.get());
        return new Choice(choice.name(), choice.sites(), options);
    }

    private List<Choice.Patch> unchanged(Choice choice) {
        int site = choice.sites().getFirst();
        var patches = new ArrayList<Choice.Patch>();
        for (var call : schedule.calls().subList(site, site + choice.calls())) {
            patches.add(unchanged((KernelCall) call));
        }
        return patches;
    }

    /** A call as it is listed, as one of its options. */
    public static Choice.Patch unchanged(KernelCall call) {
        return new Choice.Patch(call.units(), call.localFloats(), call.sharedFloats(), new TreeMap<>());
    }

    /**
     * The schedule with its calls made in these ways, and those of other choices in the default way.
     *
     * @param options by choice; choices that the schedule lacks are ignored
     * @throws IllegalArgumentException if a choice has no option of that name
     */
    public Schedule with(Map<String, String> options) {
        var ways = new HashMap<>(options);
        for (var choice : schedule.choices()) {
            choice.standard(figure).ifPresent(standard -> {
                if (LISTED.equals(ways.putIfAbsent(choice.name(), standard))) {
                    ways.remove(choice.name());
                }
            });
        }
        return schedule.with(ways);
    }
}
