package org.clipc.ir;

/** One result of a node: the node's index in its graph and the result's index in the node. */
public record Value(int node, int result) {

    @Override
    public String toString() {
        return result == 0 ? "%" + node : "%" + node + "." + result;
    }
}
