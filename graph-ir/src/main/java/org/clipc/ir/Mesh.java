package org.clipc.ir;

import java.util.List;
import java.util.stream.IntStream;

/**
 * The ranks that run one program, as a grid. Ranks that differ in their tensor coordinate only are neighbours in number,
 * as in Megatron: they talk most.
 *
 * @param data ranks along {@link MeshAxis#DATA}
 * @param tensor ranks along {@link MeshAxis#TENSOR}
 */
public record Mesh(int data, int tensor) {

    public static final Mesh SINGLE = new Mesh(1, 1);

    public static final int MOST_RANKS = 1 << 16;

    /** @throws IllegalArgumentException unless both sizes are positive, and their product at most {@link #MOST_RANKS} */
    public Mesh {
        if (data < 1 || tensor < 1 || (long) data * tensor > MOST_RANKS) {
            throw new IllegalArgumentException("a mesh of " + data + " x " + tensor + " ranks");
        }
    }

    /** All ranks. */
    public int size() {
        return data * tensor;
    }

    public int size(MeshAxis axis) {
        return switch (axis) {
            case DATA -> data;
            case TENSOR -> tensor;
        };
    }

    /** Where a rank stands along an axis. */
    public int coordinate(MeshAxis axis, int rank) {
        return switch (axis) {
            case DATA -> rank / tensor;
            case TENSOR -> rank % tensor;
        };
    }

    /** The ranks that differ from {@code rank} along {@code axis} at most, by coordinate. */
    public List<Integer> group(MeshAxis axis, int rank) {
        var stride = axis == MeshAxis.DATA ? tensor : 1;
        var first = rank - coordinate(axis, rank) * stride;
        return IntStream.range(0, size(axis)).mapToObj(i -> first + i * stride).toList();
    }

    /** Name of the scalar input, i32, that tells a program its rank's coordinate along an axis. */
    public static String rankInput(MeshAxis axis) {
        return "rank." + axis.text();
    }
}
