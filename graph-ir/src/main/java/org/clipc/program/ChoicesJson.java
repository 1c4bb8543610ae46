package org.clipc.program;

import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * A schedule's choices as JSON, one a line:
 *
 * <pre>
 * [["Gemm_1f 1x1x64x64x64",[3,17],{"256x96x192":[[12,0,4096,10,128],[24,8192,4096,10,128,12,96]]}],
 * …]
 * </pre>
 *
 * A choice is [name, sites, options], and behind those {@code {"16":"256x96x192"}} where a device's figure of so much makes
 * an option the default; what an option changes in a call is [units, local floats, shared floats] and then the index and the
 * value of each argument.
 */
final class ChoicesJson {

    private static final int MAX_CHOICES = 100_000;
    private static final int MAX_OPTIONS = 1000;
    private static final int MAX_CALLS_OF_SITE = 1000;
    private static final Pattern FIGURE = Pattern.compile("[1-9][0-9]{0,8}");
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9_ .:=-]{0,199}");

    private ChoicesJson() {}

    static void write(List<Choice> choices, StringBuilder text) {
        text.append('[');
        var separator = "";
        for (var choice : choices) {
            text.append(separator).append("[\"").append(choice.name()).append("\",[");
            text.append(choice.sites().stream().map(String::valueOf).collect(Collectors.joining(",")));
            text.append("],{");
            text.append(choice.options().entrySet().stream()
                    .map(option -> "\"" + option.getKey() + "\":" + text(option.getValue()))
                    .collect(Collectors.joining(",")));
            text.append('}');
            if (!choice.defaults().isEmpty()) {
                text.append(choice.defaults().entrySet().stream()
                        .map(option -> "\"" + option.getKey() + "\":\"" + option.getValue() + "\"")
                        .collect(Collectors.joining(",", ",{", "}")));
            }
            text.append(']');
            separator = ",\n";
        }
        text.append(']');
    }

    private static String text(List<Choice.Patch> patches) {
        return patches.stream().map(ChoicesJson::text).collect(Collectors.joining(",", "[", "]"));
    }

    private static String text(Choice.Patch patch) {
        var numbers = new StringBuilder("[");
        numbers.append(patch.units()).append(',').append(patch.localFloats());
        numbers.append(',').append(patch.sharedFloats());
        patch.args()
                .forEach((index, value) ->
                        numbers.append(',').append((int) index).append(',').append((long) value));
        return numbers.append(']').toString();
    }

    static List<Choice> read(JsonTokens tokens) throws IOException, InvalidMemberException {
        var choices = new ArrayList<Choice>();
        tokens.expect(JsonToken.START_ARRAY, "a list");
        while (tokens.next() != JsonToken.END_ARRAY) {
            if (tokens.current() != JsonToken.START_ARRAY || choices.size() == MAX_CHOICES) {
                throw tokens.wrong("at most " + MAX_CHOICES + " choices, each a list");
            }
            tokens.next();
            var name = name(tokens, tokens.current() == JsonToken.VALUE_STRING);
            var sites = sites(tokens);
            var options = options(tokens);
            var defaults = new TreeMap<Integer, String>();
            if (tokens.next() == JsonToken.START_OBJECT) {
                defaults.putAll(defaults(tokens));
                tokens.next();
            }
            if (tokens.current() != JsonToken.END_ARRAY) {
                throw tokens.wrong("the end of a choice");
            }
            choices.add(new Choice(name, sites, options, defaults));
        }
        return choices;
    }

    private static Map<Integer, String> defaults(JsonTokens tokens) throws IOException, InvalidMemberException {
        var defaults = new TreeMap<Integer, String>();
        while (tokens.next() == JsonToken.FIELD_NAME) {
            if (!FIGURE.matcher(tokens.text()).matches()) {
                throw tokens.wrong("a device's figure, a number of at most 9 digits");
            }
            var figure = Integer.parseInt(tokens.text());
            defaults.put(figure, name(tokens, tokens.next() == JsonToken.VALUE_STRING));
        }
        return defaults;
    }

    private static String name(JsonTokens tokens, boolean isText) throws IOException, InvalidMemberException {
        if (!isText || !NAME.matcher(tokens.text()).matches()) {
            throw tokens.wrong("the name of a choice or option");
        }
        return tokens.text();
    }

    private static List<Integer> sites(JsonTokens tokens) throws IOException, InvalidMemberException {
        var sites = new ArrayList<Integer>();
        tokens.expect(JsonToken.START_ARRAY, "a list of sites");
        while (tokens.next() != JsonToken.END_ARRAY) {
            sites.add((int) tokens.number(0, Integer.MAX_VALUE));
        }
        return sites;
    }

    private static Map<String, List<Choice.Patch>> options(JsonTokens tokens)
            throws IOException, InvalidMemberException {
        var options = new LinkedHashMap<String, List<Choice.Patch>>();
        tokens.expect(JsonToken.START_OBJECT, "an object of options");
        while (tokens.next() == JsonToken.FIELD_NAME) {
            var name = name(tokens, options.size() < MAX_OPTIONS);
            var patches = new ArrayList<Choice.Patch>();
            tokens.expect(JsonToken.START_ARRAY, "a list of calls");
            while (tokens.next() != JsonToken.END_ARRAY) {
                if (tokens.current() != JsonToken.START_ARRAY || patches.size() == MAX_CALLS_OF_SITE) {
                    throw tokens.wrong("at most " + MAX_CALLS_OF_SITE + " calls, each a list");
                }
                patches.add(patch(tokens));
            }
            options.put(name, patches);
        }
        return options;
    }

    private static Choice.Patch patch(JsonTokens tokens) throws IOException, InvalidMemberException {
        var units = (int) tokens.integer(0, Integer.MAX_VALUE);
        var local = (int) tokens.integer(0, ScheduleJson.MAX_SCRATCH_FLOATS);
        var shared = (int) tokens.integer(0, ScheduleJson.MAX_SCRATCH_FLOATS);
        var args = new TreeMap<Integer, Long>();
        while (tokens.next() != JsonToken.END_ARRAY) {
            var index = (int) tokens.number(0, ScheduleJson.MAX_ARGUMENTS);
            args.put(index, tokens.integer(Long.MIN_VALUE, Long.MAX_VALUE));
        }
        return new Choice.Patch(units, local, shared, args);
    }

    /** Whether all that choices change is there, and no call belongs to two. */
    static void check(List<Choice> choices, List<Call> calls) throws InvalidMemberException {
        var taken = new BitSet();
        var names = new HashSet<String>();
        for (var choice : choices) {
            var count = choice.calls();
            if (!names.add(choice.name())
                    || count == 0
                    || !choice.options().values().stream().allMatch(patches -> patches.size() == count)) {
                throw new InvalidMemberException("has the choice " + Archive.printable(choice.name())
                        + " twice, or with options of different numbers of calls");
            }
            if (!choice.options().keySet().containsAll(choice.defaults().values())) {
                throw new InvalidMemberException("has the choice " + Archive.printable(choice.name())
                        + " with a default that is none of its options");
            }
            for (int site : choice.sites()) {
                if ((long) site + count > calls.size()
                        || taken.get(site, site + count).cardinality() > 0) {
                    throw new InvalidMemberException("has a choice " + Archive.printable(choice.name()) + " of call "
                            + site + ", which does not exist or has another");
                }
                taken.set(site, site + count);
                for (var patches : choice.options().values()) {
                    checkArguments(choice, patches, calls.subList(site, site + count));
                }
            }
        }
    }

    private static void checkArguments(Choice choice, List<Choice.Patch> patches, List<Call> calls)
            throws InvalidMemberException {
        for (var i = 0; i < calls.size(); i++) {
            var args = patches.get(i).args();
            var count = calls.get(i) instanceof KernelCall call ? call.args().size() : -1;
            if (count < 0 || (!args.isEmpty() && args.lastKey() >= count)) {
                throw new InvalidMemberException("has a choice " + Archive.printable(choice.name())
                        + (count < 0
                                ? " of a call that is of no kernel"
                                : " that changes argument " + args.lastKey() + " of a call, which has " + count));
            }
        }
    }
}
