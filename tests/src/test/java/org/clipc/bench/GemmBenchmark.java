package org.clipc.bench;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.clipc.compiler.jvm.JvmTarget;
import org.clipc.compiler.kernel.Target;
import org.clipc.compiler.pack.CompileOptions;
import org.clipc.compiler.pack.ModelSource;
import org.clipc.compiler.pack.ProgramBuilder;
import org.clipc.compiler.tornado.TornadoSdk;
import org.clipc.compiler.tornado.TornadoTarget;
import org.clipc.ir.Graph;
import org.clipc.ir.TensorType;
import org.clipc.program.Choice;
import org.clipc.program.Parameter;
import org.clipc.program.ProgramFile;
import org.clipc.runtime.device.DeviceOptions;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.device.GemmKernels;
import org.clipc.runtime.device.catalog.Devices;
import org.clipc.runtime.tensor.HostTensor;

/**
 * Generated gemms against OpenBLAS: the same matrices at the same addresses, the same number of threads, in turns, so that
 * what else the machine does hits both. Ours are compiled by the usual passes to a program and run by the usual device;
 * the time is that of the kernel calls, packing included.
 */
public final class GemmBenchmark {

    private static final List<Product> PRODUCTS = List.of(
            // ViT-B/32 at batch 32: projections and MLP, their gradients by weight and by input.
            Product.nn(1600, 768, 768),
            Product.nn(1600, 3072, 768),
            Product.tn(768, 3072, 1600),
            Product.nt(1600, 768, 3072),
            Product.nn(768, 3072, 768),
            // Its text tower.
            Product.nn(2464, 512, 512),
            Product.nn(2464, 2048, 512),
            // One picture.
            Product.nn(50, 768, 768),
            // Scores and sums of attention.
            Product.nt(50, 50, 64).times(384),
            Product.nn(50, 64, 50).times(384));

    private static final int ROUNDS = 15;

    /**
     * Calls of one library in a row last at least about this long: as in training, where one product follows another.
     * After a pause the system may leave both threads on one core for some 50 ms.
     */
    private static final double TURN_SECONDS = 0.2;

    /** OpenBLAS's threads spin for some 30 ms after a call, and would take cores from what comes next. */
    private static final long PAUSE_MILLIS = 60;

    private static final double WARM_UP_SECONDS = 1;

    /** A library at work on one product. */
    @FunctionalInterface
    private interface Timed {

        /** Runs once, and returns the seconds it took. */
        double run() throws IOException;
    }

    private GemmBenchmark() {}

    /**
     * @param args parts of the names of products to measure, such as {@code tn_}; by default all. {@code --device=NAME} and
     *     {@code --gemm=HOW} choose another device than the JVM, as for {@code clip-run}; {@code --way=NAME} one of the other
     *     ways that {@code clip-run tune} tries, such as {@code 12x32.4x2}
     */
    public static void main(String[] args) throws IOException {
        if (System.getenv("OPENBLAS_CORETYPE") != null) {
            throw new IllegalStateException("OPENBLAS_CORETYPE keeps OpenBLAS from choosing its kernels: unset it");
        }
        var wanted = Stream.of(args).filter(a -> !a.startsWith("--")).toList();
        var products = PRODUCTS.stream()
                .filter(p -> wanted.isEmpty() || wanted.stream().anyMatch(p.name()::contains))
                .toList();
        var deviceName = option(args, "--device=", "jvm");
        var gemm = GemmKernels.valueOf(option(args, "--gemm=", "auto").toUpperCase(Locale.ROOT));
        var threads = Runtime.getRuntime().availableProcessors();
        var blas = new OpenBlas(threads);
        var path = compile(products, deviceName);
        try (var device = Devices.open(deviceName, new DeviceOptions(threads, gemm));
                var file = ProgramFile.open(path);
                var program =
                        device.load(file, products.stream().map(Product::name).toList())) {
            IO.println(device.description());
            program.tune(ways(program, products, option(args, "--way=", "")));
            IO.println(blas.description());
            IO.println(
                    "                                             ours                    OpenBLAS  ours/OpenBLAS  best");
            for (var product : products) {
                fill(program, product);
            }
            for (var product : products) {
                IO.println(compare(product, program, blas));
            }
        } finally {
            Files.delete(path);
        }
    }

    /** @param way a name of options; empty for the default way */
    private static Map<String, String> ways(DeviceProgram program, List<Product> products, String way) {
        return way.isEmpty()
                ? Map.of()
                : products.stream()
                        .flatMap(product -> program.choices(product.name()).stream())
                        .collect(Collectors.toMap(Choice::name, _ -> way, (first, _) -> first));
    }

    private static String option(String[] args, String name, String otherwise) {
        return Stream.of(args)
                .filter(a -> a.startsWith(name))
                .map(a -> a.substring(name.length()))
                .findFirst()
                .orElse(otherwise);
    }

    private static List<Target> targets(String device) throws IOException {
        if (!device.startsWith("tornado")) {
            return List.of(new JvmTarget(128), new JvmTarget(256), new JvmTarget(512));
        }
        var api = TornadoSdk.apiJar(System.getenv(TornadoSdk.HOME));
        return Stream.of(TornadoTarget.Kind.CPU, TornadoTarget.Kind.GPU)
                .<Target>map(kind -> new TornadoTarget(api, kind))
                .toList();
    }

    private static Path compile(List<Product> products, String device) throws IOException {
        var options = CompileOptions.builder(targets(device)).build();
        var path = Files.createTempFile("gemm", ".bin");
        ProgramFile.write(
                path, ProgramBuilder.build(new Products(products), options).program());
        return path;
    }

    private static void fill(DeviceProgram program, Product product) {
        var random = new SplittableRandom(1);
        program.write(product.parameterA(), random(random, product.typeA()));
        program.write(product.parameterB(), random(random, product.typeB()));
    }

    private static HostTensor random(SplittableRandom random, TensorType type) {
        var values = new float[(int) type.elements()];
        for (var i = 0; i < values.length; i++) {
            values[i] = (float) random.nextDouble(-1, 1);
        }
        return HostTensor.of(
                values,
                type.shape().dims().stream().mapToLong(Integer::longValue).toArray());
    }

    private static String compare(Product product, DeviceProgram program, OpenBlas blas) throws IOException {
        try (var arena = Arena.ofShared()) {
            var a = program.read(product.parameterA()).data();
            var b = program.read(product.parameterB()).data();
            var c = arena.allocate(4L * product.batch() * product.m() * product.n(), 64);
            var nanos = new long[1];
            program.observe((_, _, time) -> nanos[0] += time.nanos());
            Timed ours = () -> {
                nanos[0] = 0;
                program.run(product.name(), Map.of(), List.of());
                return nanos[0] * 1e-9;
            };
            Timed theirs = () -> {
                var start = System.nanoTime();
                blas.multiply(product, a, b, c);
                return (System.nanoTime() - start) * 1e-9;
            };
            var seconds = inTurns(ours, theirs);
            check(
                    product,
                    Objects.requireNonNull(program.run(product.name(), Map.of()).get(product.name())),
                    c);
            var ratios = new double[ROUNDS];
            Arrays.setAll(ratios, round -> seconds[1][round] / seconds[0][round]);
            return "%-20s %s %s %14.2f %5.2f"
                    .formatted(
                            product.name(),
                            result(product, median(seconds[0])),
                            result(product, median(seconds[1])),
                            median(ratios),
                            best(seconds[1]) / best(seconds[0]));
        }
    }

    private static String result(Product product, double seconds) {
        return "%10.3f ms %6.1f GFLOP/s".formatted(seconds * 1e3, product.flops() / seconds * 1e-9);
    }

    /** Seconds of a call, by library and round. */
    private static double[][] inTurns(Timed... libraries) throws IOException {
        var calls = new int[libraries.length];
        for (var i = 0; i < libraries.length; i++) {
            calls[i] = warmUp(libraries[i]);
            pause();
        }
        var seconds = new double[libraries.length][ROUNDS];
        for (var round = 0; round < ROUNDS; round++) {
            for (var i = 0; i < libraries.length; i++) {
                // The first call of a turn finds the other's matrices in the caches.
                libraries[i].run();
                var times = new double[calls[i]];
                for (var call = 0; call < times.length; call++) {
                    times[call] = libraries[i].run();
                }
                seconds[i][round] = median(times);
                pause();
            }
        }
        return seconds;
    }

    /** Calls for a while; returns how many make a turn. */
    private static int warmUp(Timed library) throws IOException {
        var spent = 0.0;
        var last = 0.0;
        for (var calls = 0; spent < WARM_UP_SECONDS || calls < 10; calls++) {
            last = library.run();
            spent += last;
        }
        return (int) Math.clamp(TURN_SECONDS / last, 3, 1000);
    }

    private static void pause() {
        try {
            Thread.sleep(PAUSE_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while measuring", e);
        }
    }

    private static double median(double[] values) {
        var sorted = values.clone();
        Arrays.sort(sorted);
        return (sorted[sorted.length / 2] + sorted[(sorted.length - 1) / 2]) / 2;
    }

    /** The quickest round, which what else the machine does has slowed down least. */
    private static double best(double[] values) {
        return Arrays.stream(values).min().orElseThrow();
    }

    /** Sums of k products of numbers below 1 differ by their order only. */
    private static void check(Product product, HostTensor ours, MemorySegment theirs) {
        var tolerance = 1e-6 * product.k();
        for (var i = 0L; i < ours.elementCount(); i++) {
            var mine = ours.getDouble(i);
            var wanted = theirs.getAtIndex(ValueLayout.JAVA_FLOAT, i);
            if (!(Math.abs(mine - wanted) <= tolerance)) {
                throw new IllegalStateException(
                        "%s: element %d is %s, but %s by OpenBLAS".formatted(product.name(), i, mine, wanted));
            }
        }
    }

    /** Each product as an entry point. */
    private record Products(List<Product> products) implements ModelSource {

        @Override
        public String name() {
            return "products";
        }

        @Override
        public List<Parameter> parameters() {
            return products.stream()
                    .flatMap(p -> Stream.of(parameter(p.parameterA(), p.typeA()), parameter(p.parameterB(), p.typeB())))
                    .toList();
        }

        private static Parameter parameter(String name, TensorType type) {
            var zeros = new Parameter.Initializer(Parameter.Kind.ZEROS, 0, 0);
            return new Parameter(name, type, zeros, false, false, null, -1, 0);
        }

        @Override
        public List<String> entryNames() {
            return products.stream().map(Product::name).toList();
        }

        @Override
        public Graph entry(String name, int batch, boolean training) {
            return products.stream()
                    .filter(p -> p.name().equals(name))
                    .findFirst()
                    .orElseThrow()
                    .graph();
        }
    }
}
