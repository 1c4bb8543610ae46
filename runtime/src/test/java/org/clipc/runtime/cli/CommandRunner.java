package org.clipc.runtime.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;

/** Runs {@code clip-run} in this process. */
final class CommandRunner {

    record Result(int exitCode, String out, String err) {

        Result succeeds() {
            assertThat(exitCode).as(err).isZero();
            return this;
        }

        /** Bad input: exit code 2, and one line that says these things. */
        Result isRefused(String... messages) {
            assertThat(err).startsWith("clip-run: ").contains(messages).hasLineCount(1);
            assertThat(exitCode).isEqualTo(2);
            return this;
        }
    }

    private CommandRunner() {}

    static Result clipRun(Object... args) {
        var out = new StringWriter();
        var err = new StringWriter();
        var words = new String[args.length];
        for (var i = 0; i < args.length; i++) {
            words[i] = String.valueOf(args[i]);
        }
        var code = ClipRun.execute(new PrintWriter(out), new PrintWriter(err), words);
        return new Result(code, out.toString(), err.toString());
    }
}
