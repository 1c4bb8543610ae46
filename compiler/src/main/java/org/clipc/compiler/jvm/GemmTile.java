package org.clipc.compiler.jvm;

import java.util.List;

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
 * their speed.
 *
 * @param bits width of the vectors
 * @param rows of a tile; panels of A are this many rows wide
 * @param vectors in a row of a tile; panels of B are this many vectors wide
 * @param pitch floats from one depth to the next in panels of A; a multiple of a vector's lanes where panels of B are kept
 *     as strips
 */
record GemmTile(int bits, int rows, int vectors, int pitch, int depth, int blockRows, int runColumns) {

    static GemmTile of(int bits) {
        return switch (bits) {
            case 128 -> new GemmTile(128, 6, 2, 8, 256, 144, 384);
            case 256 -> new GemmTile(256, 6, 2, 8, 384, 144, 192);
            case 512 -> new GemmTile(512, 12, 2, 12, 2048, 144, 384);
            default -> throw new IllegalArgumentException("no gemm tile for vectors of " + bits + " bits");
        };
    }

    /**
     * The same tile in other cuts, which some machines and shapes may like better: less or more depth, lower or taller
     * blocks, fewer columns. Kernels are rendered for {@link #of}, and take any of these.
     */
    List<GemmTile> otherCuts() {
        return List.of(
                cut(depth / 2, blockRows, runColumns),
                cut(depth * 2, blockRows, runColumns),
                cut(depth, blockRows / 2, runColumns),
                cut(depth, blockRows * 3 / 2, runColumns),
                cut(depth, blockRows, runColumns / 2));
    }

    private GemmTile cut(int newDepth, int newBlockRows, int newRunColumns) {
        return new GemmTile(bits, rows, vectors, pitch, newDepth, newBlockRows, newRunColumns);
    }

    /** Depth, rows of a block and columns of a run. */
    String cut() {
        return depth + "x" + blockRows + "x" + runColumns;
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
