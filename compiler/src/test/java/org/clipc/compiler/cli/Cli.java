package org.clipc.compiler.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;

/** The command in this process, its output captured, its temporary folder called {@code DIR} in what it says. */
record Cli(Path folder) {

    /** What one command did. */
    record Ran(int code, String out, String err) {}

    /** The project's folder, found from wherever the tests run. */
    static Path home() {
        var folder = Path.of("").toAbsolutePath();
        while (!Files.isDirectory(folder.resolve("clip-graphs"))) {
            folder = Objects.requireNonNull(folder.getParent(), "no clip-graphs above the working folder");
        }
        return folder;
    }

    static String model(String variant) {
        return home().resolve("clip-graphs").resolve(variant + ".clip").toString();
    }

    static String recipe(String name) {
        return home().resolve("configs").resolve(name + ".yaml").toString();
    }

    Path file(String name, String content) {
        try {
            var path = folder.resolve(name);
            Files.createDirectories(Objects.requireNonNull(path.getParent()));
            return Files.writeString(path, content);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Ran run(Object... args) {
        var home = System.getProperty("clipc.home");
        System.setProperty("clipc.home", home().toString());
        try {
            var out = new StringWriter();
            var err = new StringWriter();
            var words = Arrays.stream(args).map(String::valueOf).toArray(String[]::new);
            var code = Clipc.run(new PrintWriter(out), new PrintWriter(err), words);
            return new Ran(code, shown(out), shown(err));
        } finally {
            if (home == null) {
                System.clearProperty("clipc.home");
            } else {
                System.setProperty("clipc.home", home);
            }
        }
    }

    private String shown(StringWriter text) {
        return text.toString()
                .replace("\r\n", "\n")
                .replace(folder.toString(), "DIR")
                .replace(home().toString(), "HOME");
    }
}
