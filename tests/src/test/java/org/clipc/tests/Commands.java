package org.clipc.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.clipc.compiler.cli.Clipc;
import org.clipc.runtime.cli.ClipRun;

/** The two commands, run in this process as a user would run them. */
final class Commands {

    private static final Map<List<String>, Path> TINY = new ConcurrentHashMap<>();

    private Commands() {}

    /** What a command did. */
    record Result(List<String> command, int code, String out, String err) {

        Result succeeds() {
            assertThat(code).as(toString()).isZero();
            return this;
        }

        /** Remarks beside the result. */
        void says(String... remarks) {
            assertThat(err).as(toString()).contains(remarks);
        }

        /** Exit code 2 and one message that says these things. */
        Result isRefused(String... messages) {
            reports(messages);
            assertThat(messagesIn(err)).as(toString()).isEqualTo(1);
            return this;
        }

        /** Exit code 2 and messages that say these things, without a trace of where in the program it was found. */
        Result reports(String... messages) {
            assertThat(err)
                    .as(toString())
                    .contains(messages)
                    .doesNotContain("internal error", "Exception", "\tat ")
                    .doesNotContainPattern("(?m): null$");
            assertThat(code).as(toString()).isEqualTo(2);
            return this;
        }

        private static long messagesIn(String err) {
            return err.lines()
                    .filter(line -> line.startsWith("clipc: ")
                            || line.startsWith("clip-run: ")
                            || line.matches(".*: error: .*|command line: error: .*"))
                    .count();
        }

        @Override
        public String toString() {
            return String.join(" ", command) + "\nexit code " + code + "\n" + err;
        }
    }

    @FunctionalInterface
    private interface Command {
        int run(PrintWriter out, PrintWriter err, String... words);
    }

    static Result clipc(Object... words) {
        return run("clipc", Clipc::run, words);
    }

    static Result clipRun(Object... words) {
        return run("clip-run", ClipRun::execute, words);
    }

    private static Result run(String name, Command command, Object... words) {
        var out = new StringWriter();
        var err = new StringWriter();
        var texts = Arrays.stream(words).map(String::valueOf).toArray(String[]::new);
        var code = command.run(new PrintWriter(out), new PrintWriter(err), texts);
        var line = Stream.concat(Stream.of(name), Arrays.stream(texts)).toList();
        return new Result(line, code, out.toString(), err.toString());
    }

    /** {@code clipc compile} of a model of the project. */
    static Result compile(String model, Path program, Object... more) {
        var words = Stream.concat(
                Stream.of(
                        "compile",
                        Golden.graphs().resolve(model + ".clip"),
                        "--library",
                        Golden.graphs(),
                        "-o",
                        program),
                Arrays.stream(more));
        return clipc(words.toArray());
    }

    /** Whether this is the second run of tests, which the Maven profile {@code tornado} adds: on TornadoVM's device. */
    static final boolean TORNADO = Boolean.getBoolean("clipc.test.tornado");

    /** The tiny model compiled with these options and overrides; programs are made once for all tests, which only read them. */
    static Path tiny(String... more) {
        return TINY.computeIfAbsent(List.of(more), _ -> {
            try {
                var program = Files.createTempFile("tiny", ".bin");
                program.toFile().deleteOnExit();
                var words = Stream.concat(
                        TORNADO ? Stream.of("--target", "jvm,tornado,tornadocuda") : Stream.<String>of(),
                        Stream.of(more));
                compile("tiny", program, words.toArray()).succeeds();
                return program;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }
}
