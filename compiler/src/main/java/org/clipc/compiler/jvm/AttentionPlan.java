package org.clipc.compiler.jvm;

import com.palantir.javapoet.CodeBlock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.clipc.compiler.kernel.CallSink.Argument;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.DType;

/**
 * How attention is cut into blocks, and where in a worker's scratch each of them lies: collects the arguments of a call.
 * Keys and values of a (batch, head) pair are held whole, so scratch grows with their number, not with its square.
 */
final class AttentionPlan {

    /** Sizes, in elements, that all attention kernels take. */
    static final List<String> SIZES = List.of(
            "heads", "queries", "keys", "depth", "causal", "blockRows", "blockKeys", "room", "padded", "vectors");

    /** Arguments for dropout; {@code threshold} and {@code kept} are floats. */
    static final List<String> DROPOUT = List.of("seed", "sharded", "stream", "threshold", "kept");

    private static final int ALIGNMENT = 16;

    private final Map<String, Argument> values = new HashMap<>();
    private final int lanes;
    final int pairs;
    final int queries;
    final int keys;
    final int depth;
    final int blockRows;
    final int blockKeys;
    private int floats;

    AttentionPlan(int lanes, View q, View k, boolean causal, int mostRows) {
        this.lanes = lanes;
        this.pairs = q.dim(0) * q.dim(2);
        this.queries = q.dim(1);
        this.keys = k.dim(1);
        this.depth = q.dim(3);
        this.blockRows = Math.ceilDiv(queries, Math.ceilDiv(queries, mostRows));
        this.blockKeys = blockKeys(lanes, keys);
        put("heads", q.dim(2));
        put("queries", queries);
        put("keys", keys);
        put("depth", depth);
        put("causal", causal ? 1 : 0);
        put("blockRows", blockRows);
        put("blockKeys", blockKeys);
        put("room", room());
        put("padded", padded());
        put("vectors", vectors());
    }

    /** Equal blocks of whole vectors, which leave room for one vector of zeros at the end of a row of scores. */
    private static int blockKeys(int lanes, int keys) {
        var blocks = Math.ceilDiv(keys, AttentionTiles.STRIDE - lanes);
        return roundUp(Math.ceilDiv(keys, blocks), lanes);
    }

    private static int roundUp(int n, int multiple) {
        return Math.ceilDiv(n, multiple) * multiple;
    }

    /** Rows that scratch has for a block of queries. */
    int room() {
        return blockRows + AttentionTiles.spareRows(lanes);
    }

    /** Vectors of a row of an operand. */
    int vectors() {
        return AttentionTiles.vectors(lanes, depth);
    }

    /** Floats of as many vectors. */
    int padded() {
        return vectors() * lanes;
    }

    void put(String name, long value) {
        values.put(name, Argument.of(value));
    }

    void put(String name, float value) {
        values.put(name, Argument.of(value));
    }

    void put(String name, View view) {
        values.put(name, Argument.of(view));
    }

    /** A tensor [batch, row, head, depth], under the names of {@code tensor}. */
    void putTensor(String name, View view) {
        put(name, view);
        var bytes = view.dtype().bytes();
        put(name + "Batch", view.stride(0) * bytes);
        put(name + "Row", view.stride(1) * bytes);
        put(name + "Head", view.stride(2) * bytes);
    }

    /** The scale, and {@link #DROPOUT}. */
    void putAttributes(boolean dropout, Launch launch) {
        put("scale", launch.attributes().get(0).floatValue());
        if (dropout) {
            put("seed", launch.inputs().getLast());
            put("sharded", launch.inputs().getLast().elements() > 2 ? 1 : 0);
        } else {
            put("seed", 0);
            put("sharded", 0);
        }
        double probability = launch.attributes().get(1);
        // Uniform numbers are multiples of 2⁻²⁴: those below this one are those below the probability.
        put("threshold", (float) (Math.ceil(probability * 0x1p24) * 0x1p-24));
        put("kept", (float) (1 / (1 - probability)));
        put("stream", launch.attributes().get(2).longValue());
    }

    /**
     * Declares {@code threshold} (0: no dropout), {@code kept}, {@code key0}, {@code key1}, {@code stream} and {@code
     * masked}: the number that {@code pair} has among those of all ranks.
     */
    static CodeBlock declareDropout(ArgumentLayout layout) {
        var seed = layout.read("seed");
        return CodeBlock.builder()
                .add(layout.declareFloats("threshold", "kept"))
                .add(layout.declareInts("stream", "heads", "sharded"))
                .addStatement("final int key0 = threshold > 0 ? $L : 0", Memory.loadOne(DType.I32, seed))
                .addStatement(
                        "final int key1 = threshold > 0 ? $L : 0",
                        Memory.loadOne(DType.I32, CodeBlock.of("$L + 4", seed)))
                .addStatement(
                        "final long masked = sharded == 0 ? pair : $L + (long) (pair / heads) * $L + pair % heads",
                        Memory.loadOne(DType.I32, CodeBlock.of("$L + 8", seed)),
                        Memory.loadOne(DType.I32, CodeBlock.of("$L + 12", seed)))
                .build();
    }

    /** Reserves scratch. */
    void putScratch(String name, long size) {
        put(name, floats);
        floats = Math.toIntExact(floats + Math.ceilDiv(size, ALIGNMENT) * ALIGNMENT);
    }

    /** Scratch for all keys (or values), each a column of panels; one panel more may be read. */
    void putColumns(String name) {
        putScratch(name, (long) (Math.ceilDiv(keys, lanes) + 1) * padded() * lanes);
    }

    /** Scratch for some rows as they are, factors on the right. */
    void putPanels(String name, int rows) {
        putScratch(name, (long) rows * padded());
    }

    /** Scratch for a block of rows, each a factor on the left. */
    void putRows(String name) {
        putScratch(name, (long) Math.ceilDiv(depth, AttentionTiles.STRIDE) * room() * AttentionTiles.STRIDE);
    }

    void putScores(String name) {
        putScratch(name, (long) room() * AttentionTiles.STRIDE);
    }

    /** Scratch for rows of sums. */
    void putSums(String name, int rows) {
        putScratch(name, (long) (rows + AttentionTiles.spareRows(lanes)) * padded());
    }

    int blocks() {
        return Math.ceilDiv(queries, blockRows);
    }

    Map<String, Argument> values() {
        return values;
    }

    int floats() {
        return floats;
    }

    /** Names of the arguments that describe tensors: address, and strides in bytes. */
    static List<String> tensors(String... names) {
        var all = new ArrayList<String>();
        for (var name : names) {
            all.addAll(List.of(name, name + "Batch", name + "Row", name + "Head"));
        }
        return all;
    }

    /** Declares longs: the address of a tensor's first row for a (batch, head), and its stride. */
    static CodeBlock declare(ArgumentLayout layout, String... names) {
        var code = CodeBlock.builder();
        for (var name : names) {
            code.addStatement(
                    "final long $L = $L + batch * $L + head * $L",
                    name,
                    layout.read(name),
                    layout.read(name + "Batch"),
                    layout.read(name + "Head"));
            code.add(layout.declareLongs(name + "Row"));
        }
        return code.build();
    }
}
