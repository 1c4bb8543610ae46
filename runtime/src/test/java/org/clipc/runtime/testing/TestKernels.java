package org.clipc.runtime.testing;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import javax.tools.DiagnosticCollector;
import javax.tools.FileObject;
import javax.tools.ForwardingJavaFileManager;
import javax.tools.JavaFileManager;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

/** Compiles kernels from source, in memory. */
public final class TestKernels {

    private TestKernels() {}

    /** The class file of a class without nested ones. */
    public static byte[] compile(String className, String source) {
        return Objects.requireNonNull(compile(Map.of(className, source)).get(className), className);
    }

    /**
     * The class files of classes that may refer to each other, by binary name.
     *
     * @param sources likewise
     */
    public static Map<String, byte[]> compile(Map<String, String> sources) {
        var javac = ToolProvider.getSystemJavaCompiler();
        var diagnostics = new DiagnosticCollector<JavaFileObject>();
        var classes = new TreeMap<String, ByteArrayOutputStream>();
        var files =
                new ForwardingJavaFileManager<JavaFileManager>(
                        javac.getStandardFileManager(diagnostics, Locale.ROOT, null)) {
                    @Override
                    public JavaFileObject getJavaFileForOutput(
                            Location location, String name, JavaFileObject.Kind kind, FileObject sibling) {
                        return new SimpleJavaFileObject(
                                URI.create("mem:///" + name.replace('.', '/') + ".class"), kind) {
                            @Override
                            public OutputStream openOutputStream() {
                                return classes.computeIfAbsent(name, _ -> new ByteArrayOutputStream());
                            }
                        };
                    }
                };
        var units = new ArrayList<JavaFileObject>();
        sources.forEach((name, source) -> units.add(unit(name, source)));
        var options = List.of("--add-modules", "jdk.incubator.vector", "-Xlint:none", "-proc:none");
        if (!javac.getTask(null, files, diagnostics, options, null, units).call()) {
            throw new IllegalArgumentException(diagnostics.getDiagnostics().toString());
        }
        var bytes = new TreeMap<String, byte[]>();
        classes.forEach((name, file) -> bytes.put(name, file.toByteArray()));
        return bytes;
    }

    private static JavaFileObject unit(String className, String source) {
        return new SimpleJavaFileObject(
                URI.create("mem:///" + className.replace('.', '/') + ".java"), JavaFileObject.Kind.SOURCE) {
            @Override
            public CharSequence getCharContent(boolean ignoreEncodingErrors) {
                return source;
            }
        };
    }

    /** The kernel {@code name} of target jvm128 with this method body and further members. */
    public static byte[] kernel(String name, String body, String members) {
        return compile("org.clipc.kernels.jvm128." + name, source(name, body, members));
    }

    /** The source of such a kernel. */
    public static String source(String name, String body, String members) {
        return """
                package org.clipc.kernels.jvm128;

                import java.lang.foreign.MemorySegment;
                import java.lang.foreign.ValueLayout;
                import jdk.incubator.vector.*;

                public final class %s {
                    public static void run(MemorySegment arena, long[] args, int from, int to, float[] local, float[] shared) {
                        %s
                    }
                    %s
                }
                """.formatted(name, body, members);
    }
}
