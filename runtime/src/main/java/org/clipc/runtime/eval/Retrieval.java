package org.clipc.runtime.eval;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Recall at k: the share of queries with a right answer among their k nearest candidates. With one candidate per class
 * it is top-k accuracy of zero-shot classification (Radford et al. 2021, arXiv:2103.00020).
 */
public final class Retrieval {

    private Retrieval() {}

    /**
     * @param queryLabels what each query stands for
     * @param candidateLabels what each candidate stands for; several may stand for the same, any of them is right
     * @param ranks the k's, ascending
     * @return recall at each k, as fractions of 1; NaN without queries
     */
    public static List<Double> recall(
            Embeddings queries,
            List<Integer> queryLabels,
            Embeddings candidates,
            List<Integer> candidateLabels,
            List<Integer> ranks) {
        if (queries.rows() != queryLabels.size() || candidates.rows() != candidateLabels.size()) {
            throw new IllegalArgumentException("there must be one label per embedding");
        }
        var found = IntStream.range(0, queries.rows())
                .parallel()
                .map(i -> rankOfRight(queries, i, queryLabels.get(i), candidates, candidateLabels))
                .toArray();
        return ranks.stream()
                .map(k -> (double) Arrays.stream(found).filter(rank -> rank < k).count() / found.length)
                .toList();
    }

    /** How many candidates come before the first right one; what is no number is as far away as can be. */
    private static int rankOfRight(
            Embeddings queries, int query, int label, Embeddings candidates, List<Integer> candidateLabels) {
        var similarities = new float[candidates.rows()];
        var best = -1;
        for (var j = 0; j < similarities.length; j++) {
            var similarity = queries.similarity(query, candidates, j);
            similarities[j] = Float.isNaN(similarity) ? Float.NEGATIVE_INFINITY : similarity;
            if (candidateLabels.get(j) == label && (best < 0 || similarities[j] > similarities[best])) {
                best = j;
            }
        }
        if (best < 0 || similarities[best] == Float.NEGATIVE_INFINITY) {
            return Integer.MAX_VALUE;
        }
        var before = 0;
        for (var j = 0; j < similarities.length; j++) {
            if (similarities[j] > similarities[best] || (similarities[j] == similarities[best] && j < best)) {
                before++;
            }
        }
        return before;
    }
}
