package org.clipc.runtime.eval;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/** Vectors of one width, compared by dot product: cosine similarity when they are normalised. Immutable. */
public final class Embeddings {

    private final float[] values;
    private final int rows;
    private final int width;

    private Embeddings(float[] values, int rows, int width) {
        this.values = values;
        this.rows = rows;
        this.width = width;
    }

    /**
     * @param values row-major {@code [rows, width]}
     * @throws IllegalArgumentException if the rows are not whole
     */
    public static Embeddings of(float[] values, int width) {
        if (width <= 0 || values.length % width != 0) {
            throw new IllegalArgumentException(values.length + " numbers are no rows of width " + width);
        }
        return new Embeddings(values.clone(), values.length / width, width);
    }

    public int rows() {
        return rows;
    }

    public int width() {
        return width;
    }

    /** All rows, one behind the other. */
    public float[] values() {
        return values.clone();
    }

    public float[] row(int i) {
        return Arrays.copyOfRange(values, i * width, (i + 1) * width);
    }

    /** Similarity of row {@code i} to row {@code j} of {@code other}. */
    public float similarity(int i, Embeddings other, int j) {
        var from = i * width;
        var to = j * width;
        // Four sums, of which none waits for another.
        var sum0 = 0.0f;
        var sum1 = 0.0f;
        var sum2 = 0.0f;
        var sum3 = 0.0f;
        var k = 0;
        for (; k < width - 3; k += 4) {
            sum0 += values[from + k] * other.values[to + k];
            sum1 += values[from + k + 1] * other.values[to + k + 1];
            sum2 += values[from + k + 2] * other.values[to + k + 2];
            sum3 += values[from + k + 3] * other.values[to + k + 3];
        }
        for (; k < width; k++) {
            sum0 += values[from + k] * other.values[to + k];
        }
        return (sum0 + sum1) + (sum2 + sum3);
    }

    /** The rows of {@code candidates} most similar to row {@code i}, best first; of equals the lower index comes first. */
    public List<Integer> nearest(int i, Embeddings candidates, int count) {
        var similarities = new float[candidates.rows];
        var order = new ArrayList<Integer>(candidates.rows);
        for (var j = 0; j < candidates.rows; j++) {
            similarities[j] = similarity(i, candidates, j);
            order.add(j);
        }
        order.sort(Comparator.comparingDouble((Integer j) -> -similarities[j]).thenComparingInt(j -> j));
        return List.copyOf(order.subList(0, Math.min(count, order.size())));
    }

    /** Each row scaled to length one; zero rows stay. */
    public Embeddings normalized() {
        var result = values.clone();
        for (var i = 0; i < rows; i++) {
            var square = 0.0;
            for (var k = 0; k < width; k++) {
                square += (double) result[i * width + k] * result[i * width + k];
            }
            var scale = square > 0 ? 1 / Math.sqrt(square) : 0;
            for (var k = 0; k < width; k++) {
                result[i * width + k] *= (float) scale;
            }
        }
        return new Embeddings(result, rows, width);
    }

    /** Every {@code size} consecutive rows averaged into one, of length one again: an ensemble of prompts for a class. */
    public Embeddings averaged(int size) {
        if (size <= 0 || rows % size != 0) {
            throw new IllegalArgumentException(rows + " rows are no groups of " + size);
        }
        var result = new float[rows / size * width];
        for (var i = 0; i < rows; i++) {
            for (var k = 0; k < width; k++) {
                result[i / size * width + k] += values[i * width + k] / size;
            }
        }
        return new Embeddings(result, rows / size, width).normalized();
    }
}
