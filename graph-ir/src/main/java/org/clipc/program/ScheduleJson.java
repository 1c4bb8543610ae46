package org.clipc.program;

import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedSet;
import java.util.Set;
import java.util.stream.Collectors;
import org.clipc.ir.DType;
import org.clipc.ir.MeshAxis;
import org.clipc.ir.ReduceFn;

/**
 * A schedule as JSON, one call a line:
 *
 * <pre>
 * {"workspace_bytes":4096,
 * "ints":32,"places":{"tokens":0},"constants":[1065353216],
 * "kernels":["Gemm_1f","AdamW"],
 * "calls":[
 * [0,7,12,1,0,4096,16384,2048,64,128,1024],
 * …],
 * "choices":[…]}
 * </pre>
 *
 * A call of a kernel is [index in kernels, node, units, group size, local floats, shared floats, flops, bytes, arguments…];
 * one of a collective is ["all_reduce", "data", "sum", "f32", node, shift, then from, to, elements for each tensor…], and
 * its end, where it goes on beside other calls, ["await", node, index of the collective among the calls].
 * Constants are the raw bits of floats. For choices see {@link ChoicesJson}.
 */
final class ScheduleJson {

    private static final int MAX_CALLS = 1_000_000;
    static final int MAX_ARGUMENTS = 10_000;
    static final int MAX_SCRATCH_FLOATS = 1 << 29;

    private static final int MAX_GROUP = 1024;
    private static final int MAX_PLACES = 1000;

    private static final SequencedSet<String> FIELDS = new LinkedHashSet<>(
            List.of("workspace_bytes", "ints", "places", "constants", "kernels", "calls", "choices"));

    private ScheduleJson() {}

    static byte[] write(Schedule schedule) {
        var kernels = new LinkedHashMap<String, Integer>();
        schedule.kernelCalls().forEach(call -> kernels.putIfAbsent(call.kernel(), kernels.size()));
        var text = new StringBuilder();
        text.append("{\"workspace_bytes\":").append(schedule.workspaceBytes());
        text.append(",\n\"ints\":").append(schedule.ints()).append(",\"places\":{");
        text.append(schedule.places().entrySet().stream()
                .map(place -> "\"" + place.getKey() + "\":" + place.getValue())
                .collect(Collectors.joining(",")));
        text.append("},\"constants\":[");
        text.append(schedule.constants().stream()
                .map(constant -> String.valueOf(Float.floatToRawIntBits(constant)))
                .collect(Collectors.joining(",")));
        text.append("],\n\"kernels\":[");
        var separator = "";
        for (var kernel : kernels.keySet()) {
            text.append(separator)
                    .append('"')
                    .append(simpleName(schedule.target(), kernel))
                    .append('"');
            separator = ",";
        }
        text.append("],\n\"calls\":[");
        separator = "\n[";
        for (var call : schedule.calls()) {
            text.append(separator);
            switch (call) {
                case KernelCall kernel -> write(kernel, Objects.requireNonNull(kernels.get(kernel.kernel())), text);
                case CollectiveCall collective -> write(collective, text);
                case AwaitCall(var started, var node) ->
                    text.append('"')
                            .append(AwaitCall.NAME)
                            .append("\",")
                            .append(node)
                            .append(',')
                            .append(started);
            }
            text.append(']');
            separator = ",\n[";
        }
        text.append("],\n\"choices\":");
        ChoicesJson.write(schedule.choices(), text);
        text.append("}\n");
        return text.toString().getBytes(StandardCharsets.UTF_8);
    }

    private static void write(KernelCall call, int kernel, StringBuilder text) {
        text.append(kernel);
        for (var number :
                List.of(call.node(), call.units(), call.groupSize(), call.localFloats(), call.sharedFloats())) {
            text.append(',').append(number);
        }
        text.append(',').append(call.flops()).append(',').append(call.bytes());
        call.args().forEach(argument -> text.append(',').append(argument.longValue()));
    }

    private static void write(CollectiveCall call, StringBuilder text) {
        for (var constant : List.of(call.kind(), call.axis(), call.reduction(), call.dtype())) {
            text.append('"').append(spelled(constant)).append("\",");
        }
        text.append(call.node()).append(',').append(call.shift());
        for (var tensor : call.tensors()) {
            text.append(',')
                    .append(tensor.from())
                    .append(',')
                    .append(tensor.to())
                    .append(',')
                    .append(tensor.elements());
        }
    }

    private static String spelled(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    /** @throws IllegalArgumentException if the kernel is not in the target's package */
    static String simpleName(String target, String kernel) {
        var prefix = Members.KERNEL_PACKAGE + target + ".";
        if (!kernel.startsWith(prefix)) {
            throw new IllegalArgumentException(
                    "kernel " + kernel + " of target " + target + " is not in package " + prefix + "*");
        }
        return kernel.substring(prefix.length());
    }

    /**
     * @param kernels keys, as in {@link Program#kernels}, of the kernels that exist
     * @param manifest announces the mesh and the sizes of the arena's regions
     */
    static Schedule read(String target, String entry, byte[] bytes, Set<String> kernels, Manifest manifest)
            throws InvalidMemberException {
        try (var parser = Json.tokens(bytes)) {
            return new Reading(new JsonTokens(parser), target, kernels, manifest).schedule(entry);
        } catch (IOException e) {
            throw Json.malformed(e);
        }
    }

    private record Reading(JsonTokens tokens, String target, Set<String> kernels, Manifest manifest) {

        Schedule schedule(String entry) throws IOException, InvalidMemberException {
            tokens.expect(JsonToken.START_OBJECT, "an object");
            var seen = new HashSet<String>();
            var workspace = 0L;
            var ints = 0;
            Map<String, Integer> places = Map.of();
            List<Float> constants = List.of();
            List<String> names = List.of();
            List<Call> calls = List.of();
            List<Choice> choices = List.of();
            while (tokens.next() == JsonToken.FIELD_NAME) {
                var field = tokens.name();
                seen.add(field);
                switch (field) {
                    case "workspace_bytes" -> workspace = tokens.integer(0, manifest.workspaceBytes());
                    case "ints" -> ints = (int) tokens.integer(0, Integer.MAX_VALUE);
                    case "places" -> places = places();
                    case "constants" -> constants = constants();
                    case "kernels" -> names = names();
                    case "calls" -> calls = calls(names);
                    case "choices" -> choices = ChoicesJson.read(tokens);
                    default ->
                        throw new InvalidMemberException(
                                "has a field " + Archive.printable(field) + " that this version does not know");
                }
            }
            CollectiveChecks.check(calls, manifest, ints);
            if (!seen.equals(FIELDS)) {
                throw new InvalidMemberException("must have the fields " + String.join(", ", FIELDS));
            }
            if (tokens.next() != null) {
                throw new InvalidMemberException("goes on behind its end");
            }
            ChoicesJson.check(choices, calls);
            return new Schedule(entry, target, workspace, ints, places, constants, calls, choices);
        }

        private Map<String, Integer> places() throws IOException, InvalidMemberException {
            var places = new LinkedHashMap<String, Integer>();
            tokens.expect(JsonToken.START_OBJECT, "an object");
            while (tokens.next() == JsonToken.FIELD_NAME) {
                if (places.size() == MAX_PLACES) {
                    throw tokens.wrong("at most " + MAX_PLACES + " places");
                }
                var name = tokens.name();
                places.put(name, (int) tokens.integer(0, Integer.MAX_VALUE));
            }
            return places;
        }

        private List<Float> constants() throws IOException, InvalidMemberException {
            var constants = new ArrayList<Float>();
            tokens.expect(JsonToken.START_ARRAY, "a list");
            while (tokens.next() != JsonToken.END_ARRAY) {
                if (constants.size() == MAX_CALLS) {
                    throw tokens.wrong("at most " + MAX_CALLS + " constants");
                }
                constants.add(Float.intBitsToFloat((int) tokens.number(Integer.MIN_VALUE, Integer.MAX_VALUE)));
            }
            return constants;
        }

        private List<String> names() throws IOException, InvalidMemberException {
            var names = new ArrayList<String>();
            tokens.expect(JsonToken.START_ARRAY, "a list");
            while (tokens.next() != JsonToken.END_ARRAY) {
                if (tokens.current() != JsonToken.VALUE_STRING) {
                    throw tokens.wrong("a kernel's name");
                }
                var name = tokens.text();
                if (!kernels.contains(target + "/" + name)) {
                    throw new InvalidMemberException(
                            "calls the kernel " + Archive.printable(name) + " that the file lacks");
                }
                names.add(Members.KERNEL_PACKAGE + target + "." + name);
            }
            return names;
        }

        private List<Call> calls(List<String> names) throws IOException, InvalidMemberException {
            var calls = new ArrayList<Call>();
            tokens.expect(JsonToken.START_ARRAY, "a list");
            while (tokens.next() != JsonToken.END_ARRAY) {
                if (tokens.current() != JsonToken.START_ARRAY) {
                    throw tokens.wrong("a list of calls");
                }
                if (calls.size() == MAX_CALLS) {
                    throw new InvalidMemberException("has more than the " + MAX_CALLS + " calls allowed");
                }
                tokens.next();
                calls.add(call(names));
            }
            return calls;
        }

        private Call call(List<String> names) throws IOException, InvalidMemberException {
            if (tokens.current() != JsonToken.VALUE_STRING) {
                return kernel(names);
            }
            return tokens.text().equals(AwaitCall.NAME) ? await() : collective();
        }

        private AwaitCall await() throws IOException, InvalidMemberException {
            var node = (int) tokens.integer(-1, Integer.MAX_VALUE);
            var started = (int) tokens.integer(0, MAX_CALLS);
            tokens.expect(JsonToken.END_ARRAY, "the end of the call");
            return new AwaitCall(started, node);
        }

        private KernelCall kernel(List<String> names) throws IOException, InvalidMemberException {
            var kernel = names.get((int) tokens.number(0, names.size() - 1L));
            var node = (int) tokens.integer(-1, Integer.MAX_VALUE);
            var units = (int) tokens.integer(0, Integer.MAX_VALUE);
            var groupSize = (int) tokens.integer(1, MAX_GROUP);
            var local = (int) tokens.integer(0, MAX_SCRATCH_FLOATS);
            var shared = (int) tokens.integer(0, MAX_SCRATCH_FLOATS);
            var flops = tokens.integer(0, KernelCall.MOST_WORK);
            var work = tokens.integer(0, KernelCall.MOST_WORK);
            var arguments = new ArrayList<Long>();
            while (tokens.next() != JsonToken.END_ARRAY) {
                if (arguments.size() == MAX_ARGUMENTS) {
                    throw tokens.wrong("a call of at most " + MAX_ARGUMENTS + " arguments");
                }
                arguments.add(tokens.number(Long.MIN_VALUE, Long.MAX_VALUE));
            }
            return new KernelCall(kernel, arguments, units, groupSize, local, shared, node, flops, work);
        }

        private CollectiveCall collective() throws IOException, InvalidMemberException {
            var kind = constant(CollectiveCall.Kind.values());
            tokens.next();
            var axis = constant(MeshAxis.values());
            tokens.next();
            var reduction = constant(ReduceFn.values());
            tokens.next();
            var dtype = constant(DType.values());
            var node = (int) tokens.integer(-1, Integer.MAX_VALUE);
            var shift = (int) tokens.integer(Integer.MIN_VALUE, Integer.MAX_VALUE);
            var tensors = new ArrayList<CollectiveCall.Exchanged>();
            while (tokens.next() != JsonToken.END_ARRAY) {
                if (tensors.size() == MAX_ARGUMENTS) {
                    throw tokens.wrong("a call of at most " + MAX_ARGUMENTS + " tensors");
                }
                var most = Math.max(manifest.arenaBytes(), (long) Integer.MAX_VALUE * Integer.BYTES);
                tensors.add(new CollectiveCall.Exchanged(
                        tokens.number(0, most), tokens.integer(0, most), tokens.integer(0, most)));
            }
            return new CollectiveCall(kind, axis, reduction, dtype, shift, tensors, node);
        }

        private <E extends Enum<E>> E constant(E[] values) throws IOException, InvalidMemberException {
            if (tokens.current() == JsonToken.VALUE_STRING) {
                for (var value : values) {
                    if (spelled(value).equals(tokens.text())) {
                        return value;
                    }
                }
            }
            throw tokens.wrong(
                    "one of " + Arrays.stream(values).map(ScheduleJson::spelled).collect(Collectors.joining(", ")));
        }
    }
}
