package org.clipc.compiler.elaborate;

import org.clipc.grammar.diagnostic.Diagnostic;
import org.clipc.grammar.diagnostic.SourceSpan;

/** Ends elaborations that would never end, or fill the stack: endless recursion, repetition without measure. */
final class Limits {
    private static final long MAX_STEPS = 20_000_000;
    // Modules in modules take up to 4 KiB of stack each in Java's interpreter, of a thread's 1 MiB; real models stay
    // below 60.
    private static final int MAX_DEPTH = 128;

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

    void leave() {
        depth--;
    }
}
