package org.clipc.runtime.collective.nccl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.lang.reflect.InvocationTargetException;
import java.net.MalformedURLException;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.Arrays;
import org.clipc.runtime.collective.CollectiveException;
import org.junit.jupiter.api.Test;

class NcclFilesTest {

    private static final String[] CLASS_PATH =
            System.getProperty("java.class.path").split(File.pathSeparator);

    @Test
    void withoutItsNativeCodeItSaysHowToGetIt() {
        assumeTrue(
                Arrays.stream(CLASS_PATH).noneMatch(p -> p.matches(".*cuda-.*-linux-.*")),
                "the native code is on the class path");
        assertThatThrownBy(() -> NcclFiles.load(0))
                .isInstanceOf(CollectiveException.class)
                .hasMessageStartingWith("NCCL cannot be used, since the native code of its Java binding")
                .hasMessageContaining("mvn -Pnccl");
    }

    @Test
    void withoutItsJarItSaysHowToGetIt() throws Exception {
        var others = Arrays.stream(CLASS_PATH)
                .filter(p -> !p.contains("bytedeco") && !p.contains("javacpp"))
                .map(p -> url(Path.of(p).toUri()))
                .toArray(URL[]::new);
        try (var loader = new URLClassLoader(others, ClassLoader.getPlatformClassLoader())) {
            var load = loader.loadClass(NcclFiles.class.getName()).getDeclaredMethod("load", int.class);
            load.setAccessible(true);
            assertThatThrownBy(() -> load.invoke(null, 0))
                    .isInstanceOf(InvocationTargetException.class)
                    .cause()
                    .hasMessageStartingWith("NCCL cannot be used, since its Java binding is not on the class path")
                    .satisfies(e -> assertThat(e.getClass().getName()).isEqualTo(CollectiveException.class.getName()));
        }
    }

    private static URL url(URI uri) {
        try {
            return uri.toURL();
        } catch (MalformedURLException e) {
            throw new AssertionError(e);
        }
    }
}
