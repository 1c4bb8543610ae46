package org.clipc.compiler.jvm;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.clipc.compiler.kernel.CallSink.Argument;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.View;
import org.jspecify.annotations.Nullable;

/**
 * How one product is cut into calls and units. One of A and B, the held one, is cut into blocks of rows (columns); the
 * other, the shared one, is packed before, once, and passes by each block in stretches. A is held, since C's blocks then
 * are long rows; but with few rows in A (a single image, say) packing all of B beforehand would cost about as much as
 * multiplying it, so then B is held.
 *
 * <p>A unit is a block of the held operand times a stretch of the shared one. Units are small, so that 64 threads find
 * enough of them; a worker that is given several in a row joins stretches to a run. Sums do not depend on it. Where several
 * runs pass by a block, which more than one worker may be given, it is packed before, too; else by its worker.
 *
 * <p>A product whose operands would need too much room is cut into parts.
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
            "isPacked",
            "heldFrom",
            "heldExtent",
            "heldFirst",
            "heldPerBatch",
            "blockSize",
            "sharedFrom",
            "sharedExtent",
            "sharedPerBatch",
            "stretch",
            "joined",
            "touches",
            "spare",
            "sumsStride");

    /** Most floats of the shared operand that are packed at a time, if its panels are no larger. */
    private static final int SHARED_FLOATS = 1 << 25;

    /** Most floats of the held operand that are packed before. */
    private static final int HELD_FLOATS = 1 << 23;

    /** Products of a unit that is worth a region's overhead: some 10 µs. */
    private static final long UNIT = 500_000;

    /** Units that a product is cut into, if they do not become too small. */
    private static final int UNITS = 128;

    /** Elements that a unit of the packing call packs. */
    private static final int PACKED = 1 << 14;

    /** Depth of such a unit where rows lie along the axis of unit stride; a multiple of {@link GemmPacking#STEP}. */
    private static final int SLICE = 32;

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
        long packed(GemmTile tile, int rows) {
            return (long) Math.ceilDiv(rows, width(tile)) * (isA ? tile.pitch() : tile.columns());
        }

        /** As many rows as so many floats have room for, but at least {@code least}; of all rows, equal shares. */
        int rowsWithin(GemmTile tile, int floats, int least) {
            var panels = Math.max(floats / depth() / packed(tile, 1), least / width(tile));
            var parts = Math.ceilDiv(Math.ceilDiv(extent(), width(tile)), panels);
            return roundUp((int) Math.ceilDiv(extent(), parts), width(tile));
        }

        int batchesWithin(GemmTile tile, int floats, int rows, int batches) {
            return isBroadcast() ? batches : Math.clamp(floats / (packed(tile, rows) * depth()), 1, batches);
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

    /** Rows of a factor that are packed before, by a call of {@link GemmPanels}, into the shared scratch. */
    final class Packing {

        private final Factor factor;
        private final int from;
        private final int extent;
        private final int first;

        private Packing(Factor factor, int from, int extent, int first) {
            this.factor = factor;
            this.from = from;
            this.extent = extent;
            this.first = first;
            if (first + factor.packed(tile, extent) * factor.depth() * batches() > GemmPanels.MAX_POSITION) {
                throw new IllegalArgumentException("a product cannot sum up " + factor.depth() + " terms");
            }
        }

        private int batches() {
            return factor.isBroadcast() ? 1 : batches;
        }

        private int panels() {
            return (int) factor.packed(tile, extent) * factor.depth();
        }

        private int perBatch() {
            return factor.isBroadcast() ? 0 : panels();
        }

        private int end() {
            return first + panels() * batches();
        }

        /** Long runs along the axis of unit stride, which are read faster: along rows, a unit takes little of the depth. */
        private int slice() {
            return factor.form().across() ? chunk : Math.min(chunk, SLICE);
        }

        private int rowsPerUnit() {
            return roundUp(Math.max(1, PACKED / Math.min(slice(), factor.depth())), factor.width(tile));
        }

        int units() {
            var cuts = Math.ceilDiv(factor.depth(), chunk) * Math.ceilDiv(chunk, slice());
            return batches() * Math.ceilDiv(extent, rowsPerUnit()) * cuts;
        }

        /** Of the rows, and of the panels that they become. */
        long bytes() {
            var rows = (long) extent * batches();
            return rows * factor.depth() * factor.view().dtype().bytes() + (long) (end() - first) * Float.BYTES;
        }

        /** The arguments of {@link GemmPanels}. */
        Map<String, Argument> arguments() {
            var values = new HashMap<String, Argument>();
            factor.bind(values);
            bindSizes(values);
            var start = factor.view().offset() * factor.view().dtype().bytes() + from * factor.rowStride();
            values.put("at", new Argument.Address(factor.view().buffer(), start));
            values.put("rows", Argument.of(extent));
            values.put("rowsPerUnit", Argument.of(rowsPerUnit()));
            values.put("slice", Argument.of(slice()));
            values.put("first", Argument.of(first));
            values.put("perBatch", Argument.of(perBatch()));
            return values;
        }
    }

    private final GemmTile tile;
    private final Factor held;
    private final Packing sharedRows;
    private final @Nullable Packing heldRows;
    private final int batchFrom;
    private final int batches;
    private final int heldFrom;
    private final int heldExtent;
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
            int heldFrom,
            int heldExtent,
            int sharedFrom,
            int sharedExtent,
            int scratch) {
        this.tile = tile;
        this.held = held;
        this.batchFrom = batchFrom;
        this.batches = batches;
        this.heldFrom = heldFrom;
        this.heldExtent = heldExtent;
        this.sharedFrom = sharedFrom;
        this.sharedExtent = sharedExtent;
        this.scratch = scratch;
        this.chunk = chunk(tile, held.depth());
        if (held.isA()) {
            stretch = stretch(tile, held, sharedExtent);
            blockSize = rowsPerBlock();
            joined = Math.max(1, tile.runColumns() / stretch);
        } else {
            stretch = sharedExtent;
            blockSize = columnsPerBlock();
            joined = 1;
        }
        sharedRows = new Packing(shared, sharedFrom, sharedExtent, 0);
        heldRows = isPacked(tile, held, sharedExtent)
                ? new Packing(held, heldFrom, heldExtent, roundUp(sharedRows.end(), tile.lanes()))
                : null;
    }

    /**
     * The parts of a product, to be run one after the other.
     *
     * @param tile {@link GemmTile#of} some vectors, or another cut of it
     * @param scratch floats at the start of a worker's scratch that the epilogue needs
     * @throws IllegalArgumentException if it is so deep that a panel is too large for an array
     */
    static List<GemmPlan> parts(GemmTile tile, Launch launch, int scratch) {
        var a = new Factor(true, launch.inputs().get(0));
        var b = new Factor(false, launch.inputs().get(1));
        var base = GemmTile.of(tile.bits());
        var heldIsA = a.extent() > base.blockRows();
        var held = heldIsA ? a : b;
        var shared = heldIsA ? b : a;
        var sharedExtent = shared.rowsWithin(tile, SHARED_FLOATS, shared.width(tile));
        var isPacked = isPacked(tile, held, sharedExtent);
        var heldExtent = isPacked ? held.rowsWithin(tile, HELD_FLOATS, base.blockRows()) : held.extent();
        var batches = a.view().dim(0) * a.view().dim(1);
        var together = Math.min(
                shared.batchesWithin(tile, SHARED_FLOATS, sharedExtent, batches),
                isPacked ? held.batchesWithin(tile, HELD_FLOATS, heldExtent, batches) : batches);
        var parts = new ArrayList<GemmPlan>();
        for (var batch = 0; batch < batches; batch += together) {
            for (var from = 0; from < shared.extent(); from += sharedExtent) {
                for (var heldFrom = 0; heldFrom < held.extent(); heldFrom += heldExtent) {
                    parts.add(new GemmPlan(
                            tile,
                            held,
                            shared,
                            batch,
                            Math.min(together, batches - batch),
                            heldFrom,
                            Math.min(heldExtent, held.extent() - heldFrom),
                            from,
                            Math.min(sharedExtent, shared.extent() - from),
                            scratch));
                }
            }
        }
        return parts;
    }

    /**
     * Whether several runs of columns pass by each block, and a block has room. Where only one does, packing a block by the
     * worker that multiplies it spares the way through memory. Cuts do not count: all of them make the same calls.
     */
    private static boolean isPacked(GemmTile tile, Factor held, int sharedExtent) {
        var base = GemmTile.of(tile.bits());
        return held.isA()
                && sharedExtent > base.runColumns()
                && held.packed(base, base.blockRows()) * held.depth() <= HELD_FLOATS;
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
    private static int stretch(GemmTile tile, Factor held, int sharedExtent) {
        var perPanel = (long) Math.min(held.extent(), tile.blockRows()) * held.depth() * tile.columns();
        var panels = Math.clamp(UNIT / 8 / perPanel, 2, tile.runColumns() / tile.columns());
        return Math.min(panels * tile.columns(), roundUp(sharedExtent, tile.columns()));
    }

    private int rowsPerBlock() {
        var blocks = Math.ceilDiv(heldExtent, tile.blockRows());
        var stretches = (long) batches * Math.ceilDiv(sharedExtent, stretch);
        var products = stretches * heldExtent * held.depth() * stretch;
        var wanted = Math.min(UNITS, products / UNIT) / stretches;
        // Half of a block's rows still make good use of what they touch of B.
        blocks = (int) Math.clamp(wanted, blocks, 2L * blocks);
        return roundUp(Math.ceilDiv(heldExtent, blocks), tile.rows());
    }

    private int columnsPerBlock() {
        var perPanel = (long) sharedExtent * held.depth() * tile.columns();
        var panels = Math.ceilDiv(heldExtent, tile.columns());
        var enough = Math.max(1, (long) panels * batches / UNITS);
        var large = Math.max(1, UNIT / perPanel);
        return Math.min(Math.clamp(Math.max(enough, large), 1, 4), panels) * tile.columns();
    }

    /** What is packed before the units run; the parts of a product find what earlier ones packed. */
    List<Packing> packings() {
        if (heldRows == null) {
            return List.of(sharedRows);
        }
        return heldFrom == 0 ? List.of(sharedRows, heldRows) : List.of(heldRows);
    }

    int sharedFloats() {
        return heldRows == null ? sharedRows.end() : heldRows.end();
    }

    int units() {
        return batches * Math.ceilDiv(heldExtent, blockSize) * Math.ceilDiv(sharedExtent, stretch);
    }

    private int sumsRows() {
        return held.isA() ? blockSize : roundUp(sharedExtent, tile.rows());
    }

    /** An odd number of vectors, so that a column of sums does not fall into few sets of the cache. */
    private int sumsStride() {
        var columns = held.isA() ? Math.min(joined * stretch, roundUp(sharedExtent, tile.columns())) : blockSize;
        return columns / tile.lanes() % 2 == 0 ? columns + tile.lanes() : columns;
    }

    /** Where, in a worker's scratch, is a float that nobody reads: behind the sums. */
    private int spare() {
        return scratch + sumsRows() * sumsStride();
    }

    /** Where a worker packs a block. */
    private int localFirst() {
        return roundUp(spare() + 1, tile.lanes());
    }

    int localFloats() {
        return heldRows != null
                ? spare() + 1
                : localFirst() + (int) held.packed(tile, blockSize) * Math.min(chunk, held.depth());
    }

    /** The arguments named {@link #ARGUMENTS}. */
    Map<String, Argument> arguments() {
        var values = new HashMap<String, Argument>();
        held.bind(values);
        bindSizes(values);
        values.put("heldIsA", Argument.of(held.isA() ? 1 : 0));
        values.put("isPacked", Argument.of(heldRows != null ? 1 : 0));
        values.put("heldFrom", Argument.of(heldFrom));
        values.put("heldExtent", Argument.of(heldExtent));
        values.put("heldFirst", Argument.of(heldRows != null ? heldRows.first : localFirst()));
        values.put("heldPerBatch", Argument.of(heldRows != null ? heldRows.perBatch() : 0));
        values.put("blockSize", Argument.of(blockSize));
        values.put("sharedFrom", Argument.of(sharedFrom));
        values.put("sharedExtent", Argument.of(sharedExtent));
        values.put("sharedPerBatch", Argument.of(sharedRows.perBatch()));
        values.put("stretch", Argument.of(stretch));
        values.put("joined", Argument.of(joined));
        values.put("touches", Argument.of(tile.touches() ? 1 : 0));
        values.put("spare", Argument.of(spare()));
        values.put("sumsStride", Argument.of(sumsStride()));
        return values;
    }

    private void bindSizes(Map<String, Argument> values) {
        values.put("batch2Extent", Argument.of(held.view().dim(1)));
        values.put("batchFrom", Argument.of(batchFrom));
        values.put("depth", Argument.of(held.depth()));
        values.put("chunk", Argument.of(chunk));
    }
}
