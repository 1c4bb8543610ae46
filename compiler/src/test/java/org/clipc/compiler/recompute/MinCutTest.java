package org.clipc.compiler.recompute;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

class MinCutTest {

    private record Edge(int from, int to, long limit) {}

    @Property(tries = 500)
    void noCutIsSmaller(@ForAll long seed) {
        var random = new Random(seed);
        var vertices = 2 + random.nextInt(8);
        var cut = new MinCut(vertices);
        var edges = new ArrayList<Edge>();
        for (var i = 0; i < random.nextInt(25); i++) {
            var edge = new Edge(random.nextInt(vertices), random.nextInt(vertices), random.nextInt(10));
            edges.add(edge);
            cut.edge(edge.from(), edge.to(), edge.limit());
        }
        var side = cut.sourceSide(0, 1);
        assertThat(side.get(0)).isTrue();
        assertThat(side.get(1)).isFalse();
        var found = edges.stream()
                .filter(e -> side.get(e.from()) && !side.get(e.to()))
                .mapToLong(Edge::limit)
                .sum();
        var least = Long.MAX_VALUE;
        for (var set = 0; set < 1 << vertices; set++) {
            var chosen = set;
            if ((chosen & 1) == 1 && (chosen & 2) == 0) {
                var limit = edges.stream()
                        .filter(e -> (chosen >> e.from() & 1) == 1 && (chosen >> e.to() & 1) == 0)
                        .mapToLong(Edge::limit)
                        .sum();
                least = Math.min(least, limit);
            }
        }
        assertThat(found).isEqualTo(least);
    }
}
