package org.clipc.runtime.device.cuda;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.clipc.program.AwaitCall;
import org.clipc.program.Call;
import org.clipc.program.CollectiveCall;
import org.clipc.program.KernelCall;
import org.clipc.program.Schedule;
import org.clipc.runtime.collective.StreamGroup;
import org.clipc.runtime.device.DeviceException;
import org.clipc.runtime.device.GemmKernels;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Makes of a schedule's calls what starts them: launches of kernels, the library's products, and exchanges. */
final class CudaLinker {

    private static final Logger LOG = LoggerFactory.getLogger(CudaLinker.class);

    private final Path program;
    private final String device;
    private final Cuda cuda;
    private final long arena;
    private final Map<String, Cuda.Kernel> kernels;
    private final GemmKernels gemm;

    /** Products that the library does not take, each told once, however often calls are linked. */
    private final Set<CudaProduct> refused = new HashSet<>();

    /** Who exchanges by a call. */
    @FunctionalInterface
    interface Groups {

        /** @param beside whether it goes on beside the kernels behind it */
        StreamGroup of(CollectiveCall call, boolean beside);
    }

    /** What an entry point starts, in order, and the exchanges among it. */
    record Linked(List<CudaCall> calls, List<CudaExchange> exchanges) {}

    /**
     * @param device name of the device, for messages
     * @param arena address of the program's arena
     * @param kernels compiled, by their names
     */
    CudaLinker(Path program, String device, Cuda cuda, long arena, Map<String, Cuda.Kernel> kernels, GemmKernels gemm) {
        this.program = program;
        this.device = device;
        this.cuda = cuda;
        this.arena = arena;
        this.kernels = kernels;
        this.gemm = gemm;
    }

    /** The order of the schedule is that in which all ranks give work to NCCL, whatever the streams. */
    Linked link(CudaEntry entry, Schedule schedule, Groups groups) {
        var calls = schedule.calls();
        var products = calls.stream().map(this::product).toList();
        var done = doneBefore(calls, products);
        var awaited = schedule.awaited();
        var exchanges = new TreeMap<Integer, CudaExchange>();
        var linked = new ArrayList<CudaCall>(calls.size());
        for (var call : calls) {
            var index = linked.size();
            linked.add(
                    switch (call) {
                        case KernelCall kernel when done.get(index) -> CudaCall.done(kernel);
                        case KernelCall kernel ->
                            CudaCall.of(kernel, start(kernel, products.get(index), entry.address()));
                        case CollectiveCall collective -> {
                            var beside = awaited.get(index);
                            var group = groups.of(collective, beside);
                            var exchange = exchange(entry, collective, group, index, exchanges.size(), beside);
                            exchanges.put(index, exchange);
                            yield new CudaCall(collective, () -> exchange.start(cuda), () -> exchange.await(cuda));
                        }
                        case AwaitCall await -> {
                            var exchange = Objects.requireNonNull(exchanges.get(await.started()));
                            yield new CudaCall(await, () -> exchange.await(cuda), () -> {});
                        }
                    });
        }
        return new Linked(List.copyOf(linked), List.copyOf(exchanges.values()));
    }

    /** What the library computes for a call: with all that is wanted besides if it can; nothing if it takes no such product. */
    private Optional<CudaProduct> product(Call call) {
        if (!(call instanceof KernelCall kernel) || !wantsLibrary(kernel)) {
            return Optional.empty();
        }
        var wanted = CudaProduct.of(kernel.args());
        var taken = Stream.of(wanted, wanted.alone())
                .filter(product -> cuda.prepare(product, arena))
                .findFirst();
        if (taken.isEmpty() && refused.add(wanted)) {
            LOG.warn(
                    "{}: cuBLASLt takes no product like {}, so a kernel of the program computes it",
                    program,
                    kernel.name());
        }
        return taken;
    }

    private boolean wantsLibrary(KernelCall call) {
        if (!CudaProduct.isProduct(call.kernel()) || call.args().size() < CudaProduct.ARGUMENTS) {
            return false;
        }
        return switch (CudaProduct.way(call.args())) {
            case DEFAULT -> gemm != GemmKernels.PREBUILT;
            case KERNEL -> false;
            case LIBRARY -> true;
        };
    }

    /**
     * Indices of the calls whose work the library does along with a product before: what is made of the product is that of the
     * same node, a factor's sums are the next node's.
     */
    private static BitSet doneBefore(List<Call> calls, List<Optional<CudaProduct>> products) {
        var done = new BitSet();
        for (var i = 0; i + 1 < calls.size(); i++) {
            var next = i + 1;
            products.get(i)
                    .filter(product -> product.isActivated() || product.hasSums())
                    .ifPresent(_ -> markNode(calls, next, done));
        }
        return done;
    }

    /** All that a node calls from an index on. */
    private static void markNode(List<Call> calls, int from, BitSet marked) {
        var node = calls.get(from).node();
        for (var i = from; i < calls.size() && calls.get(i).node() == node; i++) {
            marked.set(i);
        }
    }

    private Runnable start(KernelCall call, Optional<CudaProduct> product, long ints) {
        if (product.isPresent()) {
            return () -> cuda.multiply(product.get(), arena);
        }
        var kernel = Objects.requireNonNull(kernels.get(call.kernel()));
        var args = call.args().stream().mapToLong(Long::longValue).toArray();
        return () -> cuda.launch(kernel, call.units(), call.groupSize(), arena, ints, args);
    }

    /** @param number how many exchanges of the entry point there are before it */
    private CudaExchange exchange(
            CudaEntry entry, CollectiveCall call, StreamGroup group, int index, int number, boolean beside) {
        if (group.device() != cuda.device()) {
            throw new DeviceException(
                    "%s: NCCL has this rank on GPU %d, that of its local rank, but %s is GPU %d: leave the number of the device out of --device, or set LOCAL_RANK to that"
                            .formatted(program, group.device(), device, cuda.device()));
        }
        return new CudaExchange(
                call,
                group,
                arena,
                number,
                "exchange " + (number + 1) + " of " + entry.name(),
                beside ? Cuda.Lane.BESIDE : Cuda.Lane.MAIN,
                entry.point(cuda, -1),
                entry.point(cuda, index));
    }
}
