package org.clipc.compiler.elaborate;

import org.clipc.grammar.diagnostic.Diagnostic;
import org.clipc.grammar.diagnostic.SourceSpan;

/** Ends elaborations that would never end, or fill the stack: endless recursion, repetition without measure. */
final class Limits {
    private static final long MAX_STEPS = 20_000_000;
    // Modules in modules take up to 4 KiB of stack each in Java's interpreter, of a thread's 1 MiB; real models stay
    // below 60.
    private static final int MAX_DEPTH = 128;

    /** Modules that stand in a row, or values that a loop goes through. */
    static final int MAX_REPEATS = 1_000_000;

    /** A training step has several times as many as its loss; the text form has room for four times as many. */
    private static final int MAX_NODES = 1 << 18;

    private long steps;
    private int depth;

    /** Thrown through everything: nothing can be said of what lies behind the limit. */
    static final class Exceeded extends RuntimeException {
        private static final long serialVersionUID = 1L;
        private final transient Diagnostic diagnostic;

        Exceeded(Diagnostic diagnostic) {
            super(diagnostic.message(), null, false, false);
            this.diagnostic = diagnostic;
        }

        Diagnostic diagnostic() {
            return diagnostic;
        }
    }

    void enter(SourceSpan span) {
        if (++depth > MAX_DEPTH) {
            throw new Exceeded(Diagnostic.error(span, "expressions and calls nest too deeply here")
                    .note("a function or module cannot use itself; `let` names parts of long expressions"));
        }
        if (++steps > MAX_STEPS) {
            throw new Exceeded(Diagnostic.error(span, "the model takes too long to elaborate")
                    .note("are the counts of all `repeat`s as intended?"));
        }
    }

    /** @param nodes that a graph has */
    static void checkSize(int nodes, SourceSpan span) {
        if (nodes > MAX_NODES) {
            throw new Exceeded(Diagnostic.error(span, "the graph has more than " + MAX_NODES + " operations")
                    .note("are the counts of all `repeat`s as intended?"));
        }
    }

    void leave() {
        depth--;
    }
}
