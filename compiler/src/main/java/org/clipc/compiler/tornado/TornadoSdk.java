package org.clipc.compiler.tornado;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** An installed TornadoVM SDK. */
public final class TornadoSdk {

    /** The environment variable that names the SDK's folder. */
    public static final String HOME = "TORNADOVM_HOME";

    private static final String WANTED = "TornadoVM 5.2.0 for JDK 25 (https://www.tornadovm.org, or its public source)";

    private TornadoSdk() {}

    /**
     * The jar of TornadoVM's API.
     *
     * @param home the SDK's folder; null if nobody said
     * @throws IOException if there is none, saying what to install
     */
    public static Path apiJar(@Nullable String home) throws IOException {
        if (home == null || home.isBlank()) {
            throw new IOException(
                    "the target tornado needs an SDK of " + WANTED + ": install it and set " + HOME + " to its folder");
        }
        var folder = Path.of(home, "share", "java", "tornado");
        if (Files.isDirectory(folder)) {
            try (var jars = Files.newDirectoryStream(folder, "tornado-api-*.jar")) {
                for (var jar : jars) {
                    return jar;
                }
            }
        }
        throw new IOException(HOME + " is " + home + ", which is no SDK of " + WANTED + ": there is no "
                + folder.resolve("tornado-api-*.jar"));
    }
}
