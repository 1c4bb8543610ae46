package org.clipc.program;

import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.stream.Collectors;
import org.clipc.ir.Mesh;

/**
 * What a program is, apart from its code. The arena is laid out as [parameters][workspace][optimizer state], each region
 * beginning at a multiple of 64; inference needs the first two only. What the entry points of a training step carry on to
 * each other lies behind the optimizer's state, in the same region.
 *
 * @param formatVersion of the file; a reader takes only its own
 * @param model name of the model
 * @param config the resolved configuration, nested maps with the key names of the recipe
 * @param mesh the ranks that run the program together; sizes and offsets are those of each of them
 * @param state optimizer state tensors: {@code master.<parameter>}, where the parameter is but a rounded copy of that, and
 *     others such as {@code adam.m.<parameter>}, zero at the start of training
 * @param carried tensors that live from one entry point of a training step to the next, such as sums of gradients
 * @param parameterBytes size of the parameter region
 * @param workspaceBytes size of the workspace region: the most that any schedule uses
 * @param stateBytes size of the optimizer state region
 * @param targets names of the targets whose kernels the program carries
 * @param checksums SHA-256, in hexadecimal, of every other member of the file
 */
public record Manifest(
        int formatVersion,
        String model,
        Map<String, Object> config,
        Mesh mesh,
        List<Parameter> parameters,
        List<TensorSlot> state,
        List<TensorSlot> carried,
        List<EntryPoint> entries,
        long parameterBytes,
        long workspaceBytes,
        long stateBytes,
        List<String> targets,
        Map<String, String> checksums) {

    public static final int FORMAT_VERSION = 6;

    /** The most axes of a tensor. */
    public static final int MAX_RANK = 16;

    /** Of a program for one rank whose training step, if any, is one entry point. */
    public Manifest(
            int formatVersion,
            String model,
            Map<String, Object> config,
            List<Parameter> parameters,
            List<TensorSlot> state,
            List<EntryPoint> entries,
            long parameterBytes,
            long workspaceBytes,
            long stateBytes,
            List<String> targets,
            Map<String, String> checksums) {
        this(
                formatVersion,
                model,
                config,
                Mesh.SINGLE,
                parameters,
                state,
                List.of(),
                entries,
                parameterBytes,
                workspaceBytes,
                stateBytes,
                targets,
                checksums);
    }

    /** Every tensor and region of the arena begins at a multiple of this many bytes: a cache line, and the widest vector. */
    public static final int ALIGNMENT = 64;

    /** @param bytes at most {@code Long.MAX_VALUE - 63} */
    public static long align(long bytes) {
        return (bytes + ALIGNMENT - 1) & -ALIGNMENT;
    }

    /** Whether an entry point can have this name. */
    public static boolean isEntryName(String name) {
        return Members.isWord(name);
    }

    /** Whether a parameter, an input or an output can have this name. */
    public static boolean isTensorName(String name) {
        return ManifestChecks.NAME.matcher(name).matches();
    }

    /** Where the workspace begins in the arena. */
    public long workspaceOffset() {
        return align(parameterBytes);
    }

    /** Where the optimizer state begins in the arena. */
    public long stateOffset() {
        return workspaceOffset() + align(workspaceBytes);
    }

    /** Size of the whole arena, as training needs it. */
    public long arenaBytes() {
        return stateOffset() + stateBytes;
    }

    /** What {@link #carried} tensors take of the state. */
    public long carriedBytes() {
        return carried.stream().mapToLong(slot -> align(slot.type().bytes())).sum();
    }

    /** @throws NoSuchElementException if the program has no entry point of that name */
    public EntryPoint entry(String name) {
        return entries.stream()
                .filter(e -> e.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new NoSuchElementException("the program has no entry point '" + name + "', only "
                        + entries.stream().map(EntryPoint::name).collect(Collectors.joining(", "))));
    }

    /** The entry points that do what {@code name} does for shorter texts, see {@link EntryPoint#forTexts}; shortest first. */
    public List<EntryPoint> forShorterTexts(String name) {
        return entries.stream()
                .filter(e -> textLength(e) > 0 && e.name().equals(EntryPoint.forTexts(name, textLength(e))))
                .sorted(Comparator.comparingInt(Manifest::textLength))
                .toList();
    }

    private static int textLength(EntryPoint entry) {
        return entry.input(EntryPoint.TOKENS)
                .map(TensorSlot::type)
                .filter(type -> type.rank() == 2)
                .map(type -> type.dim(1))
                .orElse(0);
    }

    public boolean hasEntry(String name) {
        return entries.stream().anyMatch(e -> e.name().equals(name));
    }

    public Manifest withChecksums(Map<String, String> other) {
        return new Manifest(
                formatVersion,
                model,
                config,
                mesh,
                parameters,
                state,
                carried,
                entries,
                parameterBytes,
                workspaceBytes,
                stateBytes,
                targets,
                other);
    }
}
