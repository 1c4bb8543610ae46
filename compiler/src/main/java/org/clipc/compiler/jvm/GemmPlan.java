package org.clipc.compiler.jvm;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.clipc.compiler.kernel.CallSink.Argument;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.View;

/**
 * How one product is cut into calls and units. One of A and B, the held one, is packed by the workers, block by block, as
 * they need it; the other, the shared one, is packed before, once. A is held, since C's blocks then are long rows; but
 * with few rows in A (a single image, say) packing all of B beforehand would cost about as much as multiplying it, so
 * then B is held.
 *
 * <p>A unit is a block of the held operand times a stretch of the shared one. Units are small, so that 64 threads find
 * enough of them; a worker that is given several in a row joins stretches, and packs their common block once. Sums do not
 * depend on it.
 *
 * <p>A product whose shared operand would need more than {@value #SHARED_FLOATS} floats is cut into parts.
 */
final class GemmPlan {

    /** Arguments of a gemm kernel before those of its epilogue: {@code at} and strides in bytes, the rest in elements. */
    static final List<String> ARGUMENTS = List.of(
            "heldIsA",
            "at",
            "batch1",
            "batch2",
            "rowStride",
            "depthStride",
            "form",
            "batch2Extent",
            "batchFrom",
            "depth",
            "chunk",
            "extent",
            "blockSize",
            "sharedFrom",
            "sharedExtent",
            "stretch",
            "joined",
            "sharedPerBatch",
            "heldFirst",
            "heldDepth",
            "sumsStride");

    private static final int SHARED_FLOATS = 1 << 25;

    /** Most floats of a block that a worker packs in all its depth, to use it for several stretches. */
    private static final int HELD_FLOATS = 1 << 20;

    /** Products of a unit that is worth a region's overhead: some 10 µs. */
    private static final long UNIT = 500_000;

    /** Units that a product is cut into, if they do not become too small. */
    private static final int UNITS = 128;

    /** Elements that a unit of the packing call packs. */
    private static final int PACKED = 1 << 14;

    /** Rows (of A) or columns (of B) with their depth, as the views of a launch give them. */
    private record Factor(boolean isA, View view) {

        int extent() {
            return view.dim(isA ? 2 : 3);
        }

        int depth() {
            return view.dim(isA ? 3 : 2);
        }

        private long bytes(int axis) {
            return view.stride(axis) * view.dtype().bytes();
        }

        long rowStride() {
            return bytes(isA ? 2 : 3);
        }

        long depthStride() {
            return bytes(isA ? 3 : 2);
        }

        GemmPacking.Form form() {
            return new GemmPacking.Form(
                    !isA, view.dtype(), depthStride() == view.dtype().bytes());
        }

        boolean isBroadcast() {
            return (view.dim(0) == 1 || view.stride(0) == 0) && (view.dim(1) == 1 || view.stride(1) == 0);
        }

        int width(GemmTile tile) {
            return isA ? tile.rows() : tile.columns();
        }

        /** Floats, at one depth, of the panels that hold some rows. */
        int packed(GemmTile tile, int rows) {
            return Math.ceilDiv(rows, width(tile)) * (isA ? tile.pitch() : tile.columns());
        }

        void bind(Map<String, Argument> values) {
            values.put("at", Argument.of(view));
            values.put("batch1", Argument.of(bytes(0)));
            values.put("batch2", Argument.of(bytes(1)));
            values.put("rowStride", Argument.of(rowStride()));
            values.put("depthStride", Argument.of(depthStride()));
            values.put("form", Argument.of(form().code()));
        }
    }

    private final GemmTile tile;
    private final Factor held;
    private final Factor shared;
    private final int batchFrom;
    private final int batches;
    private final int sharedFrom;
    private final int sharedExtent;
    private final int chunk;
    private final int blockSize;
    private final int stretch;
    private final int joined;
    private final int scratch;

    private GemmPlan(
            GemmTile tile,
            Factor held,
            Factor shared,
            int batchFrom,
            int batches,
            int sharedFrom,
            int sharedExtent,
            int scratch) {
        this.tile = tile;
        this.held = held;
        this.shared = shared;
        this.batchFrom = batchFrom;
        this.batches = batches;
        this.sharedFrom = sharedFrom;
        this.sharedExtent = sharedExtent;
        this.scratch = scratch;
        this.chunk = chunk(tile, held.depth());
        if (held.isA()) {
            stretch = stretch();
            blockSize = rowsPerBlock();
            joined = Math.max(1, tile.runColumns() / stretch);
        } else {
            stretch = sharedExtent;
            blockSize = columnsPerBlock();
            joined = 1;
        }
    }

    /**
     * The parts of a product, to be run one after the other.
     *
     * @param tile {@link GemmTile#of} some vectors, or another cut of it
     * @param scratch floats at the start of a worker's scratch that the epilogue needs
     */
    static List<GemmPlan> parts(GemmTile tile, Launch launch, int scratch) {
        var a = new Factor(true, launch.inputs().get(0));
        var b = new Factor(false, launch.inputs().get(1));
        var heldIsA = a.extent() > GemmTile.of(tile.bits()).blockRows();
        var held = heldIsA ? a : b;
        var shared = heldIsA ? b : a;
        var width = shared.width(tile);
        var rows = Math.max(width, SHARED_FLOATS / held.depth() / width * width);
        var extent = Math.min(rows, shared.extent());
        var batches = a.view().dim(0) * a.view().dim(1);
        var perBatch = (long) shared.packed(tile, extent) * held.depth();
        var together = shared.isBroadcast() ? batches : Math.clamp(SHARED_FLOATS / perBatch, 1, batches);
        var parts = new ArrayList<GemmPlan>();
        for (var batch = 0; batch < batches; batch += together) {
            for (var from = 0; from < shared.extent(); from += extent) {
                parts.add(new GemmPlan(
                        tile,
                        held,
                        shared,
                        batch,
                        Math.min(together, batches - batch),
                        from,
                        Math.min(extent, shared.extent() - from),
                        scratch));
            }
        }
        return parts;
    }

    private static int roundUp(int n, int multiple) {
        return Math.ceilDiv(n, multiple) * multiple;
    }

    /** Equal chunks, of a multiple of the packing's step. */
    private static int chunk(GemmTile tile, int depth) {
        var chunks = Math.ceilDiv(depth, tile.depth());
        return roundUp(Math.ceilDiv(depth, chunks), GemmPacking.STEP);
    }

    /** One or two panels of B; more if the product is so small that the units would be. */
    private int stretch() {
        var perPanel = (long) Math.min(held.extent(), tile.blockRows()) * held.depth() * tile.columns();
        var panels = Math.clamp(UNIT / 8 / perPanel, 2, tile.runColumns() / tile.columns());
        return Math.min(panels * tile.columns(), roundUp(sharedExtent, tile.columns()));
    }

    private int rowsPerBlock() {
        var blocks = Math.ceilDiv(held.extent(), tile.blockRows());
        var stretches = (long) batches * Math.ceilDiv(sharedExtent, stretch);
        var products = stretches * held.extent() * held.depth() * stretch;
        var wanted = Math.min(UNITS, products / UNIT) / stretches;
        // Half of a block's rows still make good use of what they touch of B.
        blocks = (int) Math.clamp(wanted, blocks, 2L * blocks);
        return roundUp(Math.ceilDiv(held.extent(), blocks), tile.rows());
    }

    private int columnsPerBlock() {
        var perPanel = (long) sharedExtent * held.depth() * tile.columns();
        var panels = Math.ceilDiv(held.extent(), tile.columns());
        var enough = Math.max(1, (long) panels * batches / UNITS);
        var large = Math.max(1, UNIT / perPanel);
        return Math.min(Math.clamp(Math.max(enough, large), 1, 4), panels) * tile.columns();
    }

    private int sharedPerBatch() {
        return shared.isBroadcast() ? 0 : packedShared();
    }

    private int packedShared() {
        var floats = (long) shared.packed(tile, sharedExtent) * held.depth();
        if (floats > GemmPanels.MAX_POSITION) {
            throw new IllegalArgumentException("a product that sums up " + held.depth() + " terms is too deep");
        }
        return (int) floats;
    }

    int sharedFloats() {
        return packedShared() * (shared.isBroadcast() ? 1 : batches);
    }

    /** Depth of the block that a worker holds: all, if that fits and is of use again. */
    private int heldDepth() {
        var several = sharedExtent > stretch;
        return several && (long) blockSize * held.depth() <= HELD_FLOATS ? held.depth() : Math.min(chunk, held.depth());
    }

    int units() {
        return batches * Math.ceilDiv(held.extent(), blockSize) * Math.ceilDiv(sharedExtent, stretch);
    }

    private int sumsRows() {
        return held.isA() ? blockSize : roundUp(sharedExtent, tile.rows());
    }

    /** An odd number of vectors, so that a column of sums does not fall into few sets of the cache. */
    private int sumsStride() {
        var columns = held.isA() ? Math.min(joined * stretch, roundUp(sharedExtent, tile.columns())) : blockSize;
        return columns / tile.lanes() % 2 == 0 ? columns + tile.lanes() : columns;
    }

    /** Where, in a worker's scratch, the block it holds starts: behind the sums and one float that nobody reads. */
    private int heldFirst() {
        return roundUp(scratch + sumsRows() * sumsStride() + 1, tile.lanes());
    }

    int localFloats() {
        return heldFirst() + held.packed(tile, blockSize) * heldDepth();
    }

    /** The arguments named {@link #ARGUMENTS}. */
    Map<String, Argument> arguments() {
        var values = new HashMap<String, Argument>();
        held.bind(values);
        values.put("heldIsA", Argument.of(held.isA() ? 1 : 0));
        bindSizes(values);
        values.put("extent", Argument.of(held.extent()));
        values.put("blockSize", Argument.of(blockSize));
        values.put("sharedFrom", Argument.of(sharedFrom));
        values.put("sharedExtent", Argument.of(sharedExtent));
        values.put("stretch", Argument.of(stretch));
        values.put("joined", Argument.of(joined));
        values.put("heldFirst", Argument.of(heldFirst()));
        values.put("heldDepth", Argument.of(heldDepth()));
        values.put("sumsStride", Argument.of(sumsStride()));
        return values;
    }

    private void bindSizes(Map<String, Argument> values) {
        values.put("batch2Extent", Argument.of(held.view().dim(1)));
        values.put("batchFrom", Argument.of(batchFrom));
        values.put("depth", Argument.of(held.depth()));
        values.put("chunk", Argument.of(chunk));
        values.put("sharedPerBatch", Argument.of(sharedPerBatch()));
    }

    private int packedRowsPerUnit() {
        return roundUp(Math.max(1, PACKED / held.depth()), shared.width(tile));
    }

    int packUnits() {
        return (shared.isBroadcast() ? 1 : batches) * Math.ceilDiv(sharedExtent, packedRowsPerUnit());
    }

    /** Bytes of the shared operand's part, and of the panels it becomes. */
    long packBytes() {
        var rows = (long) sharedExtent * (shared.isBroadcast() ? 1 : batches);
        return rows * held.depth() * shared.view().dtype().bytes() + (long) sharedFloats() * Float.BYTES;
    }

    /** The arguments of {@link GemmPanels}. */
    Map<String, Argument> packArguments() {
        var values = new HashMap<String, Argument>();
        shared.bind(values);
        bindSizes(values);
        var first = shared.view().offset() * shared.view().dtype().bytes() + sharedFrom * shared.rowStride();
        values.put("at", new Argument.Address(shared.view().buffer(), first));
        values.put("rows", Argument.of(sharedExtent));
        values.put("rowsPerUnit", Argument.of(packedRowsPerUnit()));
        return values;
    }
}
