package org.clipc.runtime.profile;

import com.fasterxml.jackson.core.JsonEncoding;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import org.clipc.program.KernelCall;
import org.clipc.runtime.device.CallTiming;
import org.clipc.runtime.io.AtomicFile;

/**
 * Writes a profile in the Trace Event Format ("Trace Event Format", the Chromium project), which Perfetto
 * (https://ui.perfetto.dev) and chrome://tracing show: tracks for runs, for the modules that a run goes through, for the
 * kernel calls, and for what each worker thread did of them. Times are microseconds from the start of the first run.
 */
public final class TraceFile {

    private static final int PROCESS = 1;
    private static final int RUNS = 1;
    private static final int MODULES = 2;
    private static final int KERNELS = 3;
    private static final int FIRST_WORKER = 4;

    private final Profile profile;
    private final JsonGenerator json;
    private final long origin;

    private TraceFile(Profile profile, JsonGenerator json) {
        this.profile = profile;
        this.json = json;
        this.origin = profile.runs().getFirst().start();
    }

    /** Replaces {@code path}. */
    public static void write(Path path, Profile profile) throws IOException {
        var factory = JsonFactory.builder().build().disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET);
        AtomicFile.write(path, channel -> {
            var stream = new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16);
            try (var json = factory.createGenerator(stream, JsonEncoding.UTF8)) {
                new TraceFile(profile, json).write();
            }
            stream.flush();
        });
    }

    private void write() throws IOException {
        json.writeStartObject();
        json.writeStringField("displayTimeUnit", "ms");
        json.writeObjectFieldStart("otherData");
        json.writeStringField("device", profile.device());
        json.writeNumberField("ceiling_gflops", profile.roofline().flops() * 1e-9);
        json.writeNumberField("ceiling_gbytes_per_s", profile.roofline().bytes() * 1e-9);
        json.writeEndObject();
        json.writeArrayFieldStart("traceEvents");
        name("process_name", 0, profile.entry() + " on " + profile.device());
        track(RUNS, "runs");
        track(MODULES, "modules");
        track(KERNELS, "kernels");
        for (var worker : workers()) {
            track(FIRST_WORKER + worker, "worker " + worker);
        }
        for (var i = 0; i < profile.runs().size(); i++) {
            run(i, profile.runs().get(i));
        }
        json.writeEndArray();
        json.writeEndObject();
    }

    private SortedSet<Integer> workers() {
        var workers = new TreeSet<Integer>();
        for (var run : profile.runs()) {
            for (var slice : run.slices()) {
                slice.timing().parts().forEach(part -> workers.add(part.worker()));
            }
        }
        return workers;
    }

    private void track(int track, String name) throws IOException {
        name("thread_name", track, name);
        json.writeStartObject();
        json.writeStringField("ph", "M");
        json.writeStringField("name", "thread_sort_index");
        json.writeNumberField("pid", PROCESS);
        json.writeNumberField("tid", track);
        json.writeObjectFieldStart("args");
        json.writeNumberField("sort_index", track);
        json.writeEndObject();
        json.writeEndObject();
    }

    private void name(String what, int track, String name) throws IOException {
        json.writeStartObject();
        json.writeStringField("ph", "M");
        json.writeStringField("name", what);
        json.writeNumberField("pid", PROCESS);
        json.writeNumberField("tid", track);
        json.writeObjectFieldStart("args");
        json.writeStringField("name", name);
        json.writeEndObject();
        json.writeEndObject();
    }

    private void run(int number, Profile.Run run) throws IOException {
        complete(RUNS, profile.entry() + " " + (number + 1), "run", run.start(), run.nanos());
        json.writeEndObject();
        modules(run);
        for (var slice : run.slices()) {
            call(slice);
            for (var part : slice.timing().parts()) {
                part(slice, part);
            }
        }
    }

    private void call(Profile.Slice slice) throws IOException {
        var call = slice.call();
        var timing = slice.timing();
        complete(KERNELS, slice.kernel(), "kernel", timing.start(), timing.nanos());
        var node = profile.node(call);
        json.writeObjectFieldStart("args");
        json.writeStringField("computes", node.op());
        json.writeStringField("module", node.path());
        json.writeStringField("source", node.source());
        json.writeNumberField("node", call.node());
        json.writeNumberField("flops", call.flops());
        json.writeNumberField("bytes", call.bytes());
        if (call instanceof KernelCall kernel) {
            json.writeNumberField("units", kernel.units());
        }
        json.writeEndObject();
        json.writeEndObject();
    }

    private void part(Profile.Slice slice, CallTiming.Part part) throws IOException {
        complete(FIRST_WORKER + part.worker(), slice.kernel(), "worker", part.start(), part.nanos());
        json.writeObjectFieldStart("args");
        json.writeNumberField("units", part.units());
        json.writeEndObject();
        json.writeEndObject();
    }

    /** Begins an event with a start and a duration ("complete event"), to which arguments may be added. */
    private void complete(int track, String name, String category, long start, long nanos) throws IOException {
        json.writeStartObject();
        json.writeStringField("ph", "X");
        json.writeStringField("name", name);
        json.writeStringField("cat", category);
        json.writeNumberField("pid", PROCESS);
        json.writeNumberField("tid", track);
        json.writeNumberField("ts", (start - origin) / 1e3);
        json.writeNumberField("dur", nanos / 1e3);
    }

    /** A module that the calls so far are part of. */
    private record Open(String name, long start) {}

    /** Neighbouring calls of the same module as one slice, those of its parts inside of it. */
    private void modules(Profile.Run run) throws IOException {
        var open = new ArrayList<Open>();
        var end = run.start();
        for (var slice : run.slices()) {
            var path = profile.node(slice.call()).path();
            var names = path.isEmpty() ? List.<String>of() : List.of(path.split("\\.", -1));
            close(open, common(open, names), end);
            for (var name : names.subList(open.size(), names.size())) {
                open.add(new Open(name, slice.timing().start()));
            }
            end = slice.timing().start() + slice.timing().nanos();
        }
        close(open, 0, end);
    }

    private static int common(List<Open> open, List<String> names) {
        var count = 0;
        while (count < open.size()
                && count < names.size()
                && open.get(count).name().equals(names.get(count))) {
            count++;
        }
        return count;
    }

    /** Leaves all but the {@code kept} outermost modules. */
    private void close(List<Open> open, int kept, long end) throws IOException {
        while (open.size() > kept) {
            var module = open.removeLast();
            complete(MODULES, module.name(), "module", module.start(), end - module.start());
            json.writeEndObject();
        }
    }
}
