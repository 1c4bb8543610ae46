package org.clipc.compiler.jvm;

/**
 * How a gemm is cut for one vector width. A tile of {@code rows} by {@code vectors} vectors of C stays in registers while
 * it accumulates {@code depth} products; {@code blockRows} rows of A, that deep, stay in the second-level cache while
 * {@code runColumns} columns of B pass by.
 *
 * <p>The numbers are measured. C2 allocates registers for 3x3 vectors of 256 bits, or 12x2 of 512, without spilling; the
 * textbook's 6x2 runs at less than half of the speed. With 9 accumulators a deep tile gains nothing, so B's panel may as
 * well fit the first-level cache; storing 24 costs more, which a deeper tile spreads. C2 may load a whole step's operands
 * before the first product, so a tile keeps its speed only where {@code rows + vectors} registers fit besides the
 * accumulators: 5x2 of 256 bits, alone, ran at 98% of the peak or at a third of it, depending on how it was compiled.
 *
 * <p>A step of the 3x3 tile is 20 instructions for 9 products. On a core of its own it ties OpenBLAS; beside other load it
 * kept 0.6 of its speed and OpenBLAS 0.8, probably since OpenBLAS's tile of 12 vectors needs fewer for each product. Two
 * steps in one iteration would too, but C2 loads both steps' operands first, and spills: half of the speed.
 *
 * <p>Blocks of 192 rows by 192 columns leave the sums room in a second-level cache of 512 KiB; larger and smaller ones
 * were within the noise of them on a Zen 3.
 *
 * @param bits width of the vectors
 * @param rows of a tile; panels of A are this many rows wide
 * @param vectors in a row of a tile; panels of B are this many vectors wide
 */
record GemmTile(int bits, int rows, int vectors, int depth, int blockRows, int runColumns) {

    static GemmTile of(int bits) {
        return switch (bits) {
            case 128 -> new GemmTile(128, 3, 3, 256, 144, 384);
            case 256 -> new GemmTile(256, 3, 3, 256, 192, 192);
            case 512 -> new GemmTile(512, 12, 2, 1024, 96, 384);
            default -> throw new IllegalArgumentException("no gemm tile for vectors of " + bits + " bits");
        };
    }

    int lanes() {
        return bits / Float.SIZE;
    }

    /** Columns of a tile: the width of B's panels. */
    int columns() {
        return vectors * lanes();
    }
}
