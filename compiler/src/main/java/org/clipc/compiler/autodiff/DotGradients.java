package org.clipc.compiler.autodiff;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.clipc.ir.Op;
import org.clipc.ir.Value;

/**
 * The gradients of a dot_general, which are dot_generals themselves: dy meets the other operand over that operand's free
 * axes. Of the two operand orders the one is taken whose result needs no transpose, if there is one.
 */
final class DotGradients {

    private DotGradients() {}

    static void apply(Op.DotGeneral dot, Backward g) {
        var batch = dot.lhsBatch().size();
        var lhs = new Side(dot.lhsBatch(), dot.lhsContract(), g.shape(0).rank());
        var rhs = new Side(dot.rhsBatch(), dot.rhsContract(), g.shape(1).rank());
        var lhsFree = range(batch, batch + lhs.free().size());
        var rhsFree = range(
                lhsFree.size() + batch, lhsFree.size() + batch + rhs.free().size());
        // Products are f32, and operands may be narrower; gradients of either are products of what is as narrow.
        var dtype = g.type(0).dtype();
        var dy = g.b.convert(g.dy(), dtype);
        g.to(0, () -> g.b.convert(gradient(g, dy, lhs, g.x(1), rhs, rhsFree), dtype));
        g.to(1, () -> g.b.convert(gradient(g, dy, rhs, g.x(0), lhs, lhsFree), dtype));
    }

    /** How a dot_general uses the axes of one operand. */
    private record Side(List<Integer> batch, List<Integer> contract, int rank) {

        List<Integer> free() {
            return range(0, rank).stream()
                    .filter(axis -> !batch.contains(axis) && !contract.contains(axis))
                    .toList();
        }
    }

    /** The gradient of the operand on side {@code wanted}; {@code otherFree} are the other operand's free axes within dy. */
    private static Value gradient(Backward g, Value dy, Side wanted, Value other, Side rest, List<Integer> otherFree) {
        var dyBatch = range(0, wanted.batch().size());
        var dyFirst = new ArrayList<>(wanted.batch());
        dyFirst.addAll(wanted.free());
        dyFirst.addAll(contractInOrderOf(wanted, rest));
        var otherFirst = new ArrayList<>(wanted.batch());
        otherFirst.addAll(contractInOrderOf(wanted, rest));
        otherFirst.addAll(wanted.free());
        if (isIdentity(otherFirst) && !isIdentity(dyFirst)) {
            return g.b.add(new Op.DotGeneral(rest.batch(), dyBatch, rest.free(), otherFree), other, dy);
        }
        var product = g.b.add(new Op.DotGeneral(dyBatch, rest.batch(), otherFree, rest.free()), dy, other);
        return isIdentity(dyFirst) ? product : g.b.transpose(product, GradientRules.inverse(dyFirst));
    }

    /** The wanted operand's contracted axes, in the order in which the other operand's contracted axes ascend. */
    private static List<Integer> contractInOrderOf(Side wanted, Side rest) {
        return rest.contract().stream()
                .sorted()
                .map(axis -> wanted.contract().get(rest.contract().indexOf(axis)))
                .toList();
    }

    private static boolean isIdentity(List<Integer> permutation) {
        return permutation.equals(range(0, permutation.size()));
    }

    private static List<Integer> range(int from, int to) {
        return IntStream.range(from, to).boxed().toList();
    }
}
