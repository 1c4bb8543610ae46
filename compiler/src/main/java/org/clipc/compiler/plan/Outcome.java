package org.clipc.compiler.plan;

import org.clipc.compiler.explain.StepGraphs;
import org.clipc.compiler.pack.CompiledProgram;

/** What the compiler makes of a candidate. */
public sealed interface Outcome {

    /** A training step, without its kernels. */
    record Step(StepGraphs graphs, CompiledProgram program) implements Outcome {}

    /** No program, since it cannot be brought within its memory budget, or a tensor has too many elements for kernels. */
    record TooLarge() implements Outcome {}

    /** No program, for a reason that has nothing to do with the micro-batch. */
    record Refused(String reason) implements Outcome {}
}
