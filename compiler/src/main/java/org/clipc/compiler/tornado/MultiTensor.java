package org.clipc.compiler.tornado;

import java.util.ArrayList;
import java.util.List;
import org.clipc.compiler.kernel.CallSink.Argument;

/**
 * Rows of arguments of a kernel in CUDA C that does the same for many tensors, as Apex's multi_tensor_apply: where most are so
 * small that a kernel takes longer to start than to run. A row begins with the number of the first group that is its tensor's.
 *
 * @param rows of each tensor
 * @param groups of all of them
 * @param most rows that the kernel takes
 */
record MultiTensor(List<List<Argument>> rows, int groups, int most) {

    MultiTensor {
        rows = List.copyOf(rows);
    }

    /** What tensors have rows of. */
    static final class Builder {

        private final List<List<Argument>> rows = new ArrayList<>();
        private int groups;

        /** Adds a tensor that takes so many groups, with the fields of its row behind the first; returns which is its first group. */
        int add(long taken, List<Argument> fields) {
            var first = groups;
            var row = new ArrayList<Argument>();
            row.add(Argument.of(groups));
            row.addAll(fields);
            rows.add(row);
            groups = Math.toIntExact(groups + taken);
            return first;
        }

        MultiTensor build(int most) {
            return new MultiTensor(rows, groups, most);
        }
    }

    private int fields() {
        return rows.getFirst().size();
    }

    /** All rows in order, and as many zeros as others would take. */
    List<Argument> arguments() {
        var arguments = new ArrayList<Argument>();
        rows.forEach(arguments::addAll);
        while (arguments.size() < most * fields()) {
            arguments.add(Argument.of(0));
        }
        return arguments;
    }

    /** @param named arguments in front of the rows */
    String constants(int named) {
        return "constexpr int FIELDS = %d, ROWS = %d, HALF = %d;%n"
                .formatted(fields(), named, Integer.highestOneBit(most - 1));
    }

    /**
     * Declares {@code row}, where the row of the group {@code blockIdx.x} begins, the last that begins at or before it, and {@code
     * block}, which of its tensor's groups that is. Takes {@code tensors}, the number of rows in use.
     */
    static String find() {
        return """
                    int row = ROWS;
                    #pragma unroll
                    for (int half = HALF; half > 0; half /= 2) {
                        const int next = row + half * FIELDS;
                        if (next < ROWS + tensors * FIELDS && (int) blockIdx.x >= (int) args.v[next]) {
                            row = next;
                        }
                    }
                    const int block = (int) blockIdx.x - (int) args.v[row];
                """;
    }
}
