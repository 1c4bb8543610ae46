package org.clipc.compiler.lower;

import org.clipc.compiler.kernel.Launch;

/**
 * A launch in the order of execution.
 *
 * @param node index of the graph node that it computes, or helps to
 */
public record Step(int node, Launch launch) {}
