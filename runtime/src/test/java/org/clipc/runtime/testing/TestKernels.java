package org.clipc.runtime.testing;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.net.URI;
import java.util.List;
import java.util.Locale;
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
        var unit =
                new SimpleJavaFileObject(
                        URI.create("mem:///" + className.replace('.', '/') + ".java"), JavaFileObject.Kind.SOURCE) {
                    @Override
                    public CharSequence getCharContent(boolean ignoreEncodingErrors) {
                        return source;
                    }
                };
        var options = List.of("--add-modules", "jdk.incubator.vector", "-Xlint:none", "-proc:none");
        if (!javac.getTask(null, files, diagnostics, options, null, List.of(unit))
                .call()) {
            throw new IllegalArgumentException(diagnostics.getDiagnostics().toString());
        }
        return Objects.requireNonNull(classes.get(className), className).toByteArray();
    }

    /** The kernel {@code name} of target jvm128 with this method body and further members. */
    public static byte[] kernel(String name, String body, String members) {
        var source = """
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
        return compile("org.clipc.kernels.jvm128." + name, source);
    }
}
