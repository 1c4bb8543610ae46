package org.clipc.program;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;
import org.clipc.ir.DType;
import org.clipc.ir.MeshAxis;
import org.clipc.ir.ReduceFn;
import org.clipc.ir.Shape;
import org.clipc.ir.TensorType;
import org.clipc.program.Parameter.Initializer;
import org.clipc.program.Parameter.Kind;

/** Programs that hold together, and ways to take their files apart. */
final class SamplePrograms {

    private static final List<Kind> KINDS = List.of(Kind.values());

    private SamplePrograms() {}

    static Program small() {
        return random(new Random(7));
    }

    /** A program of random sizes; its kernels are random bytes, which the file format does not mind. */
    static Program random(Random random) {
        var parameters = new ArrayList<Parameter>();
        var end = 0L;
        for (var i = 0; i < 1 + random.nextInt(6); i++) {
            var type = TensorType.f32(1 + random.nextInt(40), 1 + random.nextInt(7));
            parameters.add(new Parameter(
                    "blocks." + i + ".weight",
                    type,
                    new Initializer(
                            KINDS.get(random.nextInt(KINDS.size())), random.nextGaussian(), random.nextDouble()),
                    random.nextBoolean(),
                    random.nextBoolean(),
                    random.nextBoolean() ? List.of(0.0, Math.log(100)) : null,
                    random.nextInt(3) - 1,
                    end));
            end = Manifest.align(end + type.bytes());
        }
        var workspace = Manifest.align(end);
        var images = new TensorSlot("images", TensorType.f32(2, 3, 4, 4), workspace);
        var tokens = new TensorSlot("tokens", TensorType.i32(2, 5), workspace + 384);
        var loss = new TensorSlot("loss", TensorType.scalar(DType.F32), workspace + 448);
        var entries = List.of(
                new EntryPoint("encode_image", 2, List.of(images), List.of(loss)),
                new EntryPoint("train_step", 2, List.of(images, tokens), List.of(loss)));
        var state = List.of(
                new TensorSlot("adam.m.blocks.0.weight", new TensorType(DType.BF16, Shape.of(3)), workspace + 512));
        var manifest = new Manifest(
                Manifest.FORMAT_VERSION,
                "Sample",
                Map.of(
                        "model",
                        Map.of("output_dim", 512L, "optim", Map.of("lr", 1e-3, "betas", List.of(0.9, 0.98))),
                        "name",
                        "sample",
                        "flag",
                        true),
                parameters,
                state,
                entries,
                end,
                512,
                64,
                List.of("jvm128", "jvm256"),
                Map.of());
        var schedules = new ArrayList<Schedule>();
        var kernels = new TreeMap<String, byte[]>();
        for (var target : manifest.targets()) {
            for (var name : List.of("Gemm_1", "Softmax")) {
                var bytes = new byte[100];
                random.nextBytes(bytes);
                kernels.put(target + "/" + name, bytes);
            }
            for (var entry : entries) {
                var calls = calls(random, target);
                var all = new ArrayList<Call>(calls);
                if (random.nextBoolean()) {
                    all.add(collective(random));
                    all.addAll(calls.subList(0, random.nextInt(calls.size() + 1)));
                    if (random.nextBoolean()) {
                        all.add(new AwaitCall(calls.size(), random.nextInt(9)));
                    }
                }
                schedules.add(new Schedule(
                        entry.name(),
                        target,
                        random.nextInt(512),
                        random.nextInt(100),
                        Map.of("tokens", random.nextInt(100)),
                        List.of(random.nextFloat(), Float.NEGATIVE_INFINITY, -0f),
                        all,
                        choices(random, calls)));
            }
        }
        return new Program(
                manifest,
                Map.of("encode_image", "graph encode_image {\n}\n", "train_step", "graph train_step {\n}\n"),
                schedules,
                kernels,
                Map.of("jvm128/Softmax", "kernel void Softmax() {}\n"),
                Map.of("jvm128/Softmax", "class Softmax {}\n"));
    }

    private static CollectiveCall collective(Random random) {
        return new CollectiveCall(
                pick(random, CollectiveCall.Kind.values()),
                pick(random, MeshAxis.values()),
                pick(random, ReduceFn.values()),
                DType.BF16,
                random.nextInt(3) - 1,
                List.of(
                        new CollectiveCall.Exchanged(0, 8, 4),
                        new CollectiveCall.Exchanged(16, 2L * random.nextInt(4), 0)),
                random.nextInt(9));
    }

    private static List<KernelCall> calls(Random random, String target) {
        var calls = new ArrayList<KernelCall>();
        for (var i = 0; i < random.nextInt(20); i++) {
            calls.add(new KernelCall(
                    "org.clipc.kernels." + target + (random.nextBoolean() ? ".Gemm_1" : ".Softmax"),
                    random.longs(random.nextInt(9)).boxed().toList(),
                    random.nextInt(100),
                    1 + random.nextInt(1024),
                    random.nextInt(100),
                    random.nextInt(100),
                    random.nextInt(100) - 1,
                    random.nextLong(KernelCall.MOST_WORK),
                    random.nextLong(KernelCall.MOST_WORK)));
        }
        return calls;
    }

    /** A choice for the first half of the calls, and one for some of the others. */
    private static List<Choice> choices(Random random, List<KernelCall> calls) {
        var choices = new ArrayList<Choice>();
        var half = calls.size() / 2;
        for (var from : new int[] {0, half}) {
            var sites = IntStream.range(from, from == 0 ? half : calls.size())
                    .filter(_ -> random.nextBoolean())
                    .boxed()
                    .toList();
            choices.add(new Choice(
                    "Gemm_1 1x2x" + from,
                    sites,
                    Map.of("a", List.of(patch(random, calls, sites)), "b", List.of(patch(random, calls, sites))),
                    new TreeMap<>(random.nextBoolean() ? Map.of() : Map.of(8, "b", 16, "a"))));
            if (half == 0) {
                break;
            }
        }
        return choices;
    }

    private static Choice.Patch patch(Random random, List<KernelCall> calls, List<Integer> sites) {
        var most =
                sites.stream().mapToInt(site -> calls.get(site).args().size()).min();
        var args = new TreeMap<Integer, Long>();
        for (var i = 0; i < most.orElse(0); i += 2) {
            args.put(i, random.nextLong());
        }
        return new Choice.Patch(random.nextInt(100), random.nextInt(100), random.nextInt(100), args);
    }

    private static <T> T pick(Random random, T[] values) {
        return values[random.nextInt(values.length)];
    }

    static SortedMap<String, byte[]> unzip(byte[] file) throws IOException {
        var members = new TreeMap<String, byte[]>();
        try (var zip = new ZipInputStream(new ByteArrayInputStream(file))) {
            for (var entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                members.put(entry.getName(), zip.readAllBytes());
            }
        }
        return members;
    }

    static byte[] zip(Map<String, byte[]> members) throws IOException {
        var bytes = new ByteArrayOutputStream();
        try (var zip = new ZipOutputStream(bytes)) {
            members.forEach((name, content) -> {
                try {
                    zip.putNextEntry(new ZipEntry(name));
                    zip.write(content);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
        }
        return bytes.toByteArray();
    }
}
