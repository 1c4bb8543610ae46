package org.clipc.compiler.jvm;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * How a gemm is cut for one vector width. A tile of {@code rows} by {@code vectors} vectors of C stays in registers while
 * it accumulates {@code depth} products; {@code blockRows} rows of A, that deep, stay in the second-level cache while
 * {@code runColumns} columns of B pass by.
 *
 * <p>The numbers are measured. With 16 registers C2 spills where it loads a whole step's operands before the first
 * product, as it does to lessen the pressure on registers: 6x2 of 256 bits then runs at less than half of the speed. With
 * {@code -XX:-OptoRegScheduling} it takes what is ready, and of that what has the most inputs; {@link GemmPanels} renders
 * the addresses so that this is the order wanted. 4x3, and two steps in one iteration, spill either way. The launchers give
 * the flag; the runtime warns where it is missing. 12x2 of 512 bits, with 32 registers, needs no flag.
 *
 * <p>With 256 bits, blocks of 144 rows, 384 deep, and 192 columns leave the sums room in a second-level cache of 512 KiB
 * (Zen 3); 256 deep is 3% slower, the rest within the noise. With 512 bits (Zen 4, 1 MiB), a weight gradient, whose depth
 * is batch times sequence, gains 6% where its depth is one chunk, not two, and blocks have 144 rows, not 96; the rest keep
 * their speed. Intel's cores since Ice Lake want it otherwise, see {@link #shallow}.
 *
 * @param bits width of the vectors
 * @param rows of a tile; panels of A are this many rows wide
 * @param vectors in a row of a tile; panels of B are this many vectors wide
 * @param pitch floats from one depth to the next in panels of A; a multiple of a vector's lanes where panels of B are kept
 *     as strips
 * @param touches whether B's next panel is touched, line by line, while this one is multiplied
 */
record GemmTile(int bits, int rows, int vectors, int pitch, int depth, int blockRows, int runColumns, boolean touches) {

    private static final int SHALLOW_CACHE = 48 << 10;

    /** Bytes of a panel of B that leaves room for one of A. */
    private static final int SHALLOW_PANEL = 32 << 10;

    static GemmTile of(int bits) {
        return switch (bits) {
            case 128 -> new GemmTile(128, 6, 2, 8, 256, 144, 384, true);
            case 256 -> new GemmTile(256, 6, 2, 8, 384, 144, 192, true);
            case 512 -> new GemmTile(512, 12, 2, 12, 2048, 144, 384, true);
            default -> throw new IllegalArgumentException("no gemm tile for vectors of " + bits + " bits");
        };
    }

    /**
     * The same tile in other cuts, which some machines and shapes may like better: less or more depth, lower or taller
     * blocks, fewer columns. Kernels are rendered for {@link #of}, and take any of these.
     */
    List<GemmTile> otherCuts() {
        return List.of(
                shallow(),
                cut(depth / 2, blockRows, runColumns),
                cut(depth * 2, blockRows, runColumns),
                cut(depth, blockRows / 2, runColumns),
                cut(depth, blockRows * 3 / 2, runColumns),
                cut(depth, blockRows, runColumns / 2));
    }

    /**
     * The cut for a first-level cache of {@link #SHALLOW_CACHE}: it holds both panels. Its prefetcher finds the next ones by
     * itself; touching them stalls, since what comes from a third-level cache that many cores share takes long. On a Xeon
     * of the fifth generation, with 512 bits, products run 1.05 to 1.13 times as fast as with {@link #of}: the depth gives
     * about half of that, not touching the other half, and blocks of 144 rows are 1% slower. (Zen 5 has such a cache, too,
     * and was not measured.)
     */
    GemmTile shallow() {
        return new GemmTile(
                bits, rows, vectors, pitch, SHALLOW_PANEL / Float.BYTES / columns(), 288, runColumns, false);
    }

    /** Names of cuts by the size of a first-level data cache, in bytes, from which on they are the default. */
    SortedMap<Integer, String> defaults() {
        return bits == 512 ? new TreeMap<>(Map.of(SHALLOW_CACHE, shallow().cut())) : Collections.emptySortedMap();
    }

    private GemmTile cut(int newDepth, int newBlockRows, int newRunColumns) {
        return new GemmTile(bits, rows, vectors, pitch, newDepth, newBlockRows, newRunColumns, touches);
    }

    /** Depth, rows of a block and columns of a run, and whether panels are touched, as text that an option may be named. */
    String cut() {
        return depth + "x" + blockRows + "x" + runColumns + (touches ? "" : " untouched");
    }

    int lanes() {
        return bits / Float.SIZE;
    }

    /** Columns of a tile: the width of B's panels. */
    int columns() {
        return vectors * lanes();
    }

    /** Whether a panel of B holds its vectors one after the other, each over all of the depth; else step by step. */
    boolean hasStrips() {
        return pitch % lanes() == 0;
    }

    /** Columns of a strip: of all of a panel, where it has none. */
    int strip() {
        return hasStrips() ? lanes() : columns();
    }
}
