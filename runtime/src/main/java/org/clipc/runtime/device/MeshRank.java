package org.clipc.runtime.device;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.LongStream;
import org.clipc.ir.DType;
import org.clipc.ir.Mesh;
import org.clipc.ir.MeshAxis;
import org.clipc.runtime.collective.Collectives;
import org.clipc.runtime.collective.Group;
import org.clipc.runtime.collective.Reduction;
import org.jspecify.annotations.Nullable;

/** Where a rank stands in the mesh that runs a program, and its neighbours along each axis. */
public final class MeshRank {

    private final Mesh mesh;
    private final @Nullable Collectives collectives;
    private final int local;
    private final Map<MeshAxis, Group> groups = new EnumMap<>(MeshAxis.class);
    private final Map<MeshAxis, Group> backgrounds = new EnumMap<>(MeshAxis.class);

    private MeshRank(Mesh mesh, @Nullable Collectives collectives, int local) {
        this.mesh = mesh;
        this.collectives = collectives;
        this.local = local;
    }

    /** The only rank. */
    public static MeshRank alone() {
        return new MeshRank(Mesh.SINGLE, null, 0);
    }

    /**
     * One of several ranks, all on this machine; each of them makes its own.
     *
     * @throws DeviceException if there are not as many ranks as the mesh needs
     */
    public static MeshRank of(Mesh mesh, Collectives collectives) {
        return of(mesh, collectives, collectives.rank());
    }

    /**
     * One of several ranks; each of them makes its own.
     *
     * @param local which of its machine's ranks it is, from 0
     * @throws DeviceException if there are not as many ranks as the mesh needs
     */
    public static MeshRank of(Mesh mesh, Collectives collectives, int local) {
        if (collectives.size() != mesh.size()) {
            throw new DeviceException("the program is for %d ranks (%d data-parallel x %d tensor-parallel), not for %d"
                    .formatted(mesh.size(), mesh.data(), mesh.tensor(), collectives.size()));
        }
        var rank = new MeshRank(mesh, collectives, local);
        for (var axis : MeshAxis.values()) {
            rank.groups.put(axis, collectives.group(mesh.group(axis, collectives.rank())));
        }
        return rank;
    }

    public Mesh mesh() {
        return mesh;
    }

    public int rank() {
        return collectives == null ? 0 : collectives.rank();
    }

    /** Which of its machine's ranks this one is, from 0: devices are dealt out by that. */
    public int local() {
        return local;
    }

    /** Whether this is the rank that speaks for all. */
    public boolean isFirst() {
        return rank() == 0;
    }

    public int coordinate(MeshAxis axis) {
        return mesh.coordinate(axis, rank());
    }

    /** The ranks that differ from this one along an axis at most, if this rank has company. */
    public @Nullable Group group(MeshAxis axis) {
        return groups.get(axis);
    }

    /**
     * Another group of the same ranks, for what they exchange beside their other work: the two may be used at the same
     * time. All of them ask for it, for the first time while they do the same in the same order.
     */
    @Nullable
    public Group background(MeshAxis axis) {
        var ends = collectives;
        return ends == null ? null : backgrounds.computeIfAbsent(axis, _ -> ends.group(mesh.group(axis, ends.rank())));
    }

    /** Tells the other ranks that this one cannot go on. */
    public void abort(String reason) {
        if (collectives != null) {
            collectives.abort(reason);
        }
    }

    /** The largest number that any rank along an axis names. */
    public int largest(MeshAxis axis, int number) {
        var group = groups.get(axis);
        return group == null ? number : largest(group, number);
    }

    /** The largest number that any rank names; all ask. */
    public int largest(int number) {
        return collectives == null ? number : largest(collectives.world(), number);
    }

    private static int largest(Group group, int number) {
        try (var memory = Arena.ofShared()) {
            var cell = memory.allocateFrom(ValueLayout.JAVA_INT, number);
            group.allReduce(cell, DType.I32, Reduction.MAX);
            return cell.get(ValueLayout.JAVA_INT, 0);
        }
    }

    /** What each rank along an axis names, by coordinate; all of them ask. */
    public List<Long> gather(MeshAxis axis, long number) {
        var group = groups.get(axis);
        if (group == null) {
            return List.of(number);
        }
        try (var memory = Arena.ofShared()) {
            var own = memory.allocateFrom(ValueLayout.JAVA_LONG, number);
            var all = memory.allocate(ValueLayout.JAVA_LONG, group.size());
            group.allGather(own, all, DType.I32);
            return LongStream.of(all.toArray(ValueLayout.JAVA_LONG)).boxed().toList();
        }
    }

    /**
     * What one of the ranks along an axis says; all of them ask.
     *
     * @param from its coordinate
     * @param words what this one would say
     */
    public String broadcast(MeshAxis axis, int from, String words) {
        var group = groups.get(axis);
        if (group == null) {
            return words;
        }
        var own = words.getBytes(StandardCharsets.UTF_8);
        var bytes = gather(axis, own.length).get(from);
        try (var memory = Arena.ofShared()) {
            var cells = memory.allocate(bytes);
            if (group.rank() == from) {
                cells.copyFrom(MemorySegment.ofArray(own));
            }
            group.broadcast(cells, DType.BOOL, from);
            return new String(cells.toArray(ValueLayout.JAVA_BYTE), StandardCharsets.UTF_8);
        }
    }

    /** Leaves in {@code values} the sum of what the ranks along an axis have there, element by element; all of them ask. */
    public void sum(MeshAxis axis, float[] values) {
        var group = groups.get(axis);
        if (group == null || group.size() == 1) {
            return;
        }
        try (var memory = Arena.ofShared()) {
            var cells = memory.allocateFrom(ValueLayout.JAVA_FLOAT, values);
            group.allReduce(cells, DType.F32, Reduction.SUM);
            MemorySegment.copy(cells, ValueLayout.JAVA_FLOAT, 0, values, 0, values.length);
        }
    }

    /** Waits for all ranks. */
    public void barrier() {
        if (collectives != null) {
            Objects.requireNonNull(collectives).world().barrier();
        }
    }
}
