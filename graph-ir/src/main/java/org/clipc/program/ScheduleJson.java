package org.clipc.program;

import com.fasterxml.jackson.core.JsonParser;
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
 * [0,7,12,1,0,4096,64,128,1024],
 * …]}
 * </pre>
 *
 * A call of a kernel is [index in kernels, node, units, group size, local floats, shared floats, arguments…]; one of a
 * collective is ["all_reduce", "data", "sum", "f32", node, shift, then from, to, elements for each tensor…]. Constants are
 * the raw bits of floats.
 */
final class ScheduleJson {

    private static final int MAX_CALLS = 1_000_000;
    private static final int MAX_ARGUMENTS = 10_000;
    private static final int MAX_SCRATCH_FLOATS = 1 << 29;

    private static final int MAX_GROUP = 1024;
    private static final int MAX_PLACES = 1000;

    private static final SequencedSet<String> FIELDS =
            new LinkedHashSet<>(List.of("workspace_bytes", "ints", "places", "constants", "kernels", "calls"));

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
            }
            text.append(']');
            separator = ",\n[";
        }
        text.append("]}\n");
        return text.toString().getBytes(StandardCharsets.UTF_8);
    }

    private static void write(KernelCall call, int kernel, StringBuilder text) {
        text.append(kernel);
        for (var number :
                List.of(call.node(), call.units(), call.groupSize(), call.localFloats(), call.sharedFloats())) {
            text.append(',').append(number);
        }
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
        try (var tokens = Json.tokens(bytes)) {
            return new Reading(tokens, target, kernels, manifest).schedule(entry);
        } catch (IOException e) {
            throw Json.malformed(e);
        }
    }

    private record Reading(JsonParser tokens, String target, Set<String> kernels, Manifest manifest) {

        Schedule schedule(String entry) throws IOException, InvalidMemberException {
            expect(JsonToken.START_OBJECT, "an object");
            var seen = new HashSet<String>();
            var workspace = 0L;
            var ints = 0;
            Map<String, Integer> places = Map.of();
            List<Float> constants = List.of();
            List<String> names = List.of();
            List<Call> calls = List.of();
            while (tokens.nextToken() == JsonToken.FIELD_NAME) {
                var field = tokens.currentName();
                seen.add(field);
                switch (field) {
                    case "workspace_bytes" -> workspace = integer(0, manifest.workspaceBytes());
                    case "ints" -> ints = (int) integer(0, Integer.MAX_VALUE);
                    case "places" -> places = places();
                    case "constants" -> constants = constants();
                    case "kernels" -> names = names();
                    case "calls" -> calls = calls(names);
                    default ->
                        throw new InvalidMemberException(
                                "has a field " + Archive.printable(field) + " that this version does not know");
                }
            }
            if (!seen.equals(FIELDS)) {
                throw new InvalidMemberException("must have the fields " + String.join(", ", FIELDS));
            }
            if (tokens.nextToken() != null) {
                throw new InvalidMemberException("goes on behind its end");
            }
            return new Schedule(entry, target, workspace, ints, places, constants, calls);
        }

        private Map<String, Integer> places() throws IOException, InvalidMemberException {
            var places = new LinkedHashMap<String, Integer>();
            expect(JsonToken.START_OBJECT, "an object");
            while (tokens.nextToken() == JsonToken.FIELD_NAME) {
                if (places.size() == MAX_PLACES) {
                    throw wrong("at most " + MAX_PLACES + " places");
                }
                var name = tokens.currentName();
                places.put(name, (int) integer(0, Integer.MAX_VALUE));
            }
            return places;
        }

        private List<Float> constants() throws IOException, InvalidMemberException {
            var constants = new ArrayList<Float>();
            expect(JsonToken.START_ARRAY, "a list");
            while (tokens.nextToken() != JsonToken.END_ARRAY) {
                if (constants.size() == MAX_CALLS) {
                    throw wrong("at most " + MAX_CALLS + " constants");
                }
                constants.add(Float.intBitsToFloat((int) current(Integer.MIN_VALUE, Integer.MAX_VALUE)));
            }
            return constants;
        }

        private List<String> names() throws IOException, InvalidMemberException {
            var names = new ArrayList<String>();
            expect(JsonToken.START_ARRAY, "a list");
            while (tokens.nextToken() != JsonToken.END_ARRAY) {
                if (tokens.currentToken() != JsonToken.VALUE_STRING) {
                    throw wrong("a kernel's name");
                }
                var name = tokens.getText();
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
            expect(JsonToken.START_ARRAY, "a list");
            while (tokens.nextToken() != JsonToken.END_ARRAY) {
                if (tokens.currentToken() != JsonToken.START_ARRAY) {
                    throw wrong("a list of calls");
                }
                if (calls.size() == MAX_CALLS) {
                    throw new InvalidMemberException("has more than the " + MAX_CALLS + " calls allowed");
                }
                tokens.nextToken();
                calls.add(tokens.currentToken() == JsonToken.VALUE_STRING ? collective() : call(names));
            }
            return calls;
        }

        private KernelCall call(List<String> names) throws IOException, InvalidMemberException {
            var kernel = names.get((int) current(0, names.size() - 1L));
            var node = (int) integer(-1, Integer.MAX_VALUE);
            var units = (int) integer(0, Integer.MAX_VALUE);
            var groupSize = (int) integer(1, MAX_GROUP);
            var local = (int) integer(0, MAX_SCRATCH_FLOATS);
            var shared = (int) integer(0, MAX_SCRATCH_FLOATS);
            var arguments = new ArrayList<Long>();
            while (tokens.nextToken() != JsonToken.END_ARRAY) {
                if (arguments.size() == MAX_ARGUMENTS) {
                    throw wrong("a call of at most " + MAX_ARGUMENTS + " arguments");
                }
                arguments.add(current(Long.MIN_VALUE, Long.MAX_VALUE));
            }
            return new KernelCall(kernel, arguments, units, groupSize, local, shared, node);
        }

        private CollectiveCall collective() throws IOException, InvalidMemberException {
            var kind = constant(CollectiveCall.Kind.values());
            tokens.nextToken();
            var axis = constant(MeshAxis.values());
            tokens.nextToken();
            var reduction = constant(ReduceFn.values());
            tokens.nextToken();
            var dtype = constant(DType.values());
            var node = (int) integer(-1, Integer.MAX_VALUE);
            var shift = (int) integer(Integer.MIN_VALUE, Integer.MAX_VALUE);
            var tensors = new ArrayList<CollectiveCall.Exchanged>();
            while (tokens.nextToken() != JsonToken.END_ARRAY) {
                if (tensors.size() == MAX_ARGUMENTS) {
                    throw wrong("a call of at most " + MAX_ARGUMENTS + " tensors");
                }
                var most = manifest.arenaBytes();
                tensors.add(new CollectiveCall.Exchanged(current(0, most), integer(0, most), integer(0, most)));
            }
            var call = new CollectiveCall(kind, axis, reduction, dtype, shift, tensors, node);
            CollectiveChecks.check(call, manifest);
            return call;
        }

        private <E extends Enum<E>> E constant(E[] values) throws IOException, InvalidMemberException {
            if (tokens.currentToken() == JsonToken.VALUE_STRING) {
                for (var value : values) {
                    if (spelled(value).equals(tokens.getText())) {
                        return value;
                    }
                }
            }
            throw wrong(
                    "one of " + Arrays.stream(values).map(ScheduleJson::spelled).collect(Collectors.joining(", ")));
        }

        private long integer(long least, long most) throws IOException, InvalidMemberException {
            tokens.nextToken();
            return current(least, most);
        }

        private long current(long least, long most) throws IOException, InvalidMemberException {
            if (tokens.currentToken() != JsonToken.VALUE_NUMBER_INT) {
                throw wrong("a whole number");
            }
            // Jackson refuses what does not fit a long.
            var value = tokens.getLongValue();
            if (value < least || value > most) {
                throw wrong("a number between " + least + " and " + most);
            }
            return value;
        }

        private void expect(JsonToken token, String what) throws IOException, InvalidMemberException {
            if (tokens.nextToken() != token) {
                throw wrong(what);
            }
        }

        private InvalidMemberException wrong(String expected) throws IOException {
            var at = tokens.currentTokenLocation();
            return new InvalidMemberException("line %d, column %d: expected %s, found %s"
                    .formatted(
                            at.getLineNr(),
                            at.getColumnNr(),
                            expected,
                            Archive.printable(String.valueOf(tokens.getText()))));
        }
    }
}
