package org.clipc.compiler.tornado;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.clipc.compiler.kernel.Access;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.CallSink.Argument;
import org.clipc.compiler.kernel.Expr;
import org.clipc.compiler.kernel.KernelSpec.Operand;
import org.clipc.compiler.kernel.KernelSpec.Reduce;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.BinaryFn;
import org.clipc.ir.DType;
import org.clipc.ir.ReduceFn;

/**
 * Sums of the squares of many tensors in CUDA C, by two kernels: those that a gradient's norm is made of. A group sums a piece of
 * a tensor, then one for each tensor its pieces, in an order that depends on the tensor's size alone.
 */
final class MultiTensorNormTemplate {

    private static final int THREADS = 256;

    /** Accesses of a work item, that are on their way at the same time. */
    private static final int ACCESSES = 8;

    /** Tensors of a kernel: CUDA takes 4096 bytes of arguments. */
    private static final int MOST = 120;

    private static final String SUM = """
            static __device__ float sum_of_group(float value) {
                __shared__ float sums[THREADS / 32];
                #pragma unroll
                for (int apart = 16; apart > 0; apart /= 2) {
                    value += __shfl_xor_sync(0xffffffffu, value, apart);
                }
                if (threadIdx.x % 32 == 0) {
                    sums[threadIdx.x / 32] = value;
                }
                __syncthreads();
                float sum = 0.0f;
                #pragma unroll
                for (int warp = 0; warp < THREADS / 32; warp++) {
                    sum += sums[warp];
                }
                return sum;
            }
            """;

    private static final String PIECES = """
                const int items = (int) args.v[row + 1];
                const long long x = args.v[row + 2];
                float values[ACCESSES][WIDTH];
                #pragma unroll
                for (int k = 0; k < ACCESSES; k++) {
                    const int item = (block * ACCESSES + k) * THREADS + (int) threadIdx.x;
                    if (item < items) {
                        load(f, x + (long) item * WIDTH, values[k]);
                    } else {
                        #pragma unroll
                        for (int w = 0; w < WIDTH; w++) {
                            values[k][w] = 0.0f;
                        }
                    }
                }
                float sum = 0.0f;
                #pragma unroll
                for (int k = 0; k < ACCESSES; k++) {
                    #pragma unroll
                    for (int w = 0; w < WIDTH; w++) {
                        sum += values[k][w] * values[k][w];
                    }
                }
                sum = sum_of_group(sum);
                if (threadIdx.x == 0) {
                    f[pieces + (int) blockIdx.x] = sum;
                }
            """;

    private static final String WHOLE = """
                const int row = ROWS + (int) blockIdx.x * FIELDS;
                const long long from = pieces + args.v[row];
                const int count = (int) args.v[row + 1];
                float sum = 0.0f;
                for (int i = threadIdx.x; i < count; i += THREADS) {
                    sum += f[from + i];
                }
                sum = sum_of_group(sum);
                if (threadIdx.x == 0) {
                    f[args.v[row + 2]] = sum;
                }
            """;

    private MultiTensorNormTemplate() {}

    /** Plans the first of some launches with those behind it that are alike; returns how many, none if it is only one or no such sum. */
    static int plan(List<Launch> launches, CallSink sink) {
        var together = together(launches);
        if (together.size() < 2) {
            return 0;
        }
        var dtype = squared(together.getFirst()).orElseThrow().dtype();
        var width = width(together.getFirst());
        var rows = new MultiTensor.Builder();
        var wholes = new ArrayList<List<Argument>>();
        for (var launch : together) {
            var x = launch.inputs().getFirst();
            var items = x.elements() / width;
            var taken = Math.ceilDiv(items, THREADS * ACCESSES);
            var first = rows.add(taken, List.of(Argument.of(items), TornadoKernel.place(x)));
            var sum = TornadoKernel.place(launch.outputs().getFirst());
            wholes.add(List.of(Argument.of(first), Argument.of(taken), sum));
        }
        var pieces = rows.build(MOST);
        var sums = sink.temporary(DType.F32, List.of(pieces.groups()));
        pieces(dtype, width, pieces, sums, sink);
        wholes(new MultiTensor(wholes, wholes.size(), MOST), sums, sink);
        return together.size();
    }

    private static void pieces(DType dtype, int width, MultiTensor tensors, View sums, CallSink sink) {
        var kernel = new TornadoKernel(
                        "SquareSums",
                        "Sums of squares of pieces of up to %d tensors of %s, %d at a time"
                                .formatted(MOST, dtype.text(), width),
                        THREADS)
                .number("tensors", tensors.rows().size())
                .at("pieces", sums);
        var constants = "constexpr int THREADS = %d, ACCESSES = %d, WIDTH = %d;%n".formatted(THREADS, ACCESSES, width);
        var load = """
                static __device__ void load(const float *f, long long x, float (&values)[WIDTH]) {
                    %s
                }
                """.formatted(WideAccess.load(dtype, width, "x", "values"));
        var functions = CDialect.CUDA.bfloat16()
                + CudaFunctions.WIDE_CODE
                + constants
                + tensors.constants(kernel.named())
                + load
                + SUM;
        kernel.rows(tensors.arguments()).launchCuda(sink, tensors.groups(), functions, MultiTensor.find() + PIECES);
    }

    private static void wholes(MultiTensor tensors, View sums, CallSink sink) {
        var kernel = new TornadoKernel(
                        "SumsOfPieces", "Sums of the pieces of up to %d tensors".formatted(MOST), THREADS)
                .at("pieces", sums);
        var functions = "constexpr int THREADS = %d;%n".formatted(THREADS) + tensors.constants(kernel.named()) + SUM;
        kernel.rows(tensors.arguments()).launchCuda(sink, tensors.groups(), functions, WHOLE);
    }

    /**
     * The first launches that are alike. Their results are parts of one tensor, which lives from the first of them on, so that all
     * may be computed there.
     */
    private static List<Launch> together(List<Launch> launches) {
        var together = new ArrayList<Launch>();
        for (var launch : launches.subList(0, Math.min(MOST, launches.size()))) {
            var first = together.isEmpty() ? launch : together.getFirst();
            var vector = first.outputs().getFirst().buffer();
            if (squared(launch).isEmpty()
                    || !launch.spec().equals(first.spec())
                    || width(launch) != width(first)
                    || launch.outputs().getFirst().buffer() != vector
                    || launch.inputs().getFirst().buffer() == vector) {
                break;
            }
            together.add(launch);
        }
        return together;
    }

    /** The tensor whose squares a launch adds up to a number, if that is what it does. */
    private static Optional<View> squared(Launch launch) {
        if (!(launch.spec() instanceof Reduce(var fn, var inner, var operands, var value, var result))
                || fn != ReduceFn.SUM
                || !inner
                || result != DType.F32
                || operands.size() != 1
                || launch.outputs().getFirst().elements() != 1) {
            return Optional.empty();
        }
        var operand = operands.getFirst();
        return isWide(operand) && isSquare(value, operand)
                ? Optional.of(launch.inputs().getFirst())
                : Optional.empty();
    }

    private static boolean isWide(Operand operand) {
        return operand.access() == Access.CONTIGUOUS && (operand.dtype() == DType.F32 || operand.dtype() == DType.BF16);
    }

    private static boolean isSquare(Expr value, Operand operand) {
        return value instanceof Expr.Binary(var fn, var a, var b)
                && fn == BinaryFn.MUL
                && a.equals(b)
                && a.dtype() == DType.F32
                && (a instanceof Expr.Arg
                        || (a instanceof Expr.Convert(var _, var x) && x.equals(new Expr.Arg(0, operand.dtype()))));
    }

    private static int width(Launch launch) {
        var x = launch.inputs().getFirst();
        return WideSpace.width(Math.toIntExact(x.elements()), List.of(x));
    }
}
