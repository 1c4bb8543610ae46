package org.clipc.runtime.device.program;

import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntUnaryOperator;
import org.clipc.program.EntryPoint;
import org.clipc.program.Manifest;
import org.clipc.runtime.tensor.HostTensor;

/**
 * Chooses, among the entry points that do the same for texts of several lengths, the one with the least work: the shortest
 * that holds every text's end. What stands behind it cannot matter, so results are the same but for roundings.
 */
public final class TextLengths {

    private TextLengths() {}

    /** @param ofAll the length that counts, given that of these inputs */
    static EntryPoint shortest(
            Manifest manifest, String entry, Map<String, HostTensor> inputs, IntUnaryOperator ofAll) {
        var whole = manifest.entry(entry);
        var shorter = manifest.forShorterTexts(entry);
        var tokens = inputs.get(EntryPoint.TOKENS);
        if (shorter.isEmpty() || tokens == null || !isOf(whole, tokens)) {
            return whole;
        }
        var longest = ofAll.applyAsInt(Math.toIntExact(longest(tokens)));
        return shorter.stream().filter(e -> context(e) >= longest).findFirst().orElse(whole);
    }

    private static boolean isOf(EntryPoint entry, HostTensor tokens) {
        var shape = tokens.shape();
        return !tokens.dtype().isFloat() && shape.size() == 2 && shape.getLast() == context(entry);
    }

    private static int context(EntryPoint entry) {
        return entry.input(EntryPoint.TOKENS).orElseThrow().type().dim(1);
    }

    /**
     * Tokens up to and with the end of the longest text: the first of a row's largest.
     *
     * @param tokens [n, context]
     */
    public static long longest(HostTensor tokens) {
        long context = tokens.shape().getLast();
        var longest = 1L;
        for (var row = 0L; row < tokens.elementCount(); row += context) {
            var end = row;
            for (var i = row + 1; i < row + context; i++) {
                end = tokens.getLong(i) > tokens.getLong(end) ? i : end;
            }
            longest = Math.max(longest, end - row + 1);
        }
        return longest;
    }

    /** The inputs with only as many tokens as the entry point takes. */
    static Map<String, HostTensor> cut(Map<String, HostTensor> inputs, EntryPoint entry) {
        var tokens = inputs.get(EntryPoint.TOKENS);
        if (tokens == null
                || entry.input(EntryPoint.TOKENS).isEmpty()
                || tokens.shape().size() != 2) {
            return inputs;
        }
        long context = tokens.shape().getLast();
        long rows = tokens.shape().getFirst();
        var kept = context(entry);
        if (kept >= context) {
            return inputs;
        }
        var width = tokens.dtype().bytes();
        var data = MemorySegment.ofArray(new byte[Math.toIntExact(rows * kept * width)]);
        for (var row = 0L; row < rows; row++) {
            MemorySegment.copy(tokens.data(), row * context * width, data, row * kept * width, (long) kept * width);
        }
        var cut = new LinkedHashMap<>(inputs);
        cut.put(EntryPoint.TOKENS, new HostTensor(tokens.dtype(), List.of(rows, (long) kept), data));
        return cut;
    }
}
