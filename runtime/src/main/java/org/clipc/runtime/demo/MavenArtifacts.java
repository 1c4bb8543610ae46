package org.clipc.runtime.demo;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Fetches jars through the user's own Maven, with the registries and proxies that it is set up for. */
final class MavenArtifacts {

    private MavenArtifacts() {}

    /**
     * The jar of {@code coordinates} (group:artifact:version) in {@code folder}, fetched unless it is there.
     *
     * @throws IOException with what Maven said, if it cannot be had
     */
    static Path fetch(String coordinates, Path folder) throws IOException {
        var parts = coordinates.split(":", -1);
        var jar = folder.resolve(parts[1] + "-" + parts[2] + ".jar");
        if (Files.exists(jar)) {
            return jar;
        }
        Files.createDirectories(folder);
        // Maven copies file by file; a copy cut short would look whole, so it goes to a folder that is renamed from.
        var incoming = Files.createTempDirectory(folder, "incoming");
        run(
                List.of(
                        "mvn",
                        "-q",
                        "-B",
                        "-ntp",
                        "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy",
                        "-Dartifact=" + coordinates,
                        "-DoutputDirectory=" + incoming.toAbsolutePath()),
                coordinates,
                folder);
        Files.move(incoming.resolve(jar.getFileName()), jar);
        Files.delete(incoming);
        return jar;
    }

    private static void run(List<String> command, String coordinates, Path folder) throws IOException {
        var log = folder.resolve("maven.log");
        try {
            var process = new ProcessBuilder(command)
                    .directory(folder.toFile())
                    .redirectErrorStream(true)
                    .redirectOutput(log.toFile())
                    .start();
            if (process.waitFor() != 0) {
                throw new IOException("Maven could not fetch " + coordinates + " (the demo's data): "
                        + lastLine(Files.readString(log, StandardCharsets.UTF_8)) + "; all it said is in " + log);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while Maven fetched " + coordinates, e);
        }
    }

    private static String lastLine(String text) {
        return text.lines()
                .filter(line -> line.startsWith("[ERROR]"))
                .findFirst()
                .orElse("no reason given");
    }
}
