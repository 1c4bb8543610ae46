package org.clipc.compiler.recompute;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.BitSet;

/** Smallest cut between a source and a sink, by Dinic's algorithm (Soviet Math. Doklady 11, 1970). */
final class MinCut {

    /** Capacity of an edge that no cut may hold. */
    static final long UNLIMITED = Long.MAX_VALUE / 4;

    private int[] target = new int[64];
    private int[] next = new int[64];
    private long[] capacity = new long[64];
    private int edges;
    private final int[] firstEdge;
    private final int[] level;
    private final int[] current;

    MinCut(int vertices) {
        firstEdge = new int[vertices];
        level = new int[vertices];
        current = new int[vertices];
        Arrays.fill(firstEdge, -1);
    }

    void edge(int from, int to, long limit) {
        add(from, to, limit);
        add(to, from, 0);
    }

    private void add(int from, int to, long limit) {
        if (edges == target.length) {
            target = Arrays.copyOf(target, 2 * edges);
            next = Arrays.copyOf(next, 2 * edges);
            capacity = Arrays.copyOf(capacity, 2 * edges);
        }
        target[edges] = to;
        capacity[edges] = limit;
        next[edges] = firstEdge[from];
        firstEdge[from] = edges++;
    }

    /** The vertices on the source's side of the smallest cut, of several the one nearest to the sink. */
    BitSet sourceSide(int source, int sink) {
        while (reaches(source, sink)) {
            System.arraycopy(firstEdge, 0, current, 0, current.length);
            pushAll(source, sink);
        }
        return cannotReach(sink);
    }

    /** Numbers the vertices by their distance from the source along edges with capacity left. */
    private boolean reaches(int source, int sink) {
        Arrays.fill(level, -1);
        level[source] = 0;
        var queue = new ArrayDeque<Integer>();
        queue.add(source);
        while (!queue.isEmpty()) {
            int vertex = queue.remove();
            for (var e = firstEdge[vertex]; e >= 0; e = next[e]) {
                if (capacity[e] > 0 && level[target[e]] < 0) {
                    level[target[e]] = level[vertex] + 1;
                    queue.add(target[e]);
                }
            }
        }
        return level[sink] >= 0;
    }

    /** A blocking flow along shortest paths, with an explicit stack: paths are as long as a network is deep. */
    private void pushAll(int source, int sink) {
        var path = new int[level.length];
        var depth = 0;
        var vertex = source;
        while (true) {
            if (vertex == sink) {
                depth = augment(path, depth);
                vertex = depth == 0 ? source : target[path[depth - 1]];
            }
            var e = current[vertex];
            while (e >= 0 && (capacity[e] == 0 || level[target[e]] != level[vertex] + 1)) {
                e = next[e];
            }
            current[vertex] = e;
            if (e >= 0) {
                path[depth++] = e;
                vertex = target[e];
            } else if (depth == 0) {
                return;
            } else {
                // A dead end: the edge that led here is of no use any more.
                vertex = target[path[--depth] ^ 1];
                current[vertex] = next[current[vertex]];
            }
        }
    }

    /** Fills the path; returns how much of it, from the source on, still has capacity. */
    private int augment(int[] path, int depth) {
        var least = Long.MAX_VALUE;
        for (var i = 0; i < depth; i++) {
            least = Math.min(least, capacity[path[i]]);
        }
        var open = -1;
        for (var i = 0; i < depth; i++) {
            capacity[path[i]] -= least;
            capacity[path[i] ^ 1] += least;
            if (open < 0 && capacity[path[i]] == 0) {
                open = i;
            }
        }
        return open;
    }

    private BitSet cannotReach(int sink) {
        var reaching = new BitSet(level.length);
        var queue = new ArrayDeque<Integer>();
        reaching.set(sink);
        queue.add(sink);
        while (!queue.isEmpty()) {
            int vertex = queue.remove();
            for (var e = firstEdge[vertex]; e >= 0; e = next[e]) {
                // The edge from target[e] to vertex is the partner of this one.
                if (capacity[e ^ 1] > 0 && !reaching.get(target[e])) {
                    reaching.set(target[e]);
                    queue.add(target[e]);
                }
            }
        }
        reaching.flip(0, level.length);
        return reaching;
    }
}
